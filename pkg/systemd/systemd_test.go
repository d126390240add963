package systemd

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manager is a socket as systemd's, and the environment of a process that systemd has started.
type manager struct{ *net.UnixConn }

func newManager(t *testing.T) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("SYSTEMD_EXEC_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("WATCHDOG_PID", "")
	t.Setenv("WATCHDOG_USEC", "")
	return &manager{conn}
}

// hears waits for a message that begins so, passing over others, and returns it.
func (m *manager) hears(t *testing.T, start string) string {
	t.Helper()
	m.SetReadDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // then Read fails
	buf := make([]byte, 4096)
	for {
		n, err := m.Read(buf)
		if err != nil {
			t.Fatalf("no message that begins with %q: %v", start, err)
		}
		if strings.HasPrefix(string(buf[:n]), start) {
			return string(buf[:n])
		}
	}
}

func TestLife(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("WATCHDOG_USEC", "20000")
	ctx, cancel := context.WithCancel(t.Context())
	s := Start(ctx, func() string { return "received 7" }, slog.New(slog.DiscardHandler))
	s.Ready()
	if got := m.hears(t, "READY=1\n"); !strings.Contains(got, "STATUS=received 7") {
		t.Errorf("%q", got)
	}
	m.hears(t, "WATCHDOG=1\nSTATUS=received 7")
	cancel()
	m.hears(t, "STOPPING=1\nSTATUS=draining: received 7")
	m.hears(t, "WATCHDOG=1\n") // it drains, and lives
	s.End()
}

// What is locked gives no sign of life: the first one comes after the status.
func TestHang(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("WATCHDOG_USEC", "2000")
	asked, unlocked := make(chan struct{}, 1), make(chan struct{})
	s := Start(t.Context(), func() string {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-unlocked
		return "unlocked"
	}, slog.New(slog.DiscardHandler))
	<-asked
	close(unlocked)
	if got := m.hears(t, ""); got != "WATCHDOG=1\nSTATUS=unlocked" {
		t.Errorf("%q", got)
	}
	s.End()
}

// Whoever is not a service's main process is silent.
func TestChild(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"another process's child":    {"SYSTEMD_EXEC_PID": "2", "WATCHDOG_PID": "2"},
		"not systemd's":              {"NOTIFY_SOCKET": ""},
		"a child under an older one": {"SYSTEMD_EXEC_PID": ""},
	} {
		t.Run(name, func(t *testing.T) {
			newManager(t)
			for key, value := range set {
				t.Setenv(key, value)
			}
			if s := Start(t.Context(), nil, nil); s != nil {
				t.Error("it reports")
			}
		})
	}
	var nobody *Service
	nobody.Ready()
	nobody.End()
}

// An end right after ctx's is not missed.
func TestShort(t *testing.T) {
	m := newManager(t)
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		s := Start(ctx, func() string { return "" }, slog.New(slog.DiscardHandler))
		cancel()
		s.End()
		m.hears(t, "STOPPING=1")
	}
}
