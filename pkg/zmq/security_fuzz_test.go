package zmq

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// opposite is the other end of a connection, which has its keys. It performs the handshake as soon as it has heard
// enough, tells what metadata it likes, and then sends frames, sealed. Somebody between the ends alters what it says.
type opposite struct {
	script // what it has said, and we have not read
	t      testing.TB
	client *curve.Client // nil: it is the server
	server *curve.Server

	metadata, frames []byte
	sealed           bool   // the frames have been sent
	clear            []byte // they in clear, as far as they are whole

	greeted bool
	heard   []byte // and not yet answered
	said    int    // bytes
	at      int    // which byte is altered first
	with    []byte
	altered bool
}

func (o *opposite) Write(b []byte) (int, error) {
	o.heard = append(o.heard, b...)
	if !o.greeted && len(o.heard) >= greetingSize {
		o.greeted, o.heard = true, o.heard[greetingSize:]
		o.say([]byte(greeting(3, 1, "CURVE")))
		if o.client != nil {
			o.say(zmtp.AppendFrame(nil, zmtp.Command, o.client.Hello()))
		}
	}
	for o.greeted && len(o.heard) > 2 {
		_, body, n, err := zmtp.DecodeFrame(o.heard, 1<<20)
		if err != nil || n > len(o.heard) {
			break
		}
		o.heard = o.heard[n:]
		if err := o.answer(body); err != nil {
			o.t.Fatalf("what we have said is refused: %v", err)
		}
	}
	return len(b), nil
}

// answer performs the next step of the handshake.
func (o *opposite) answer(body []byte) error {
	var next []byte
	var session *curve.Session
	name, _, err := zmtp.ParseCommand(body)
	switch string(name) {
	case zmtp.Hello:
		next, err = o.server.Welcome(body)
	case zmtp.Welcome:
		next, err = o.client.Initiate(body)
	case zmtp.Initiate:
		if _, _, err = o.server.Accept(body); err == nil {
			next, session, err = o.server.Ready(o.metadata)
		}
	case zmtp.Ready:
		_, session, err = o.client.Finish(body)
	}
	if next != nil {
		o.say(zmtp.AppendFrame(nil, zmtp.Command, next))
	}
	if session != nil {
		var sealed []byte
		sealed, o.clear = seal(session, o.frames)
		o.say(sealed)
		o.sealed = true
	}
	return err
}

func (o *opposite) say(b []byte) {
	for i := range b {
		if at := o.said + i - o.at; at >= 0 && at < len(o.with) {
			o.altered = o.altered || b[i] != o.with[at]
			b[i] = o.with[at]
		}
	}
	o.said += len(b)
	o.rest = append(o.rest, b...)
}

// FuzzConnection gives both ends what a fuzzer makes of everything that arrives on a connection: of what is in the
// boxes of one that has the keys, and of the bytes on their way. Unless they were altered, the result is that of the
// same in clear. If they were, nothing is received but a beginning of that.
func FuzzConnection(f *testing.F) {
	dealer := []byte(property("Socket-Type", "DEALER") + property("Identity", "me"))
	for i, frames := range append(hostile(f, "frames-refused"), hostile(f, "frames-accepted")...) {
		f.Add(i%2 == 0, dealer, frames.Bytes, uint16(0), []byte{}, []byte{9})
		f.Add(i%2 != 0, dealer, frames.Bytes, uint16(20*i), []byte{byte(i)}, []byte{})
	}
	for at := range 16 {
		f.Add(at%2 == 0, dealer, []byte("\x00\x02hi\x01\x01a\x00\x00"), uint16(40*at), []byte{1, 2, 3}, []byte{byte(at)})
	}
	f.Add(true, []byte("\x00"), []byte{}, uint16(0), []byte{}, []byte{})
	keys := newBoth(f)
	f.Fuzz(func(t *testing.T, weServe bool, metadata, frames []byte, at uint16, with, sizes []byte) {
		o := &opposite{t: t, metadata: metadata, frames: frames, at: int(at), with: with}
		o.sizes = sizes
		ours := keys.opposed(t, o, weServe)
		s, err := handshake(o, ours, Router, time.Hour)
		conn := &script{rest: []byte(greeting(3, 1, "NULL"))}
		conn.rest = append(conn.rest, zmtp.AppendCommand(nil, zmtp.Ready, metadata)...)
		inClear, wantErr := handshake(conn, null(Router, nil), Router, time.Hour)
		const most = maxCommand - 300 // of metadata, with what INITIATE has besides
		if !o.altered && len(metadata) < most && ((err == nil) != (wantErr == nil) || !bytes.Equal(s.identity, inClear.identity)) {
			t.Fatalf("%q: %q, %v; in clear %q, %v", metadata, s.identity, err, inClear.identity, wantErr)
		}
		if err == nil {
			o.compare(t, &s)
		}
	})
}

// opposed returns our end's mechanism, and gives o the other side's.
func (b both) opposed(t *testing.T, o *opposite, weServe bool) mechanism {
	var err error
	about := metadata{typ: Router}
	if weServe {
		o.client, err = curve.NewClient(&b.client, b.server.Public, o.metadata)
		if err != nil {
			t.Fatal(err)
		}
		return &curveServer{metadata: about, own: &b.server, clients: oneClient(b.client.Public)}
	}
	if o.server, err = curve.NewServer(&b.server); err != nil {
		t.Fatal(err)
	}
	return &curveClient{metadata: about, own: &b.client, peer: curve.Named{Key: b.server.Public}}
}

// compare compares what is received with what would be in clear.
func (o *opposite) compare(t *testing.T, s *session) {
	t.Helper()
	if !o.sealed {
		t.Fatal("our end believes that the handshake is over")
	}
	want, _ := feed(o.clear, nil, true, true)
	r := testReceiver()
	r.sealed = newOpening(&s.keys.Opener)
	got, _ := feedTo(r, o.rest, o.sizes, true, true)
	if !o.altered {
		if (got.err == nil) != (want.err == nil) {
			t.Fatalf("%v; in clear %v", got.err, want.err)
		}
		got.err, want.err = nil, nil
		if !got.equal(want) {
			t.Fatalf("%+v; in clear %+v", got, want)
		}
		return
	}
	if !begins(want.messages, got.messages) || !begins(want.commands, got.commands) || !begins(want.cuts, got.cuts) {
		t.Fatalf("altered at %d: %+v; in clear %+v", o.at, got, want)
	}
}

// begins reports whether all begins with some.
func begins[T comparable](all, some []T) bool {
	return len(some) <= len(all) && slices.Equal(all[:len(some)], some)
}
