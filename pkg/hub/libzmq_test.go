package hub_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// libzmq runs libzmq's sockets in a process that ends with the test: see testdata/peer.py.
type libzmq struct {
	t       *testing.T
	stdin   io.WriteCloser
	answers *bufio.Reader
	sockets int
}

// request and answer are testdata/peer.py's.
type request struct {
	Op           string         `json:"op"`
	Name         int            `json:"name"`
	Type         string         `json:"type,omitempty"`
	Options      map[string]any `json:"options,omitempty"`
	Bind         string         `json:"bind,omitempty"`
	Connect      string         `json:"connect,omitempty"`
	Topic        string         `json:"topic"`
	Messages     [][]string     `json:"messages,omitempty"`
	Count        int            `json:"count"`
	Topics       int            `json:"topics"`
	Milliseconds int            `json:"milliseconds"`
}

type answer struct {
	Error    string     `json:"error"`
	Bound    string     `json:"bound"`
	Messages [][]string `json:"messages"`
	Idle     bool       `json:"idle"`
	Count    int        `json:"count"`
}

func peers(t *testing.T) *libzmq {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "testdata/peer.py")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("libzmq's peer does not start; `integration/setup test` installs what is missing: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // by the signal
	})
	return &libzmq{t: t, stdin: stdin, answers: bufio.NewReader(stdout)}
}

func (p *libzmq) ask(r request) (a answer) {
	p.t.Helper()
	line, err := json.Marshal(r)
	if err == nil {
		_, err = p.stdin.Write(append(line, '\n'))
	}
	if err == nil {
		if line, err = p.answers.ReadBytes('\n'); err == nil {
			err = json.Unmarshal(line, &a)
		}
	}
	if err != nil {
		p.t.Fatalf("libzmq's peer is gone; `integration/setup test` installs what it needs (python3-zmq): %v", err)
	}
	if a.Error != "" {
		p.t.Fatalf("libzmq's peer: %s: %s", r.Op, a.Error)
	}
	return a
}

// socket is one of libzmq's.
type socket struct {
	*libzmq
	name int
	at   string // where it is bound, or connected to
}

type options = map[string]any

func (p *libzmq) bind(typ string, o options) *socket {
	p.t.Helper()
	return p.open(request{Type: typ, Bind: "tcp://127.0.0.1:*", Options: o})
}

func (p *libzmq) connect(typ, to string, o options) *socket {
	p.t.Helper()
	return p.open(request{Type: typ, Connect: to, Options: o})
}

func (p *libzmq) open(r request) *socket {
	p.t.Helper()
	p.sockets++
	r.Op, r.Name = "open", p.sockets
	return &socket{p, r.Name, p.ask(r).Bound}
}

func (s *socket) subscribe(topics ...string) *socket {
	s.t.Helper()
	for _, topic := range topics {
		s.ask(request{Op: "subscribe", Name: s.name, Topic: topic})
	}
	return s
}

func (s *socket) unsubscribe(topic string) {
	s.t.Helper()
	s.ask(request{Op: "unsubscribe", Name: s.name, Topic: topic})
}

// send sends messages, each of which is its frames with a | between.
func (s *socket) send(messages ...string) {
	s.t.Helper()
	r := request{Op: "send", Name: s.name}
	for _, m := range messages {
		var frames []string
		for f := range strings.SplitSeq(m, "|") {
			frames = append(frames, hex.EncodeToString([]byte(f)))
		}
		r.Messages = append(r.Messages, frames)
	}
	s.ask(r)
}

// recv receives so many messages, in the same form.
func (s *socket) recv(count int) (messages []string) {
	s.t.Helper()
	for _, frames := range s.ask(request{Op: "recv", Name: s.name, Count: count}).Messages {
		for i, f := range frames {
			raw, err := hex.DecodeString(f)
			if err != nil {
				s.t.Fatal(err)
			}
			frames[i] = string(raw)
		}
		messages = append(messages, strings.Join(frames, "|"))
	}
	return messages
}

func (s *socket) expect(want ...string) {
	s.t.Helper()
	got := s.recv(len(want))
	for i, w := range want {
		if got[i] != w {
			s.t.Fatalf("received %.200q, want %.200q", got, want)
		}
	}
}

// idle tells that nothing comes for so many milliseconds.
func (s *socket) idle(milliseconds int) bool {
	s.t.Helper()
	return s.ask(request{Op: "idle", Name: s.name, Milliseconds: milliseconds}).Idle
}

func (s *socket) close() {
	s.t.Helper()
	s.ask(request{Op: "close", Name: s.name})
}
