package curve

import (
	"bytes"
	"crypto/sha3"
	"flag"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	nacl "golang.org/x/crypto/nacl/box"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

var record = flag.Bool("record", false, "record testdata/curve again, with libzmq")

// The keys that the documentation of ZeroMQ has, for its tests.
const (
	clientSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
	clientPublic = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
	serverSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
	serverPublic = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
)

// recordings is the folder of the recordings.
const recordings = "../../../testdata/curve"

// fixed returns what testdata/curve/fixed gives libzmq as random bytes.
func fixed(seed string) io.Reader { return bytes.NewReader(sha3.SumSHAKE256([]byte(seed), 1<<10)) }

// TestRecord records connections. Without -record it does nothing.
func TestRecord(t *testing.T) {
	if !*record {
		return
	}
	t.Run("push-pull", func(t *testing.T) {
		push, pull := between(t, "PUSH", "PULL", zmqtest.Options{"HEARTBEAT_IVL": 300})
		push.Send("single", "a||c", strings.Repeat("long ", 60))
		pull.Recv(3)
		pull.Idle(1000) // until a PING has been answered
	})
	t.Run("sub-xpub", func(t *testing.T) {
		sub, xpub := between(t, "SUB", "XPUB", nil)
		sub.Subscribe("app.")
		xpub.Recv(1)
		xpub.Send("app.one|first", "app.two|second")
		sub.Recv(2)
		sub.Unsubscribe("app.")
		xpub.Recv(1)
	})
	t.Run("dealer-to-us", func(t *testing.T) {
		o := zmqtest.Options{"ROUTING_ID": "web1", "HEARTBEAT_IVL": 300}
		client, us := toUs(t, "DEALER", "ROUTER", o)
		client.Send("single", "a||c")
		us.expect("\x00single", "\x01a", "\x01", "\x00c", "\x02\x04PING\x00\x00")
	})
	t.Run("sub-to-us", func(t *testing.T) {
		client, us := toUs(t, "SUB", "PUB", nil)
		client.Subscribe("app.")
		us.expect("\x02\x09SUBSCRIBEapp.")
		us.say("\x01app.one", "\x00first")
		client.Expect("app.one|first")
	})
	t.Run("us-to-router", func(t *testing.T) {
		router, us := fromUs(t, "DEALER", "ROUTER", zmqtest.Options{"HEARTBEAT_IVL": 300})
		us.say("\x00single", "\x01a", "\x01", "\x00c")
		router.Recv(2)
		us.expect("\x02\x04PING\x00\x00")
	})
	t.Run("us-to-xpub", func(t *testing.T) {
		xpub, us := fromUs(t, "SUB", "XPUB", nil)
		us.say("\x02\x09SUBSCRIBEapp.")
		xpub.Recv(1)
		xpub.Send("app.one|first", "app.two|"+strings.Repeat("long ", 60))
		us.expect("\x01app.one", "\x00first", "\x01app.two")
	})
}

// options are those of libzmq's end, with its keys, and its process, which begins with bytes that are fixed.
func libzmq(t *testing.T, role string, o zmqtest.Options) (*zmqtest.Process, zmqtest.Options) {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join(recordings, "fixed"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", folder)
	t.Setenv("SEED", seed(t, role))
	all := zmqtest.Options{"CURVE_SERVER": 1, "CURVE_SECRETKEY": serverSecret}
	if role == "client" {
		all = zmqtest.Options{
			"CURVE_SERVERKEY": serverPublic, "CURVE_PUBLICKEY": clientPublic, "CURVE_SECRETKEY": clientSecret,
		}
	}
	for name, value := range o {
		all[name] = value
	}
	return zmqtest.Start(t), all
}

func seed(t *testing.T, role string) string {
	return strings.TrimPrefix(t.Name(), "TestRecord/") + " " + role
}

// between returns two of libzmq's sockets that are connected through this process.
func between(t *testing.T, client, server string, o zmqtest.Options) (_, _ *zmqtest.Socket) {
	process, own := libzmq(t, "server", nil)
	far := process.Bind(server, zmqtest.Loopback, own)
	l := listen(t)
	process, own = libzmq(t, "client", o)
	near := process.Connect(client, "tcp://"+l.Addr().String(), own)
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, what: client + " → " + server + ", both of libzmq"}
	out := dial(t, far.Endpoint)
	var directions sync.WaitGroup
	directions.Go(func() { io.Copy(io.MultiWriter(out, &r.client), in) }) //nolint:errcheck // it ends with the test
	directions.Go(func() { io.Copy(io.MultiWriter(in, &r.server), out) }) //nolint:errcheck // the same
	t.Cleanup(func() {
		in.Close()
		out.Close()
		directions.Wait()
		r.write()
	})
	return near, far
}

// toUs returns a client of libzmq that is connected to our server.
func toUs(t *testing.T, client, server string, o zmqtest.Options) (*zmqtest.Socket, *end) {
	l := listen(t)
	process, own := libzmq(t, "client", o)
	near := process.Connect(client, "tcp://"+l.Addr().String(), own)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, what: client + " of libzmq → our " + server}
	us := &end{t: t, conn: conn, in: io.TeeReader(conn, &r.client), out: io.MultiWriter(conn, &r.server)}
	us.prefix, us.peerPrefix, us.counter = serverMessages, clientMessages, readyCount
	us.greet()
	pair := parseSecret(t, serverSecret)
	s, err := newServer(&pair, fixed(seed(t, "server")))
	us.check(err)
	welcome, err := s.Welcome(us.read())
	us.check(err)
	us.command(welcome)
	_, metadata, err := s.Accept(us.read())
	us.check(err)
	t.Logf("libzmq says %q", metadata)
	us.shared = *s.shared
	readyCommand, _, err := s.Ready(zmtp.AppendProperty(nil, zmtp.SocketType, []byte(server)))
	us.check(err)
	us.command(readyCommand)
	t.Cleanup(func() {
		conn.Close()
		r.write()
	})
	return near, us
}

