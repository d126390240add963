// Package check is what --check does: it tests a configuration before anything is lost. Each thing that is tried is a
// line of the report, and each fault has a line with its cure.
//
// Nothing that matters is changed. No journal is taken over, no message is stored or taken from a peer, and no address
// is listened at. Each step over a network is limited to a few seconds.
package check

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// stepTime is how long one step over a network may take.
const stepTime = 5 * time.Second

// Report writes what a check has found. Its methods may be called from any goroutine.
type Report struct {
	mu       sync.Mutex
	out      io.Writer
	tried    int
	wrong    int
	warnings int
}

// NewReport returns a report that is written to out.
func NewReport(out io.Writer) *Report { return &Report{out: out} }

// Heading begins a part of the report.
func (r *Report) Heading(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := "\n"
	if r.tried == 0 {
		before = ""
	}
	fmt.Fprintf(r.out, "%s%s\n", before, printable(fmt.Sprintf(format, args...)))
}

// OK says that something is well.
func (r *Report) OK(format string, args ...any) { r.line("ok", fmt.Sprintf(format, args...)) }

// Note says what is no fault, and was not or cannot be tried.
func (r *Report) Note(format string, args ...any) { r.line("note", fmt.Sprintf(format, args...)) }

// Wrong says that something does not work, or loses messages. what is the flag or the place that it is about; detail
// may be empty.
func (r *Report) Wrong(k Kind, what any, detail string, args ...any) {
	r.finding("WRONG", k, what, detail, args)
}

// Warn says that something costs more than it should, or may do harm one day.
func (r *Report) Warn(k Kind, what any, detail string, args ...any) {
	r.finding("warning", k, what, detail, args)
}

func (r *Report) finding(level string, k Kind, what any, detail string, args []any) {
	if detail = fmt.Sprintf(detail, args...); detail != "" {
		detail = ": " + detail
	}
	r.line(level, fmt.Sprintf("%v: %s%s", what, k.Phrase, detail), "cure: "+k.Cure)
}

func (r *Report) line(level, text string, further ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	switch level {
	case "WRONG":
		r.wrong++
	case "warning":
		r.warnings++
	}
	fmt.Fprintf(r.out, "%-8s %s\n", level, printable(text))
	for _, line := range further {
		fmt.Fprintf(r.out, "%-8s %s\n", "", printable(line))
	}
}

// found returns how many faults there are, warnings included.
func (r *Report) found() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong + r.warnings
}

// printable keeps what others have written on one line, and from controlling a terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, text)
}

// End writes the sum, and returns an error if something is wrong, or if ctx has ended before everything was tried.
func (r *Report) End(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("--check has not tried everything: %w", err)
	}
	fmt.Fprintf(r.out, "\n%d tried, %d wrong, %d warnings\n", r.tried, r.wrong, r.warnings)
	if r.wrong > 0 {
		return fmt.Errorf("--check has found what is wrong: %d of %d", r.wrong, r.tried)
	}
	return nil
}

// Logger returns a logger for what is tried: its warnings and errors become warnings of the report.
func (r *Report) Logger() *slog.Logger { return slog.New(&handler{report: r}) }

// handler is a slog.Handler that writes to a report.
type handler struct {
	report *Report
	attrs  []slog.Attr
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (h *handler) Handle(_ context.Context, record slog.Record) error {
	var text strings.Builder
	text.WriteString(record.Message)
	write := func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		write(a)
	}
	record.Attrs(write)
	h.report.line("warning", text.String())
	return nil
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.report, append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

func (h *handler) WithGroup(string) slog.Handler { return h }
