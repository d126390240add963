// Package zmqtest gives tests sockets of libzmq, which run in a process of Python with pyzmq.
package zmqtest

import (
	"bufio"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Loopback is an endpoint to bind to: a free port.
const Loopback = "tcp://127.0.0.1:*"

//go:embed peer.py
var script string

// Process runs libzmq's sockets. One goroutine may use it and its sockets.
type Process struct {
	t       testing.TB
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Reader
	sockets int
}

// Options are socket options by their names in pyzmq, such as SNDHWM. A string is given to libzmq as bytes.
type Options map[string]any

// request and answer are those of peer.py.
type request struct {
	Op           string     `json:"op"`
	Name         int        `json:"name"`
	Type         string     `json:"type,omitempty"`
	Options      Options    `json:"options,omitempty"`
	Bind         string     `json:"bind,omitempty"`
	Connect      string     `json:"connect,omitempty"`
	Topic        string     `json:"topic"`
	Messages     [][]string `json:"messages,omitempty"`
	Count        int        `json:"count"`
	Topics       int        `json:"topics"`
	Milliseconds int        `json:"milliseconds"`
}

type answer struct {
	Error    string     `json:"error"`
	Endpoint string     `json:"endpoint"`
	Messages [][]string `json:"messages"`
	Idle     bool       `json:"idle"`
	Count    int        `json:"count"`
}

// Start starts a process that ends with the test.
func Start(t testing.TB) *Process {
	t.Helper()
	p := &Process{t: t, cmd: exec.Command("/usr/bin/python3", "-c", script)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.answers = bufio.NewReader(stdout)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("libzmq's process does not start; `integration/setup test` installs what is missing: %v", err)
	}
	t.Cleanup(p.Kill)
	return p
}

// Kill ends the process as a crash does.
func (p *Process) Kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	p.cmd.Wait()         //nolint:errcheck // it reports the signal
}

func (p *Process) ask(r request) (a answer) {
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
		p.t.Fatalf("libzmq's process has ended; `integration/setup test` installs what it needs (python3-zmq): %v", err)
	}
	if a.Error != "" {
		p.t.Fatalf("libzmq: %s: %s", r.Op, a.Error)
	}
	return a
}

// Socket is a socket of libzmq. A failing method ends the test. Nothing waits longer than 30 seconds.
type Socket struct {
	T        testing.TB
	Endpoint string // that it is bound or connected to, with its real port

	process *Process
	name    int
}

// Bind returns a socket of a type, such as "PUB", that is bound to an endpoint.
func (p *Process) Bind(typ, endpoint string, o Options) *Socket {
	p.t.Helper()
	return p.open(request{Type: typ, Bind: endpoint, Options: o})
}

// Connect returns a socket of a type, such as "SUB", that connects to an endpoint.
func (p *Process) Connect(typ, endpoint string, o Options) *Socket {
	p.t.Helper()
	return p.open(request{Type: typ, Connect: endpoint, Options: o})
}

func (p *Process) open(r request) *Socket {
	p.t.Helper()
	p.sockets++
	r.Op, r.Name = "open", p.sockets
	return &Socket{T: p.t, Endpoint: p.ask(r).Endpoint, process: p, name: r.Name}
}

func (s *Socket) ask(r request) answer {
	s.T.Helper()
	r.Name = s.name
	return s.process.ask(r)
}

// Subscribe subscribes to topics and returns s.
func (s *Socket) Subscribe(topics ...string) *Socket {
	s.T.Helper()
	for _, topic := range topics {
		s.ask(request{Op: "subscribe", Topic: topic})
	}
	return s
}

// Unsubscribe cancels one subscription.
func (s *Socket) Unsubscribe(topic string) {
	s.T.Helper()
	s.ask(request{Op: "unsubscribe", Topic: topic})
}

// Send sends messages. Each is its frames, joined by "|".
func (s *Socket) Send(messages ...string) {
	s.T.Helper()
	r := request{Op: "send"}
	for _, m := range messages {
		var frames []string
		for f := range strings.SplitSeq(m, "|") {
			frames = append(frames, hex.EncodeToString([]byte(f)))
		}
		r.Messages = append(r.Messages, frames)
	}
	s.ask(r)
}

// Recv receives count messages, in the form that Send takes.
func (s *Socket) Recv(count int) (messages []string) {
	s.T.Helper()
	for _, frames := range s.ask(request{Op: "recv", Count: count}).Messages {
		for i, f := range frames {
			raw, err := hex.DecodeString(f)
			if err != nil {
				s.T.Fatal(err)
			}
			frames[i] = string(raw)
		}
		messages = append(messages, strings.Join(frames, "|"))
	}
	return messages
}

// Expect receives as many messages as are wanted, and compares them.
func (s *Socket) Expect(want ...string) {
	s.T.Helper()
	got := s.Recv(len(want))
	for i, w := range want {
		if got[i] != w {
			s.T.Fatalf("received %.200q, want %.200q", got, want)
		}
	}
}

// Idle reports whether no message arrives within this many milliseconds.
func (s *Socket) Idle(milliseconds int) bool {
	s.T.Helper()
	return s.ask(request{Op: "idle", Milliseconds: milliseconds}).Idle
}

// Flood sends 0, 1, 2, … to topics t0. to tN. in turn, until stop is called, which returns how many were
// sent. Until then no other method of the socket may be called.
func (s *Socket) Flood(topics int) (stop func() int) {
	s.T.Helper()
	s.ask(request{Op: "flood", Topics: topics})
	return func() int {
		s.T.Helper()
		return s.ask(request{Op: "rest"}).Count
	}
}

// Close closes the socket.
func (s *Socket) Close() {
	s.T.Helper()
	s.ask(request{Op: "close"})
}
