package zmq

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const beat = 10 * time.Second

// inBubble runs a test in fake time, with a socket whose only peer is at the other end of a pipe: nothing is
// buffered between the two.
func inBubble(
	t *testing.T, cfg Config, typ string, minor byte,
	test func(t *testing.T, s *Socket, r *raw, reason chan error),
) {
	synctest.Test(t, func(t *testing.T) {
		reason := make(chan error, 1)
		cfg.Heartbeat = beat
		cfg.OnDown = func(_ *Peer, err error) { reason <- err }
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		r := &raw{Conn: far, t: t}
		s.work.Go(func() { s.serve(near, "pipe", nil, false, 0) })
		g := r.hear(64)
		r.say(greeting(3, minor, "NULL"))
		_, metadata := r.frame()
		r.say(ready(typ))
		if !strings.HasPrefix(g, "\xff") || !strings.HasPrefix(metadata, "\x05READY") {
			t.Fatalf("%q %q", g, metadata)
		}
		test(t, s, r, reason)
		r.Close()
		s.Close(context.Background())
	})
}

// A peer that sends nothing for three intervals is dropped; it gets PINGs before.
func TestSilentPeerIsDropped(t *testing.T) {
	inBubble(t, Config{Type: Pull}, "PUSH", 1, func(t *testing.T, s *Socket, r *raw, reason chan error) {
		began := time.Now()
		if heard := r.ended(); !strings.HasPrefix(heard, "\x04\x07\x04PING\x00\x00\x04\x07\x04PING\x00\x00") {
			t.Errorf("the peer heard %q", heard)
		}
		if stood := time.Since(began); stood != 3*beat {
			t.Errorf("dropped after %v", stood)
		}
		if err := <-reason; err == nil || err.Error() != "silent for 30s" {
			t.Errorf("reason: %v", err)
		}
	})
}

// Whatever a peer sends shows that it lives, even a part of a frame.
func TestPeerThatSaysSomethingStays(t *testing.T) {
	for name, something := range map[string]string{"an answer": command("PONG", ""), "a trickle": "\x00"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{Type: Pull}, "PUSH", 1, func(t *testing.T, s *Socket, r *raw, reason chan error) {
				if something == "\x00" {
					r.say("\x00\xff")
				}
				for range 20 {
					if _, ping := r.frame(); ping != "\x04PING\x00\x00" {
						t.Fatalf("heard %q", ping)
					}
					time.Sleep(beat - 1)
					r.say(something)
				}
				if synctest.Wait(); len(reason) > 0 {
					t.Errorf("the peer was dropped: %v", <-reason)
				}
			})
		})
	}
}

// Before version 3.1 there is no PING: the peer would take it for a message, and its silence means nothing.
func TestOldPeerIsNotPinged(t *testing.T) {
	inBubble(t, Config{Type: Pull}, "PUSH", 0, func(t *testing.T, s *Socket, r *raw, reason chan error) {
		r.SetReadDeadline(time.Now().Add(100 * beat))
		var one [1]byte
		if n, err := r.Read(one[:]); n != 0 || err == nil || !err.(net.Error).Timeout() {
			t.Errorf("heard %q, %v", one[:n], err)
		}
		r.say("\x00\x02on")
		if got := receiveOne(t, s); got != "on" || len(reason) > 0 {
			t.Errorf("received %q", got)
		}
	})
}

// A peer is not silent because we have not read. While nothing receives we still send PING, which shows the
// peer that we live.
func TestBackPressureIsNoSilence(t *testing.T) {
	inBubble(t, Config{Type: Pull}, "PUSH", 1, func(t *testing.T, s *Socket, r *raw, reason chan error) {
		r.say("\x00\x03one")
		for range 20 {
			if _, ping := r.frame(); ping != "\x04PING\x00\x00" {
				t.Fatalf("heard %q", ping)
			}
		}
		if got := receiveOne(t, s); got != "one" {
			t.Errorf("received %q", got)
		}
		r.frame()
		r.frame()
		r.say("\x00\x03two")
		if got := receiveOne(t, s); got != "two" || len(reason) > 0 {
			t.Errorf("received %q", got)
		}
	})
}

// paced is a connection that is read in large pieces, with pauses between them.
type paced struct {
	net.Conn
	pause    time.Duration
	buffered *bufio.Reader
}

type pauses paced

func (p *pauses) Read(b []byte) (int, error) {
	time.Sleep(p.pause)
	return p.Conn.Read(b)
}

func (p *paced) Read(b []byte) (int, error) { return p.buffered.Read(b) }

