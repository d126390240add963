package zmq

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// kinds returns endpoints of every kind, to be bound.
func kinds(t testing.TB) []string {
	return []string{"tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "tcp://[::1]:0",
		"ipc://" + filepath.Join(t.TempDir(), "s"),
		"ipc://@rsyslog-zeromq-" + filepath.Base(t.TempDir()) + t.Name()}
}

func TestBindReportsWhatItGot(t *testing.T) {
	for _, kind := range kinds(t) {
		s := open(t, Config{Type: Pull})
		at, err := s.Bind(kind)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(at, ":0") || strings.HasSuffix(at, "*") || (strings.HasPrefix(kind, "ipc") && at != kind) {
			t.Errorf("%s is bound as %s", kind, at)
		}
		up := make(chan *Peer, 1)
		push := open(t, Config{Type: Push, OnUp: func(p *Peer) { up <- p }})
		if err := push.Connect(at); err != nil {
			t.Fatal(err)
		}
		if err := push.Send(soon(t), []byte(kind)); err != nil {
			t.Fatal(err)
		}
		if got := receiveOne(t, s); got != kind {
			t.Errorf("received %q", got)
		}
		if p := <-up; p.Remote() != at {
			t.Errorf("the peer at %s has the endpoint %s", at, p.Remote())
		}
	}
}

func TestBindEveryInterface(t *testing.T) {
	s := open(t, Config{Type: Pull})
	at, err := s.Bind("tcp://*:0")
	if err != nil {
		t.Fatal(err)
	}
	port, found := strings.CutPrefix(at, "tcp://*:")
	if !found || port == "0" {
		t.Fatalf("bound as %s", at)
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		push := connected(t, Config{Type: Push}, "tcp://"+host+":"+port)
		push.Send(soon(t), []byte(host))
		if got := receiveOne(t, s); got != host {
			t.Errorf("received %q", got)
		}
	}
}

func TestBindTakenPort(t *testing.T) {
	_, at := bound(t, Config{Type: Pull})
	_, err := open(t, Config{Type: Pull}).Bind(at)
	if err == nil || !strings.Contains(err.Error(), "another process") || !strings.Contains(err.Error(), at) {
		t.Errorf("%v", err)
	}
}

func TestSocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	bind := func() (*Socket, error) {
		s := open(t, Config{Type: Pull})
		_, err := s.Bind("ipc://" + path)
		return s, err
	}
	s, err := bind()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bind(); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a socket that is in use was bound: %v", err)
	}
	s.Close(context.Background())
	if _, err := os.Lstat(path); err == nil {
		t.Error("the file was not removed")
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	s, err = bind()
	if err != nil {
		t.Fatalf("a stale socket was not replaced: %v", err)
	}
	s.Close(context.Background())
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bind(); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a foreign file: %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "precious" {
		t.Errorf("the foreign file holds %q, %v", content, err)
	}
	os.Remove(path)
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := bind(); err == nil {
		t.Error("another program's datagram socket was replaced")
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSocket == 0 {
		t.Errorf("it is gone: %v", err)
	}
}

func TestBindErrors(t *testing.T) {
	s := open(t, Config{Type: Pull})
	for _, text := range []string{
		"tcp://192.0.2.1:5555", "ipc:///nowhere/at/all", "ipc://relative", "udp://x:1", "tcp://*", "",
	} {
		if at, err := s.Bind(text); err == nil {
			t.Errorf("%q was bound as %s", text, at)
		}
	}
	if err := s.Connect("tcp://*:5555"); err == nil {
		t.Error("* was connected to")
	}
}

func TestConfigErrors(t *testing.T) {
	tests := map[string]Config{
		"no type":                     {},
		"unknown type":                {Type: "PAIR"},
		"identity too long":           {Type: Dealer, Identity: make([]byte, 256)},
		"identity begins with a zero": {Type: Dealer, Identity: []byte("\x00x")},
		"negative HWM":                {Type: Push, HWM: -1},
		"negative MaxMessage":         {Type: Push, MaxMessage: -1},
		"negative Heartbeat":          {Type: Push, Heartbeat: -1},
		"negative Reconnect":          {Type: Push, Reconnect: -1},
		"negative HandshakeTimeout":   {Type: Push, HandshakeTimeout: -1},
		"too many subscriptions":      {Type: Sub, Subscribe: []string{strings.Repeat("x", prefix.MaxBytes)}},
	}
	for name, cfg := range tests {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// An address that is taken is bound once it is free. The closing of the socket ends the waiting.
func TestBindLater(t *testing.T) {
	first, at := bound(t, Config{Type: Pull})
	patience := listen.Patience{Limit: listen.ForEver, First: time.Millisecond, Max: 10 * time.Millisecond}
	var log logged
	patience.Logger = log.logger()
	waiting, second := open(t, Config{Type: Pull}), open(t, Config{Type: Pull})
	done := make(chan string, 2)
	report := func(bound string, err error) { done <- fmt.Sprint(bound, err) }
	waiting.BindLater(at, patience, report)
	eventually(t, "an attempt", func() bool { return log.count("will go on trying") == 1 })
	waiting.Close(context.Background())
	waiting.BindLater(at, patience, report)
	second.BindLater(at, patience, report)
	first.Close(context.Background())
	if got := <-done; got != at+"<nil>" {
		t.Errorf("bound: %s", got)
	}
	push := connected(t, Config{Type: Push}, at)
	push.Send(soon(t), []byte("late"))
	if got := receiveOne(t, second); got != "late" {
		t.Errorf("received %q", got)
	}
}
