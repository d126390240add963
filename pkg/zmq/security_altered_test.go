package zmq

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// taken is what a PULL has received, until its connections end.
type taken struct {
	*Socket
	mu       sync.Mutex
	messages []string
	ended    chan error
	stays    string // the endpoint whose connection stays
}

func newTaken(t *testing.T, guard func(Config) Config) *taken {
	got := &taken{ended: make(chan error, 16)}
	got.Socket = open(t, guard(Config{Type: Pull, OnReceive: func(b *Batch) {
		got.mu.Lock()
		defer got.mu.Unlock()
		for i := range b.Len() {
			got.messages = append(got.messages, joined(b.Frames(i)))
		}
		b.Release()
	}, OnDown: func(_ *Peer, err error) { got.ended <- err }}))
	return got
}

func joined(frames [][]byte) string {
	var parts []string
	for _, f := range frames {
		parts = append(parts, string(f))
	}
	return strings.Join(parts, "|")
}

func (got *taken) all() []string {
	got.mu.Lock()
	defer got.mu.Unlock()
	return slices.Clone(got.messages)
}

// over waits until a connection has ended.
func (got *taken) over(t *testing.T) {
	t.Helper()
	select {
	case err := <-got.ended:
		if err == nil {
			t.Error("the connection has ended without a reason")
		}
	case <-soon(t).Done():
		t.Fatalf("the connection has not ended; received %q", got.all())
	}
}

// sent are the messages of each connection. Each is two frames.
var sent = []string{"t0|b0", "t1|b1", "t2|b2", "t3|b3", "t4|b4", "t5|b5"}

// attacked is the number of the frame that is attacked: the second one of sent[3].
const attacked = 7

// tamper is given each frame by its number. It returns what takes its place, and whether nothing follows.
type tamper func(n int, frame string) (instead string, end bool)

// attack is what somebody between the ends does.
type attack struct {
	intact int // messages that precede it
	begin  func() tamper
}

// attacks are on the frame with the number attacked, and those around it.
func attacks() map[string]attack {
	at := func(intact int, change func(frame string) (string, bool)) attack {
		return attack{intact, func() tamper {
			return func(n int, frame string) (string, bool) {
				if n == attacked {
					return change(frame)
				}
				return frame, false
			}
		}}
	}
	all := map[string]attack{
		"sent again":            at(4, func(frame string) (string, bool) { return frame + frame, false }),
		"a byte more":           at(4, func(frame string) (string, bool) { return frame + "\x00", false }),
		"removed":               at(3, func(string) (string, bool) { return "", false }),
		"half, then more":       at(3, func(frame string) (string, bool) { return frame[:len(frame)/2], false }),
		"half, then ended":      at(3, func(frame string) (string, bool) { return frame[:len(frame)/2], true }),
		"in clear":              at(3, func(string) (string, bool) { return "\x00\x02b3", false }),
		"one more, in clear":    at(3, func(frame string) (string, bool) { return "\x00\x02bx" + frame, false }),
		"PING in clear":         at(3, func(frame string) (string, bool) { return command("PING", "\x00\x00") + frame, false }),
		"ERROR in clear":        at(3, func(frame string) (string, bool) { return command("ERROR", "\x00") + frame, false }),
		"swapped":               {3, swap},
		"an old one sent again": {3, repeat},
	}
	const size = 2 + 33 + 2
	for i := range size {
		for _, bits := range []byte{0x01, 0x80} {
			if i == 0 {
				bits = 0x02 // the others of its flags mean nothing
			}
			all[fmt.Sprintf("byte %d changed by %#x", i, bits)] = at(3, func(frame string) (string, bool) {
				return frame[:i] + string([]byte{frame[i] ^ bits}) + frame[i+1:], false
			})
		}
	}
	return all
}

// swap sends the attacked frame after the one that follows it.
func swap() tamper {
	var held string
	return func(n int, frame string) (string, bool) {
		switch n {
		case attacked:
			held = frame
			return "", false
		case attacked + 1:
			return frame + held, false
		}
		return frame, false
	}
}

// repeat sends the first frame again.
func repeat() tamper {
	var first string
	return func(n int, frame string) (string, bool) {
		switch n {
		case 0:
			first = frame
		case attacked:
			return first + frame, false
		}
		return frame, false
	}
}

