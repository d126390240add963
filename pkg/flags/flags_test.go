package flags

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

func TestSize(t *testing.T) {
	tests := map[string]int{ // 0: an error
		"1": 1, "65536": 65536, "64KiB": 64 << 10, "1MiB": 1 << 20, "1024MiB": 1 << 30,
		"": 0, "0": 0, "-1": 0, "+1": 0, "1KB": 0, "1.5MiB": 0, "KiB": 0, "1025MiB": 0, "99999999999999999999": 0,
	}
	for text, want := range tests {
		var s Size
		if err := s.Set(text); (err == nil) != (want > 0) || int(s) != want {
			t.Errorf("%q: %d, %v; want %d", text, s, err, want)
		}
		var again Size
		if want > 0 && (again.Set(s.String()) != nil || again != s) {
			t.Errorf("%q is printed as %q, which is another size", text, s.String())
		}
	}
}

func TestExit(t *testing.T) {
	tests := []struct {
		err  error
		code int
		text string
	}{
		{nil, ExitOK, ""},
		{ErrHelp, ExitOK, ""},
		{errors.New("broken"), ExitFailure, "p: broken\n"},
		{Usage("--x: %w", errors.New("wrong")), ExitUsage, "p: --x: wrong\nTry 'p --help'.\n"},
	}
	for _, test := range tests {
		stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		defer stderr.Close()
		code := Exit("p", test.err, log.NewWriter(stderr))
		if text, err := os.ReadFile(stderr.Name()); code != test.code || string(text) != test.text {
			t.Errorf("%v: exit code %d, stderr %q, %v", test.err, code, text, err)
		}
	}
}

func TestStopSignals(t *testing.T) {
	ignored := func(os.Signal) bool { return true }
	if got := StopSignals(ignored, os.Interrupt, syscall.SIGTERM); len(got) != 1 || got[0] != syscall.SIGTERM {
		t.Errorf("an interrupt that is ignored must stay ignored: %v", got)
	}
	heeded := func(os.Signal) bool { return false }
	if got := StopSignals(heeded, os.Interrupt, syscall.SIGTERM); len(got) != 2 {
		t.Errorf("both signals end a program: %v", got)
	}
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Common{Linger: 4 * time.Second}
		ctx, stop := context.WithCancel(t.Context())
		longer, done := c.Lingering(ctx)
		defer done()
		time.Sleep(time.Hour)
		if longer.Err() != nil {
			t.Error("the context ended before lingering began")
		}
		stop()
		time.Sleep(3 * time.Second)
		if longer.Err() != nil {
			t.Error("the context ended before --linger had passed")
		}
		time.Sleep(2 * time.Second)
		if longer.Err() == nil {
			t.Error("the context lasts longer than --linger")
		}
	})
}

// parse parses a command line of shared flags.
func parse(args ...string) (*Common, error) {
	c := &Common{}
	return c, c.Parse(NewSet(Program{Name: "p"}, c), "", args, io.Discard)
}

func TestLookedUpEndpoints(t *testing.T) {
	c, err := parse("--connect", "dns+tcp://logs.example:5555", "--connect", "tcp://127.0.0.1:0005",
		"--connect", "srv+tcp://_zmq._tcp.example", "--connect", "ipc:///run/s", "--dns", "[::1]:8600")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Socket("", nil).DNSServer; got != "[::1]:8600" {
		t.Errorf("the socket asks %q", got)
	}
	// What is looked up is not known at the start.
	if got, want := c.Endpoints(), []string{"tcp://127.0.0.1:5", "ipc:///run/s"}; !slices.Equal(got, want) {
		t.Errorf("endpoints %q, want %q", got, want)
	}
}

func TestDNSServer(t *testing.T) {
	tests := []struct {
		server, connect, want string
	}{
		{"", "dns+tcp://a.example:1", ""},
		{"127.0.0.1:53", "dns+tcp://a.example:1", ""},
		{"consul:8600", "srv+tcp://_a._tcp.example", ""},
		{"127.0.0.1", "dns+tcp://a.example:1", "write host:port"},
		{"127.0.0.1:0", "dns+tcp://a.example:1", "write host:port"},
		{"::1:53", "dns+tcp://a.example:1", "write host:port"},
		{"*:53", "dns+tcp://a.example:1", "write host:port"},
		{"udp://127.0.0.1:53", "dns+tcp://a.example:1", "write host:port"},
		{"127.0.0.1:53", "tcp://a.example:1", "--dns needs an endpoint"},
	}
	for _, test := range tests {
		_, err := parse("--connect", test.connect, "--dns", test.server)
		var usage *UsageError
		wrong := errors.As(err, &usage) && strings.Contains(err.Error(), test.want)
		if test.want == "" && err != nil || test.want != "" && !wrong {
			t.Errorf("--dns %s --connect %s: %v, want %q", test.server, test.connect, err, test.want)
		}
	}
	if _, err := parse("--bind", "srv+tcp://_a._tcp.example"); err == nil || !strings.Contains(err.Error(), "--bind") {
		t.Errorf("--bind with an endpoint that is looked up: %v", err)
	}
}
