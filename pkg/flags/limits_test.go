package flags

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

func TestMemory(t *testing.T) {
	tests := map[string]struct {
		want Memory
		text string
	}{
		"134217728": {128 << 20, "128MiB"},
		"65537":     {65537, "65537"},
		"1GiB":      {1 << 30, "1GiB"},
		"1024GiB":   {1 << 40, "1024GiB"},
		"3000MiB":   {3000 << 20, "3000MiB"},
	}
	for text, test := range tests {
		var m Memory
		if err := m.Set(text); err != nil || m != test.want || m.String() != test.text {
			t.Errorf("%s: %d, %s, %v", text, m, m.String(), err)
		}
	}
	for _, text := range []string{"", "0", "-1", "1GB", "1025GiB", "1.5GiB", "9223372036854775807GiB"} {
		var m Memory
		if m.Set(text) == nil {
			t.Errorf("%q is %d bytes", text, m)
		}
	}
}

// One gate and one budget serve all sockets of a program. What limits the connections, the log names.
func TestGate(t *testing.T) {
	room, _ := listen.Descriptors()
	for _, test := range []struct{ flags, want string }{
		{"--max-peers 1", "raise --max-peers"},
		{"--max-memory 16MiB", "raise --max-memory, now 16MiB"},
		{"--max-memory 1024GiB", "file descriptors"},
	} {
		c, err := parse(append([]string{"--bind", "tcp://*:1"}, strings.Fields(test.flags)...)...)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		a, b := c.Socket("PULL", logger), c.Socket("XPUB", logger)
		if a.Gate != b.Gate || a.Budget != b.Budget || a.Gate == nil || a.Budget == nil {
			t.Error("two sockets have limits of their own")
		}
		a.Gate.Own(room + c.Budget().Connections())
		if _, err := a.Gate.Admit(nobody{}); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(log.String(), test.want) {
			t.Errorf("%s: %v; log: %s", test.flags, err, log.String())
		}
	}
}

// nobody is a connection.
type nobody struct{ net.Conn }

func (nobody) RemoteAddr() net.Addr { return &net.TCPAddr{} }