// patient waits with what an attack does until all messages have been sent: a PUSH without a peer sends none.
func patient(change tamper) tamper {
	var held []string
	return func(_ int, frame string) (all string, end bool) {
		if held = append(held, frame); len(held) < 2*len(sent) {
			return "", false
		}
		for n := 0; n < len(held) && !end; n++ {
			var instead string
			instead, end = change(n, held[n])
			all += instead
		}
		return all, end
	}
}

// ways are the pairs of ends between which there is somebody: who sends what, and what tells it to.
var ways = map[string]struct {
	receiverServes, libzmq bool
}{"our client": {true, false}, "our server": {false, false}, "libzmq's client": {true, true}, "libzmq's server": {false, true}}

// A MESSAGE that was replayed, moved, removed, altered or cut ends the connection, and nothing of it or after it is
// delivered. What preceded it is, and other connections go on.
func TestTamperedMessages(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			b := newBoth(t)
			var libzmq *zmqtest.Process
			if way.libzmq {
				libzmq = zmqtest.Start(t)
			}
			for name, attack := range attacks() {
				t.Run(name, func(t *testing.T) {
					got := b.connectThrough(t, libzmq, way.receiverServes, attack.begin())
					got.over(t)
					want := sent[:attack.intact]
					if messages := got.all(); !slices.Equal(messages, want) {
						t.Errorf("received %q, want %q", messages, want)
					}
					b.goesOn(t, got, want)
				})
			}
		})
	}
}

// connectThrough lets a PUSH send to a PULL of ours, through somebody who tampers with the frames.
func (b both) connectThrough(t *testing.T, libzmq *zmqtest.Process, receiverServes bool,
	change tamper) *taken {
	t.Helper()
	change = patient(change)
	if receiverServes {
		got := newTaken(t, b.asServer)
		at, err := got.Bind("tcp://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		got.stays = at
		m := between(t, at, fromClient, change)
		if libzmq != nil {
			libzmq.Connect("PUSH", m.at, b.theirClient()).Send(sent...)
			return got
		}
		sendAll(t, connected(t, b.asClient(Config{Type: Push}), m.at))
		return got
	}
	got := newTaken(t, b.asClient)
	if libzmq != nil {
		push := libzmq.Bind("PUSH", zmqtest.Loopback, b.theirServer())
		if err := got.Connect(between(t, push.Endpoint, fromServer, change).at); err != nil {
			t.Fatal(err)
		}
		push.Send(sent...)
		return got
	}
	push, at := bound(t, b.asServer(Config{Type: Push}))
	if err := got.Connect(between(t, at, fromServer, change).at); err != nil {
		t.Fatal(err)
	}
	sendAll(t, push)
	return got
}

func sendAll(t *testing.T, push *Socket) {
	t.Helper()
	for _, m := range sent {
		topic, body, _ := strings.Cut(m, "|")
		if err := push.Send(soon(t), []byte(topic), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
}

// goesOn checks that another connection of the socket still works.
func (b both) goesOn(t *testing.T, got *taken, before []string) {
	t.Helper()
	var push *Socket
	if got.stays != "" {
		push = connected(t, b.asClient(Config{Type: Push}), got.stays)
	} else {
		var at string
		push, at = bound(t, b.asServer(Config{Type: Push}))
		if err := got.Connect(at); err != nil {
			t.Fatal(err)
		}
	}
	if err := push.Send(soon(t), []byte("another's")); err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(before), "another's")
	eventually(t, "another connection's message", func() bool { return slices.Equal(got.all(), want) })
}

// The bits of a frame's outer flags but LONG mean nothing under CURVE, whoever sets them: what counts is in the box.
func TestOuterFlagsMeanNothing(t *testing.T) {
	b := newBoth(t)
	for _, bits := range []byte{0x01, 0x04, 0x08, 0x80, 0xfd} {
		for _, receiverServes := range []bool{true, false} {
			got := b.connectThrough(t, nil, receiverServes, func(_ int, frame string) (string, bool) {
				return string([]byte{frame[0] ^ bits}) + frame[1:], false
			})
			eventually(t, "all messages", func() bool { return slices.Equal(got.all(), sent) })
		}
	}
}
