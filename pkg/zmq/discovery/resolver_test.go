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

// The types of DNS records, and what a server can say (RFC 1035).
const (
	typeA, typeAAAA = 1, 28
	noError         = 0
	serverFailure   = 2
	nameError       = 3
	silence         = -1
)

// says is what a server says to the questions for each family: a code, and with noError that there is an address, or none.
type says struct {
	a, aaaa         int
	hasA, hasAAAA   bool
	byTCP, byUDP    bool
	partialDatagram bool // a datagram tells of no address, without saying that it is cut short
}

// answer answers one question, or returns nil.
func (s says) answer(question []byte, datagram bool) []byte {
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
	copy(answer[2:], []byte{0x81, 0x80 | byte(code), 0, 1, 0, 0, 0, 0, 0, 0}) // a response, recursion available, one question
	if has && !(datagram && s.partialDatagram) {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(addr))) // the question's name, class IN, no time to live
		answer = append(answer, addr...)
	}
	return answer
}

// serve serves s at a free port of 127.0.0.1 until the test ends.
func (s says) serve(t *testing.T) (server string) {
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

func (s says) serveTCP(l net.Listener) {
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
				conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)) //nolint:errcheck // the resolver sees it
			} else {
				io.Copy(io.Discard, conn) //nolint:errcheck // until it is closed
			}
		}()
	}
}

func (s says) serveUDP(p net.PacketConn) {
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

// What Go's resolver makes of what a server says.
func TestResolver(t *testing.T) {
	tests := map[string]struct {
		says
		fate fate
		want string
	}{
		"both families":          {says{hasA: true, hasAAAA: true, byTCP: true}, answered, "192.0.2.1 2001:db8::1"},
		"one family":             {says{hasAAAA: true, byTCP: true}, answered, "2001:db8::1"},
		"neither":                {says{byTCP: true}, empty, ""},
		"no such name":           {says{a: nameError, aaaa: nameError, byTCP: true}, empty, ""},
		"one family fails":       {says{hasA: true, aaaa: serverFailure, byTCP: true}, unanswered, ""},
		"the other fails":        {says{a: serverFailure, hasAAAA: true, byTCP: true}, unanswered, ""},
		"one fails, other empty": {says{a: serverFailure, byTCP: true}, unanswered, ""},
		"both fail":              {says{a: serverFailure, aaaa: serverFailure, byTCP: true}, unanswered, ""},
		"one family is silent":   {says{hasA: true, aaaa: silence, byTCP: true}, unanswered, ""},
		"by UDP alone":           {says{hasA: true, byUDP: true}, answered, "192.0.2.1"},
		"more by TCP":            {says{hasA: true, byTCP: true, byUDP: true, partialDatagram: true}, answered, "192.0.2.1"},
		"nobody":                 {says{a: silence, aaaa: silence}, unanswered, ""},
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

// The lookup ends with its context, whose end says nothing about the name.
func TestResolverEnds(t *testing.T) {
	e, err := endpoint.Connect("srv+tcp://_zmq._tcp.zmq.test.")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []says{{a: silence, byTCP: true}, {a: silence, byUDP: true}} {
		q := newQuestion(Config{Endpoint: e, Server: s.serve(t)})
		q.timeout = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		began := time.Now()
		r, err := q.ask(ctx)
		var dns *net.DNSError
		if r.fate != unanswered || !errors.As(err, &dns) {
			t.Errorf("%+v, %v", r, err)
		}
		if time.Since(began) > timeout*9/10 {
			t.Error("the resolver waited for its own timeout")
		}
	}
}
