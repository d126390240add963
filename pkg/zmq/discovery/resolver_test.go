package discovery

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// Types of DNS records, and response codes (RFC 1035).
const (
	typeA, typeAAAA = 1, 28
	noError         = 0
	serverFailure   = 2
	nameError       = 3
	silence         = -1
)

// server is a DNS server. It answers the question for each family with a code and, if that is noError, an
// address or none.
type server struct {
	a, aaaa         int
	hasA, hasAAAA   bool
	byTCP, byUDP    bool
	partialDatagram bool // answers in datagrams lack the address, and are not marked as truncated
}

// answer answers one question, or returns nil.
func (s server) answer(question []byte, datagram bool) []byte {
	end := 12
	for question[end] != 0 {
		end += 1 + int(question[end])
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	code, has, addr := s.a, s.hasA, []byte{192, 0, 2, 1}
	if kind == typeAAAA {
		code, has, addr = s.aaaa, s.hasAAAA, net.ParseIP("2001:db8::1")
	}
	if code == silence {
		return nil
	}
	answer := append([]byte(nil), question[:end+5]...)
	// a response, recursion available, one question
	copy(answer[2:], []byte{0x81, 0x80 | byte(code), 0, 1, 0, 0, 0, 0, 0, 0})
	if has && !(datagram && s.partialDatagram) {
		answer[7] = 1
		// the question's name, its type, class IN, no time to live, the address
		answer = append(answer, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(addr)))
		answer = append(answer, addr...)
	}
	return answer
}

// serve starts the server at a free port of 127.0.0.1, until the test ends.
func (s server) serve(t *testing.T) (at string) {
	t.Helper()
	for range 10 { // the port has to be free for both
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			l.Close()
			continue
		}
		t.Cleanup(func() { l.Close(); p.Close() })
		if s.byTCP {
			go s.serveTCP(l)
		} else {
			l.Close()
		}
		if s.byUDP {
			go s.serveUDP(p)
		}
		return p.LocalAddr().String()
	}
	t.Fatal("no port is free for TCP and UDP")
	return ""
}

func (s server) serveTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			question := make([]byte, 2)
			io.ReadFull(conn, question) //nolint:errcheck // seen below
			question = make([]byte, binary.BigEndian.Uint16(question))
			if _, err := io.ReadFull(conn, question); err != nil || len(question) == 0 {
				return
			}
			if answer := s.answer(question, false); answer != nil {
				size := binary.BigEndian.AppendUint16(nil, uint16(len(answer)))
				conn.Write(append(size, answer...)) //nolint:errcheck // the resolver sees it
			} else {
				io.Copy(io.Discard, conn) //nolint:errcheck // until it is closed
			}
		}()
	}
}

func (s server) serveUDP(p net.PacketConn) {
	question := make([]byte, 1500)
	for {
		n, from, err := p.ReadFrom(question)
		if err != nil {
			return
		}
		if answer := s.answer(question[:n], true); answer != nil {
			p.WriteTo(answer, from) //nolint:errcheck // the resolver asks again
		}
	}
}

// What Go's resolver makes of a server's answers.
func TestResolver(t *testing.T) {
	tests := map[string]struct {
		server
		fate fate
		want string
	}{
		"both families":          {server{hasA: true, hasAAAA: true, byTCP: true}, answered, "192.0.2.1 2001:db8::1"},
		"one family":             {server{hasAAAA: true, byTCP: true}, answered, "2001:db8::1"},
		"neither":                {server{byTCP: true}, empty, ""},
		"no such name":           {server{a: nameError, aaaa: nameError, byTCP: true}, empty, ""},
		"one family fails":       {server{hasA: true, aaaa: serverFailure, byTCP: true}, unanswered, ""},
		"the other fails":        {server{a: serverFailure, hasAAAA: true, byTCP: true}, unanswered, ""},
		"one fails, other empty": {server{a: serverFailure, byTCP: true}, unanswered, ""},
		"both fail":              {server{a: serverFailure, aaaa: serverFailure, byTCP: true}, unanswered, ""},
		"one family is silent":   {server{hasA: true, aaaa: silence, byTCP: true}, unanswered, ""},
		"by UDP alone":           {server{hasA: true, byUDP: true}, answered, "192.0.2.1"},
		"more by TCP": {server{hasA: true, byTCP: true, byUDP: true, partialDatagram: true}, answered,
			"192.0.2.1"},
		"nobody": {server{a: silence, aaaa: silence}, unanswered, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := endpoint.Connect("dns+tcp://logs.zmq.test.:5555")
			if err != nil {
				t.Fatal(err)
			}
			q := newQuestion(Config{Endpoint: e, Server: test.serve(t)})
			q.timeout = 10 * time.Second // the machine may be busy
			if test.a == silence || test.aaaa == silence {
				q.timeout = 200 * time.Millisecond
			}
			r, err := q.ask(t.Context())
			got := r.targets[q.target]
			var texts []string
			for _, addr := range got.addrs {
				texts = append(texts, addr.String())
			}
			if got.fate != test.fate || strings.Join(texts, " ") != test.want {
				t.Errorf("fate %d, %q, %v; want %d, %q", got.fate, texts, err, test.fate, test.want)
			}
		})
	}
}

// The lookup ends with its context. The end of the context means nothing for the name.
func TestResolverEnds(t *testing.T) {
	e, err := endpoint.Connect("srv+tcp://_zmq._tcp.zmq.test.")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []server{{a: silence, byTCP: true}, {a: silence, byUDP: true}} {
		q := newQuestion(Config{Endpoint: e, Server: s.serve(t)})
		q.timeout = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		r, err := q.ask(ctx)
		var dns *net.DNSError
		if r.fate != unanswered || !errors.As(err, &dns) {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// The resolver's connections end with their context, since the resolver would wait for its own timeout.
func TestConnectionsEndWithTheirContext(t *testing.T) {
	at := server{a: silence, byTCP: true}.serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := newResolver(at).Dial(ctx, "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // it may be closed by now
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading ended with: %v", err)
	}
}
