package relp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of these tests; nothing takes that long unless it hangs.
const patience = 20 * time.Second

// peer is the server's end of one connection, driven by a script.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   []byte
	txnr int // of the newest syslog frame read
}

// next reads one frame. It returns false when the connection has ended.
func (p *peer) next() (Frame, bool) {
	for {
		f, n, err := Parse(p.in, 1<<20)
		if err == nil {
			f = Frame{f.Txnr, bytes.Clone(f.Command), bytes.Clone(f.Data)}
			p.in = p.in[n:]
			return f, true
		}
		if err != ErrShort {
			p.t.Errorf("the client sent a bad frame: %v", err)
			return Frame{}, false
		}
		buf := make([]byte, 4096)
		m, err := p.conn.Read(buf)
		if err != nil {
			return Frame{}, false
		}
		p.in = append(p.in, buf[:m]...)
	}
}

// messages reads n syslog frames.
func (p *peer) messages(n int) (texts []string) {
	for range n {
		f, ok := p.next()
		if !ok || string(f.Command) != "syslog" {
			p.t.Errorf("after %d messages of %d: %+v, %v", len(texts), n, f, ok)
			return texts
		}
		p.txnr = f.Txnr
		texts = append(texts, string(f.Data))
	}
	return texts
}

// say writes raw text. That the client has closed the connection is no error.
func (p *peer) say(format string, args ...any) { fmt.Fprintf(p.conn, format, args...) }

// ok answers transactions with 200, in the order given.
func (p *peer) ok(txnrs ...int) {
	for _, txnr := range txnrs {
		p.say("%d rsp 6 200 OK\n", txnr)
	}
}

// greet answers open as imrelp does.
func (p *peer) greet() {
	if f, ok := p.next(); !ok || f.Txnr != 1 || string(f.Command) != "open" || !bytes.Contains(f.Data, []byte("commands=syslog")) {
		p.t.Errorf("%+v, %v in place of open", f, ok)
	}
	p.say("1 rsp 93 200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog\n")
}

// serve answers every message until the client sends close or ends the connection, and returns the texts.
func (p *peer) serve() (texts []string) {
	for {
		f, ok := p.next()
		switch {
		case !ok:
			return texts
		case string(f.Command) == "close":
			p.say("%d rsp 0\n0 serverclose 0\n", f.Txnr)
			return texts
		}
		texts = append(texts, string(f.Data))
		p.ok(f.Txnr)
	}
}

// fakeServer runs one script per connection, in order, on a loopback port; every connection after the
// last script is an error.
func fakeServer(t *testing.T, scripts ...func(*peer)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if n >= len(scripts) {
				t.Errorf("connection %d, want only %d", n+1, len(scripts))
				conn.Close()
				continue
			}
			conn.SetDeadline(time.Now().Add(patience))
			conns.Go(func() {
				defer conn.Close()
				scripts[n](&peer{t: t, conn: conn})
			})
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return l.Addr().String()
}

// logs collects what is logged.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logs) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte(part))
}

// newClient returns a client with a short wait between attempts, and its log.
func newClient(t *testing.T, config Config) (*Client, *logs) {
	t.Helper()
	l := &logs{}
	config.Logger = slog.New(slog.NewTextHandler(l, nil))
	if config.Reconnect == 0 {
		config.Reconnect = time.Millisecond
	}
	c, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c.Close(ctx)
	})
	return c, l
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func batchOf(n int) (batch [][]byte) {
	for i := range n {
		batch = append(batch, fmt.Appendf(nil, "m%d", i))
	}
	return batch
}

// fates returns what settled records: "" (not settled), "ok", or the refusal. Settling twice is an error.
func fates(t *testing.T, n int) ([]string, func(int, error)) {
	got := make([]string, n)
	return got, func(i int, refusal error) {
		if got[i] != "" {
			t.Errorf("message %d settled twice", i)
		}
		if got[i] = "ok"; refusal != nil {
			got[i] = refusal.Error()
		}
	}
}