// fromUs returns a server of libzmq to which our client is connected.
func fromUs(t *testing.T, client, server string, o zmqtest.Options) (*zmqtest.Socket, *end) {
	process, own := libzmq(t, "server", o)
	far := process.Bind(server, zmqtest.Loopback, own)
	r := &recorder{t: t, what: "our " + client + " → " + server + " of libzmq"}
	conn := dial(t, far.Endpoint)
	us := &end{t: t, conn: conn, in: io.TeeReader(conn, &r.server), out: io.MultiWriter(conn, &r.client)}
	us.prefix, us.peerPrefix, us.counter = clientMessages, serverMessages, initiateCount
	us.greet()
	pair := parseSecret(t, clientSecret)
	metadata := zmtp.AppendProperty(nil, zmtp.SocketType, []byte(client))
	c, err := newClient(&pair, parseKey(t, serverPublic), metadata, fixed(seed(t, "client")))
	us.check(err)
	us.command(c.Hello())
	initiate, err := c.Initiate(us.read())
	us.check(err)
	us.command(initiate)
	us.shared = *c.shared
	_, _, err = c.Finish(us.read())
	us.check(err)
	t.Cleanup(func() {
		conn.Close()
		r.write()
	})
	return far, us
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, endpoint string) net.Conn {
	conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// end is our end of a connection that is recorded.
type end struct {
	t                  *testing.T
	conn               net.Conn
	in                 io.Reader
	out                io.Writer
	shared             [KeySize]byte
	prefix, peerPrefix string
	counter            uint64
}

func (e *end) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *end) greet() {
	e.write([]byte("\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x03\x01CURVE" + strings.Repeat("\x00", 47)))
	_, err := io.ReadFull(e.in, make([]byte, 64))
	e.check(err)
}

func (e *end) write(b []byte) {
	_, err := e.out.Write(b)
	e.check(err)
}

func (e *end) command(body []byte) { e.write(zmtp.AppendFrame(nil, zmtp.Command, body)) }

// read reads a frame, and returns its body.
func (e *end) read() []byte {
	var wire []byte
	for need := 2; ; {
		b := make([]byte, need-len(wire))
		_, err := io.ReadFull(e.in, b)
		e.check(err)
		wire = append(wire, b...)
		_, body, n, err := zmtp.DecodeFrame(wire, 1<<20)
		e.check(err)
		if n <= len(wire) {
			return body
		}
		need = n
	}
}

// say sends MESSAGEs, each of which holds its flags and its body.
func (e *end) say(messages ...string) {
	for _, m := range messages {
		e.counter++
		nonce := shortNonce(e.prefix, e.counter)
		body := append([]byte(messageStart), nonce[16:]...)
		e.write(zmtp.AppendFrame(nil, 0, nacl.SealAfterPrecomputation(body, []byte(m), nonce, &e.shared)))
	}
}

// expect reads MESSAGEs, and answers PING.
func (e *end) expect(messages ...string) {
	e.t.Helper()
	for _, m := range messages {
		text, ok := holds(e.read(), e.peerPrefix, &e.shared)
		if !ok || string(text) != m {
			e.t.Fatalf("received %q, want %q", text, m)
		}
		if strings.HasPrefix(m, "\x02\x04PING") {
			e.say("\x02\x04PONG")
		}
	}
}
