package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"testing"
)

func TestWords(t *testing.T) {
	var out bytes.Buffer
	l := slog.New(&Words{Out: &out, Level: slog.LevelInfo, Without: []string{"said elsewhere"}}).With("name", "n")
	l.Debug("not logged")
	l.Info("said elsewhere")
	l.Info("listening", "endpoint", "tcp://127.0.0.1:1")
	l.Warn("no connection", "endpoint", "tcp://a:1", "reason", fmt.Errorf("dial tcp 127.0.0.1:1: %w", syscall.ECONNREFUSED), slog.Attr{}, "peer", "")
	l.WithGroup("g").Error("broken", "error", errors.New("a\x1b[2J\nb"), "messages", 3)
	const want = "listening: tcp://127.0.0.1:1 (name n)\n" +
		"warning: no connection: tcp://a:1: connection refused (name n)\n" +
		"error: broken: a#033[2J#012b (name n, messages 3)\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	slog.New(&Words{Out: &out, Level: slog.LevelError}).Error("x", "reason", string(bytes.Repeat([]byte("é"), mostWords)))
	if n := out.Len(); n > mostWords+20 {
		t.Errorf("%d bytes of a long reason", n)
	}
}
