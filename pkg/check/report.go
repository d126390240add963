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
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
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
	told     []told // all findings
}

// told is a finding.
type told struct {
	kind   Kind
	what   any
	detail string
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
	this := told{k, what, fmt.Sprintf(detail, args...)}
	r.mu.Lock()
	_, place := what.(rsyslogconf.Place)
	again := place && slices.Contains(r.told, this) // such as a template that two actions have
	r.told = append(r.told, this)
	r.mu.Unlock()
	if again {
		r.Note("%v: %s, as was said above", what, k.Phrase)
		return
	}
	if detail = this.detail; detail != "" {
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

// findings returns all findings so far, those that were said again included.
func (r *Report) findings() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// control is what controls a terminal, or ends a line, with the blanks around it.
var control = regexp.MustCompile(`[ \t]*[\x00-\x1f\x7f][ \x00-\x1f\x7f]*`)

// printable keeps what others have written on one line, and from controlling a terminal.
func printable(text string) string { return control.ReplaceAllLiteralString(text, " ") }

// End writes the sum, and returns an error if something is wrong, or if ctx has ended before everything was tried.
func (r *Report) End(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("--check has not tried everything: %w", err)
	}
	warnings := "warnings"
	if r.warnings == 1 {
		warnings = "warning"
	}
	fmt.Fprintf(r.out, "\n%d tried, %d wrong, %d %s\n", r.tried, r.wrong, r.warnings, warnings)
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