// A writer that always has something to write still sends PING: a PULL has nothing else to answer.
func TestBusyWriterPings(t *testing.T) {
	inBubble(t, Config{Type: Push}, "PULL", 1, func(t *testing.T, s *Socket, r *raw, reason chan error) {
		ctx, stop := context.WithCancel(context.Background())
		var sending sync.WaitGroup
		defer func() { stop(); sending.Wait() }()
		slow := &pauses{Conn: r.Conn, pause: beat / 100}
		r.Conn = &paced{Conn: r.Conn, buffered: bufio.NewReaderSize(slow, 64<<10)}
		sending.Go(func() {
			for s.Send(ctx, []byte("m")) == nil { // several before the writer returns
				time.Sleep(beat / 1000)
			}
		})
		for pings := 0; pings < 20; {
			flags, body := r.frame()
			if flags == 4 && body == "\x04PING\x00\x00" {
				pings++
				r.say(command("PONG", ""))
			} else if flags != 0 || body != "m" {
				t.Fatalf("flags %d, %q", flags, body)
			}
		}
		if len(reason) > 0 {
			t.Errorf("the peer was dropped: %v", <-reason)
		}
	})
}

// A peer that answers is not dropped while we write one long message to it.
func TestSlowReaderThatTalksStays(t *testing.T) {
	inBubble(t, Config{Type: Push}, "PULL", 1, func(t *testing.T, s *Socket, r *raw, reason chan error) {
		if err := s.Send(context.Background(), make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		for range 1009 / 10 {
			r.hear(10)
			time.Sleep(beat)
			r.say(command("PING", "\x00\x00"))
		}
		if len(reason) > 0 {
			t.Errorf("the peer was dropped: %v", <-reason)
		}
	})
}

// impatient is a TCP connection on which every read ends at its deadline at once.
type impatient struct {
	*net.TCPConn
	read func()
}

func (c *impatient) Read([]byte) (int, error) {
	c.read()
	return 0, os.ErrDeadlineExceeded
}

// A peer that reads slowly and sends nothing, with its PING far behind in the kernels' buffers, is not silent;
// one that does not read at all is.
func TestSlowReaderIsNotSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far := dialRaw(t, "tcp://"+l.Addr().String())
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		for { // there are always bytes under way
			if _, err := near.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}()
	defer func() { near.Close(); <-writing }()

	const slow = 10
	reads := 0
	conn := &impatient{TCPConn: near.(*net.TCPConn)}
	p := &Peer{conn: conn, beat: time.Hour}
	conn.read = func() {
		if reads++; reads > slow {
			return
		}
		eventually(t, "the kernel to send more", func() bool {
			far.hear(1 << 20)
			acknowledged, underway := sendProgress(conn)
			return acknowledged > p.acknowledged && underway
		})
	}
	if _, err := p.read(make([]byte, 1), false); !errors.Is(err, errSilent) || reads < slow+silentIntervals {
		t.Errorf("after %d reads: %v", reads, err)
	}
}

// A PING's time-to-live ends the connection of a peer from which nothing more comes, whether we send PING (to a peer of
// version 3.1) or not.
func TestTimeToLive(t *testing.T) {
	for _, minor := range []byte{0, 1} {
		for ttl, within := range map[string]time.Duration{"\x00\x05": beat / 20, "\x00\xff": 25500 * time.Millisecond} {
			inBubble(t, Config{Type: Pull}, "PUSH", minor, func(t *testing.T, s *Socket, r *raw, reason chan error) {
				r.say("\x00\x01m", command("PING", ttl+"ctx"))
				began := time.Now()
				receiveOne(t, s)
				if heard := r.ended(); !strings.HasPrefix(heard, "\x04\x08\x04PONGctx") {
					t.Errorf("version 3.%d: heard %q", minor, heard)
				}
				if stood := time.Since(began); stood < within || stood > within+beat/10 {
					t.Errorf("version 3.%d: ended after %v, want %v", minor, stood, within)
				}
				if err := <-reason; !errors.Is(err, errSilent) {
					t.Errorf("version 3.%d: %v", minor, err)
				}
			})
		}
	}
}

// Whatever comes within a PING's time-to-live ends it, and so does a PING without one.
func TestTimeToLiveEnds(t *testing.T) {
	for name, something := range map[string]string{
		"a part of a message": "\x00", "an answer": command("PONG", ""), "a PING": command("PING", "\x00\x00"),
	} {
		inBubble(t, Config{Type: Pull}, "PUSH", 0, func(t *testing.T, s *Socket, r *raw, reason chan error) {
			go io.Copy(io.Discard, r)
			r.say(command("PING", "\x00\x05"))
			time.Sleep(400 * time.Millisecond)
			r.say(something)
			time.Sleep(time.Hour)
			if synctest.Wait(); len(reason) > 0 {
				t.Errorf("%s: %v", name, <-reason)
			}
			r.Close()
		})
	}
}

// A PING's time-to-live does not run while we do not read.
func TestTimeToLiveUnderBackPressure(t *testing.T) {
	inBubble(t, Config{Type: Pull}, "PUSH", 0, func(t *testing.T, s *Socket, r *raw, reason chan error) {
		go io.Copy(io.Discard, r)
		r.say(command("PING", "\x00\x05") + "\x00\x03one")
		time.Sleep(time.Hour)
		if synctest.Wait(); len(reason) > 0 {
			t.Errorf("the peer is gone: %v", <-reason)
		}
		receiveOne(t, s)
	})
}
