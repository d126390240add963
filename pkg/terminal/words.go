package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"syscall"
)

// Words is a log for a person at a terminal: a line has what has happened, the endpoint and the reason, and in brackets
// what else there is. The time is left out, and so is a level that is usual.
//
//	warning: no connection; will go on trying: tcp://127.0.0.1:5556: connection refused
type Words struct {
	Out     io.Writer // each Write gets a line
	Level   slog.Leveler
	Without []string // messages that are not logged: the program says them in another way

	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (w *Words) Enabled(_ context.Context, level slog.Level) bool { return level >= w.Level.Level() }

// Handle implements slog.Handler.
func (w *Words) Handle(_ context.Context, r slog.Record) error {
	if slices.Contains(w.Without, r.Message) {
		return nil
	}
	var line strings.Builder
	switch {
	case r.Level >= slog.LevelError:
		line.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		line.WriteString("warning: ")
	}
	line.WriteString(r.Message)
	all := slices.Clone(w.attrs)
	r.Attrs(func(a slog.Attr) bool {
		all = append(all, a)
		return true
	})
	var others []string
	for _, a := range all {
		switch text := oneLine(a.Value); {
		case text == "", a.Key == "": // slog ignores the latter, too
		case a.Key == "endpoint", a.Key == "reason", a.Key == "error":
			line.WriteString(": " + text)
		default:
			others = append(others, a.Key+" "+text)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(&line, " (%s)", strings.Join(others, ", "))
	}
	_, err := io.WriteString(w.Out, line.String()+"\n")
	return err
}

// mostWords is how many bytes of a value are logged: some are a peer's.
const mostWords = 1000

// oneLine returns a value's text, safe to look at. Of an error of the system it has the reason, without the call and
// the address, which is the endpoint's.
func oneLine(v slog.Value) string {
	if err, ok := v.Any().(error); ok {
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			return errno.Error()
		}
	}
	return safe(v.Resolve().String(), mostWords)
}

// WithAttrs implements slog.Handler.
func (w *Words) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *w
	with.attrs = slices.Concat(w.attrs, attrs)
	return &with
}

// WithGroup implements slog.Handler. Groups have no place in words.
func (w *Words) WithGroup(string) slog.Handler { return w }
