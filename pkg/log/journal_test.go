package log

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"
)

func TestToJournal(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	info, err := write.Stat()
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	for variable, want := range map[string]bool{
		fmt.Sprintf("%d:%d", stat.Dev, stat.Ino):   true,
		fmt.Sprintf("%d:%d", stat.Dev, stat.Ino+1): false, // rsyslogd's, for example, which omprog's child inherits
		"": false,
	} {
		if ToJournal(write, func(string) string { return variable }) != want {
			t.Errorf("JOURNAL_STREAM=%s: want %t", variable, want)
		}
	}
}

func TestJournal(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(Journal(&out, func(w io.Writer) slog.Handler {
		return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}})
	})).With("name", "n").WithGroup("g")
	logger.Debug("not enabled")
	logger.Info("a")
	logger.Warn("b", "k", 1)
	logger.Error("c\nd")
	const want = "<6>msg=a name=n\n<4>msg=b name=n g.k=1\n<3>msg=\"c\\nd\" name=n\n"
	if out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}
