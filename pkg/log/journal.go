package log

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
)

// ToJournal reports whether a file is a stream to systemd's journal, as the variable JOURNAL_STREAM says
// (systemd.exec(5)).
func ToJournal(file *os.File, getenv func(string) string) bool {
	info, err := file.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// priorities are what a line for the journal begins with, in the form of sd-daemon(3), for debug to error. The journal
// takes them off.
var priorities = [4]string{"<7>", "<6>", "<4>", "<3>"}

func priorityOf(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 2
	case level >= slog.LevelInfo:
		return 1
	}
	return 0
}

// JournalText returns a text with the priority of a level before each of its lines.
func JournalText(text string, level slog.Level) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(priorities[priorityOf(level)] + line)
	}
	return out.String()
}

// Journal is a handler whose lines begin with their priority. handler makes one that writes to w. It should leave out
// time and level, which the journal has.
func Journal(w io.Writer, handler func(w io.Writer) slog.Handler) slog.Handler {
	var j journal
	for i, priority := range priorities {
		j[i] = handler(&prefixed{w, priority})
	}
	return j
}

// journal has a handler for each priority.
type journal [4]slog.Handler

func (j journal) Enabled(ctx context.Context, level slog.Level) bool {
	return j[priorityOf(level)].Enabled(ctx, level)
}

func (j journal) Handle(ctx context.Context, r slog.Record) error {
	return j[priorityOf(r.Level)].Handle(ctx, r)
}

func (j journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i, h := range j {
		j[i] = h.WithAttrs(attrs)
	}
	return j
}

func (j journal) WithGroup(name string) slog.Handler {
	for i, h := range j {
		j[i] = h.WithGroup(name)
	}
	return j
}

// prefixed writes a prefix before each line. A call of Write has one line.
type prefixed struct {
	w      io.Writer
	prefix string
}

func (p *prefixed) Write(line []byte) (int, error) {
	if _, err := p.w.Write(append([]byte(p.prefix), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
