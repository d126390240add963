package curve

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest/transcript"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// recording is a connection of testdata/curve. Its commands are without their frames' headers.
type recording struct {
	client, server                     KeyPair
	clientRandom, serverRandom         []byte
	hello, welcome, initiate, ready    []byte
	clientMetadata, serverMetadata     []byte
	clientMessages, serverMessages     [][]byte
	clientMessageHas, serverMessageHas [][]byte // what is in their boxes
}

// recorded returns the recording in a file.
func recorded(t testing.TB, path string) *recording {
	t.Helper()
	items := transcript.Read(t, path)
	r := &recording{
		client: secretPair(t, items.One(t, "client secret")), clientRandom: items.One(t, "client random"),
		server: secretPair(t, items.One(t, "server secret")), serverRandom: items.One(t, "server random"),
		hello:    frameBody(t, zmtp.Command, items.One(t, "client HELLO")),
		welcome:  frameBody(t, zmtp.Command, items.One(t, "server WELCOME")),
		initiate: frameBody(t, zmtp.Command, items.One(t, "client INITIATE")),
		ready:    frameBody(t, zmtp.Command, items.One(t, "server READY")),

		clientMetadata: items.One(t, "client INITIATE holds"), clientMessageHas: items.All("client MESSAGE holds"),
		serverMetadata: items.One(t, "server READY holds"), serverMessageHas: items.All("server MESSAGE holds"),
	}
	for _, frame := range items.All("client MESSAGE") {
		r.clientMessages = append(r.clientMessages, frameBody(t, 0, frame))
	}
	for _, frame := range items.All("server MESSAGE") {
		r.serverMessages = append(r.serverMessages, frameBody(t, 0, frame))
	}
	for _, end := range []struct {
		pair   *KeyPair
		public []byte
	}{{&r.client, items.One(t, "client public")}, {&r.server, items.One(t, "server public")}} {
		if !bytes.Equal(end.pair.Public[:], end.public) {
			t.Fatalf("%s: %x is not the public key of the secret one", path, end.public)
		}
	}
	return r
}

func secretPair(t testing.TB, secret []byte) KeyPair {
	t.Helper()
	return parseSecret(t, EncodeZ85(secret))
}

// frameBody returns the body of a frame that has these flags.
func frameBody(t testing.TB, flags byte, frame []byte) []byte {
	t.Helper()
	got, body, n, err := zmtp.DecodeFrame(frame, 1<<20)
	if err != nil || n != len(frame) || got != flags {
		t.Fatalf("a frame of %d bytes in %d, flags %d, %v", n, len(frame), got, err)
	}
	return body
}

// each runs a test with each recording.
func each(t *testing.T, test func(*testing.T, *recording)) {
	paths, err := filepath.Glob(filepath.Join(recordings, "*.txt"))
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d recordings, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) { test(t, recorded(t, path)) })
	}
}

func (r *recording) newClient(t testing.TB) *Client {
	t.Helper()
	c, err := newClient(&r.client, r.server.Public, r.clientMetadata, bytes.NewReader(r.clientRandom))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *recording) newServer(t testing.TB) *Server {
	t.Helper()
	s, err := newServer(&r.server, bytes.NewReader(r.serverRandom))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// RFC 26: with the random bytes that libzmq had, our client says byte for byte what libzmq's client did, and takes what
// libzmq's server answered. Both ends of some recordings are libzmq's.
func TestClientAgainstRecordings(t *testing.T) {
	each(t, func(t *testing.T, r *recording) {
		c := r.newClient(t)
		same(t, "HELLO", c.Hello(), r.hello)
		initiate, err := c.Initiate(r.welcome)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "INITIATE", initiate, r.initiate)
		metadata, s, err := c.Finish(r.ready)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the server's metadata", metadata, r.serverMetadata)
		sends(t, s, r.clientMessageHas, r.clientMessages)
		receives(t, s, r.serverMessages, r.serverMessageHas)
	})
}

// The same for our server.
func TestServerAgainstRecordings(t *testing.T) {
	each(t, func(t *testing.T, r *recording) {
		s := r.newServer(t)
		welcome, err := s.Welcome(r.hello)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "WELCOME", welcome, r.welcome)
		client, metadata, err := s.Accept(r.initiate)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the client's key", client[:], r.client.Public[:])
		same(t, "the client's metadata", metadata, r.clientMetadata)
		ready, session, err := s.Ready(r.serverMetadata)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "READY", ready, r.ready)
		sends(t, session, r.serverMessageHas, r.serverMessages)
		receives(t, session, r.clientMessages, r.clientMessageHas)
	})
}

// sends seals what a side has sent, and compares every byte.
func sends(t *testing.T, s *Session, texts, messages [][]byte) {
	t.Helper()
	if len(texts) != len(messages) {
		t.Fatalf("%d MESSAGEs hold %d texts", len(messages), len(texts))
	}
	for i, text := range texts {
		wire := AppendFrame(nil, inside(text[0]), text[1:])
		seal(t, &s.Sealer, wire)
		same(t, "MESSAGE", wire[zmtp.HeaderSize(wire):], messages[i])
	}
}

// receives opens what a side has received.
func receives(t *testing.T, s *Session, messages, texts [][]byte) {
	t.Helper()
	if len(texts) != len(messages) {
		t.Fatalf("%d MESSAGEs hold %d texts", len(messages), len(texts))
	}
	for i, message := range messages {
		flags, body, err := s.Opener.Open(bytes.Clone(message))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "what MESSAGE holds", append([]byte{outside(flags)}, body...), texts[i])
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%x, want\n%x", what, got, want)
	}
}

// The recordings have all that the tests of other packages look for in them.
func TestRecordingsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	each(t, func(_ *testing.T, r *recording) {
		for _, m := range slices.Concat(r.clientMessageHas, r.serverMessageHas) {
			switch {
			case m[0] == 2:
				seen[string(m[2:2+m[1]])] = true
			case m[0] == 1:
				seen["part of a multipart"] = true
			case len(m) > 256:
				seen["long"] = true
			}
		}
	})
	for _, want := range []string{"PING", "PONG", "SUBSCRIBE", "CANCEL", "part of a multipart", "long"} {
		if !seen[want] {
			t.Errorf("no recording has %s", want)
		}
	}
}
