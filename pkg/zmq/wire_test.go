package zmq

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest/transcript"
)

// patience bounds every wait of these tests. It is reached only if something is wrong.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := leftOver(); left != "" {
			fmt.Fprintln(os.Stderr, "goroutines are left over:\n"+left)
			code = 1
		}
	}
	os.Exit(code)
}

// leftOver waits for the goroutines that run this package's code, and returns the stacks of those that do not end.
func leftOver() (stacks string) {
	for deadline := time.Now().Add(patience); ; <-time.After(5 * time.Millisecond) {
		buf := make([]byte, 4<<20)
		buf = buf[:runtime.Stack(buf, true)]
		var left []string
		for i, stack := range strings.Split(string(buf), "\n\n") {
			if i > 0 && (strings.Contains(stack, "zmq.(*Socket)") || strings.Contains(stack, "zmq.(*Peer)")) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

// eventually waits until condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// open makes a socket and closes it at the end of the test, without lingering.
func open(t testing.TB, cfg Config) *Socket {
	t.Helper()
	if cfg.Lanes == nil {
		cfg.Lanes = listen.NewLanes()
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Close(ctx)
	})
	return s
}

// bound makes a socket that is bound to a free port of 127.0.0.1.
func bound(t testing.TB, cfg Config) (s *Socket, at string) {
	t.Helper()
	s = open(t, cfg)
	at, err := s.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s, at
}

// connected makes a socket that connects to an endpoint.
func connected(t testing.TB, cfg Config, to string) *Socket {
	t.Helper()
	s := open(t, cfg)
	if err := s.Connect(to); err != nil {
		t.Fatal(err)
	}
	return s
}

// soon returns a context that ends if something is wrong.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// receive receives n messages, each with its frames joined with bars.
func receive(t testing.TB, s *Socket, n int) (got []string) {
	t.Helper()
	for len(got) < n {
		b, err := s.Recv(soon(t))
		if err != nil {
			t.Fatalf("%d of %d messages arrived: %v", len(got), n, err)
		}
		for i := range b.Len() {
			got = append(got, string(bytes.Join(b.Frames(i), []byte("|"))))
		}
		b.Release()
	}
	if len(got) > n {
		t.Fatalf("%d messages arrived, want %d", len(got), n)
	}
	return got
}

func receiveOne(t testing.TB, s *Socket) string {
	t.Helper()
	return receive(t, s, 1)[0]
}

// receiveUntil receives until a message arrives whose one frame is last.
func receiveUntil(t testing.TB, s *Socket, last string) {
	t.Helper()
	for found := false; !found; {
		b, err := s.Recv(soon(t))
		if err != nil {
			t.Fatalf("%q has not arrived: %v", last, err)
		}
		for i := range b.Len() {
			found = found || string(bytes.Join(b.Frames(i), []byte("|"))) == last
		}
		b.Release()
	}
}

// hostile returns a file of testdata/zmtp at the top of the repository.
func hostile(t testing.TB, name string) transcript.Transcript {
	t.Helper()
	return transcript.Read(t, "../../testdata/zmtp/"+name+".txt")
}

// greeting is a greeting by RFC 23's table.
func greeting(major, minor byte, mechanism string) string {
	return "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f" + string([]byte{major, minor}) +
		mechanism + strings.Repeat("\x00", 20-len(mechanism)) + strings.Repeat("\x00", 32)
}

// property is a property of metadata.
func property(name, value string) string {
	return string(rune(len(name))) + name + string(binary.BigEndian.AppendUint32(nil, uint32(len(value)))) + value
}

// command is a command of at most 255 bytes.
func command(name, data string) string {
	return "\x04" + string([]byte{byte(1 + len(name) + len(data)), byte(len(name))}) + name + data
}

func ready(typ string) string { return command("READY", property("Socket-Type", typ)) }

// longFrame is the header of a frame with a size of eight bytes.
func longFrame(flags byte, size uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte{flags | 2}, size))
}

// raw is a peer whose bytes the test writes itself.
type raw struct {
	net.Conn
	t      testing.TB
	mayEnd bool // the socket may end the connection at the end of the test
}

// fail ends the test, or only the goroutine if the connection may end.
func (r *raw) fail(format string, args ...any) {
	r.t.Helper()
	if r.mayEnd {
		runtime.Goexit()
	}
	r.t.Fatalf(format, args...)
}

// dialRaw connects to a socket that is bound.
func dialRaw(t testing.TB, to string) *raw {
	t.Helper()
	e, err := endpoint.Connect(to)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial(e.Network, e.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &raw{Conn: conn, t: t}
}

// peerRaw is dialRaw and a handshake of the version 3.minor.
func peerRaw(t testing.TB, to, typ string, minor byte) *raw {
	t.Helper()
	r := dialRaw(t, to)
	r.say(greeting(3, minor, "NULL"), ready(typ))
	r.greeted()
	return r
}

// shake performs a handshake of version 3.1, over an unbuffered connection, too.
func (r *raw) shake(typ string) {
	r.t.Helper()
	r.hear(64)
	r.say(greeting(3, 1, "NULL"))
	r.frame()
	r.say(ready(typ))
}

func (r *raw) say(parts ...string) {
	r.t.Helper()
	if _, err := io.WriteString(r, strings.Join(parts, "")); err != nil {
		r.fail("cannot write to the socket: %v", err)
	}
}

func (r *raw) hear(n int) string {
	r.t.Helper()
	b := make([]byte, n)
	if n, err := io.ReadFull(r, b); err != nil {
		r.fail("%d bytes from the socket, %.60q, then %v", n, b[:n], err)
	}
	return string(b)
}

// greeted reads the socket's greeting and READY.
func (r *raw) greeted() (g, ready string) {
	r.t.Helper()
	g = r.hear(64)
	_, ready = r.frame()
	return g, ready
}

// frame reads one frame.
func (r *raw) frame() (flags byte, body string) {
	r.t.Helper()
	flags = r.hear(1)[0]
	size := uint64(0)
	if flags&2 != 0 {
		size = binary.BigEndian.Uint64([]byte(r.hear(8)))
	} else {
		size = uint64(r.hear(1)[0])
	}
	return flags &^ 2, r.hear(int(size))
}

// ended reads until the socket has ended the connection, and returns what arrived before.
func (r *raw) ended() string {
	r.t.Helper()
	b, err := io.ReadAll(r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		r.fail("the socket did not end the connection: %v", err)
	}
	return string(b)
}

// logged is a log that a test reads.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}
