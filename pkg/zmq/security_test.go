package zmq

import (
	"context"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// both are the keys of a client and of a server that know each other.
type both struct{ client, server curve.KeyPair }

func newBoth(t testing.TB) both {
	t.Helper()
	return both{newKeys(t), newKeys(t)}
}

func newKeys(t testing.TB) curve.KeyPair {
	t.Helper()
	pair, err := curve.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// closeNow closes a socket without lingering.
func closeNow(s *Socket) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	s.Close(over)
}

// oneClient lets in one client.
type oneClient curve.Key

func (c oneClient) Admit(key curve.Key) (name string, ok bool) {
	return "known", curve.Key(c).Equal(key)
}

func (b both) asServer(cfg Config) Config {
	cfg.Security.Curve = &Curve{Own: b.server, Clients: oneClient(b.client.Public)}
	return cfg
}

func (b both) asClient(cfg Config) Config {
	cfg.Security.Curve = &Curve{Own: b.client, Servers: []curve.Named{{Key: b.server.Public}}}
	return cfg
}

// theirServer and theirClient are options of libzmq's sockets.
func (b both) theirServer() zmqtest.Options {
	return zmqtest.Options{"CURVE_SERVER": 1, "CURVE_SECRETKEY": b.server.SecretText()}
}

func (b both) theirClient() zmqtest.Options {
	return zmqtest.Options{"CURVE_SERVERKEY": b.server.Public.String(),
		"CURVE_PUBLICKEY": b.client.Public.String(), "CURVE_SECRETKEY": b.client.SecretText()}
}

// insider is a client of ours that can say anything: in clear, or sealed as only a client can that was let in.
type insider struct {
	*raw
	keys     *curve.Session
	initiate []byte // that it has sent
}

// enter performs a client's handshake with a socket that is bound.
func (b both) enter(t testing.TB, at, typ string) *insider {
	t.Helper()
	k := b.knock(t, at, property("Socket-Type", typ))
	k.finish(t)
	return k.insider
}

// knocking is a client that has sent INITIATE.
type knocking struct {
	*insider
	client *curve.Client
}

// knock performs a client's handshake up to INITIATE, with any metadata.
func (b both) knock(t testing.TB, at, metadata string) *knocking {
	t.Helper()
	r := dialRaw(t, at)
	client, err := curve.NewClient(&b.client, b.server.Public, []byte(metadata))
	if err != nil {
		t.Fatal(err)
	}
	r.say(greeting(3, 1, "CURVE"), handshakeCommand(client.Hello()))
	r.hear(64)
	_, welcome := r.frame()
	initiate, err := client.Initiate([]byte(welcome))
	if err != nil {
		t.Fatal(err)
	}
	r.say(handshakeCommand(initiate))
	return &knocking{&insider{raw: r, initiate: initiate}, client}
}

func (k *knocking) finish(t testing.TB) {
	t.Helper()
	_, ready := k.frame()
	var err error
	if _, k.keys, err = k.client.Finish([]byte(ready)); err != nil {
		t.Fatal(err)
	}
}

func handshakeCommand(body []byte) string { return string(zmtp.AppendFrame(nil, zmtp.Command, body)) }

// sealed returns frames as they are sent.
func (i *insider) sealed(frames ...string) string {
	wire, _ := seal(i.keys, []byte(strings.Join(frames, "")))
	return string(wire)
}

// opened reads a MESSAGE, and returns what is in it.
func (i *insider) opened() (flags byte, body string) {
	i.t.Helper()
	_, message := i.frame()
	flags, text, err := i.keys.Opener.Open([]byte(message))
	if err != nil {
		i.t.Fatal(err)
	}
	return flags, string(text)
}

// The directions of a connection.
const (
	fromClient = iota
	fromServer
)

// middle is somebody between two ends.
type middle struct {
	at    string // where to connect to
	piece int    // how many bytes are passed on at once

	mu    sync.Mutex
	heard [2][]byte // what has passed in each direction
	conns []net.Conn
	over  bool // the test is
}

// between returns somebody between those that connect to it and the endpoint to, who changes the frames of one
// direction after the handshake; nil: none of them. Only the first connection is served.
func between(t testing.TB, to string, direction int, change tamper) *middle {
	t.Helper()
	return inPieces(t, to, direction, change, math.MaxInt)
}

// inPieces is between for one who passes on so many bytes at once.
func inPieces(t testing.TB, to string, direction int, change tamper, piece int) *middle {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &middle{at: "tcp://" + l.Addr().String(), piece: piece}
	var work sync.WaitGroup
	work.Go(func() {
		client, err := l.Accept()
		l.Close()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", strings.TrimPrefix(to, "tcp://"))
		if err != nil {
			t.Error(err)
			client.Close()
			return
		}
		m.hold(client, server)
		for way, pair := range [2][2]net.Conn{{client, server}, {server, client}} {
			work.Go(func() {
				defer client.Close()
				defer server.Close()
				if way != direction {
					m.pass(t, way, pair[0], pair[1], nil)
				} else {
					m.pass(t, way, pair[0], pair[1], change)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		m.end()
		work.Wait()
	})
	return m
}

// hold keeps connections for end, which closes them.
func (m *middle) hold(conns ...net.Conn) {
	m.mu.Lock()
	m.conns = conns
	over := m.over
	m.mu.Unlock()
	if over {
		m.end()
	}
}

func (m *middle) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	for _, conn := range m.conns {
		conn.Close()
	}
}

// pass passes on what comes, until an end closes the connection.
func (m *middle) pass(t testing.TB, way int, in, out net.Conn, change tamper) {
	r := &raw{Conn: in, t: t, mayEnd: true}
	m.write(way, out, r.hear(64))
	for n := -2; ; n++ { // two commands are the handshake
		frame, end := r.wholeFrame(), false
		if n >= 0 && change != nil {
			frame, end = change(n, frame)
		}
		m.write(way, out, frame)
		if end {
			return
		}
	}
}

func (m *middle) write(way int, out net.Conn, b string) {
	m.mu.Lock()
	m.heard[way] = append(m.heard[way], b...)
	m.mu.Unlock()
	out.SetWriteDeadline(time.Now().Add(patience))
	for len(b) > 0 {
		n := min(m.piece, len(b))
		io.WriteString(out, b[:n]) //nolint:errcheck // reading fails, too
		b = b[n:]
	}
}

// wholeFrame reads a frame, and returns it with its header.
func (r *raw) wholeFrame() string {
	header := r.hear(2)
	if header[0]&2 != 0 {
		header += r.hear(7)
	}
	return header + r.hear(zmtp.BodySize([]byte(header)))
}

// passed returns what has passed so far.
func (m *middle) passed(way int) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]byte(nil), m.heard[way]...)
}

// frames returns the frames of what has passed in one direction. Those of the handshake are the first.
func (m *middle) frames(way int) (frames [][]byte) {
	for rest := m.passed(way)[greetingSize:]; len(rest) > 0; {
		size := zmtp.HeaderSize(rest) + zmtp.BodySize(rest)
		frames, rest = append(frames, rest[:size]), rest[size:]
	}
	return frames
}
