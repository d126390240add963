package zmq_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// python runs libzmq's sockets: see testdata/peer.py.
type python struct {
	t       *testing.T
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Reader
	sockets int
}

// request and answer are those of testdata/peer.py.
type request struct {
	Op           string            `json:"op"`
	Name         int               `json:"name"`
	Type         zmq.Type          `json:"type,omitempty"`
	Options      map[string]any    `json:"options,omitempty"`
	Bind         []string          `json:"bind,omitempty"`
	Connect      []string          `json:"connect,omitempty"`
	Frames       []string          `json:"frames"`
	Skip         string            `json:"skip,omitempty"`
	From         int               `json:"from"`
	Count        int               `json:"count"`
	Size         int               `json:"size"`
	Prefix       string            `json:"prefix"`
	Milliseconds int               `json:"milliseconds"`
	Topic        string            `json:"topic"`
	Users        map[string]string `json:"users,omitempty"`
}

type answer struct {
	Error   string   `json:"error"`
	Bound   []string `json:"bound"`
	Frames  []string `json:"frames"`
	Numbers []int    `json:"numbers"`
	Idle    bool     `json:"idle"`
}

// libzmq starts a process that ends with the test.
func libzmq(t *testing.T) *python {
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
	p := &python{t: t, cmd: cmd, stdin: stdin, answers: bufio.NewReader(stdout)}
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as a crash would.
func (p *python) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *python) ask(r request) answer {
	p.t.Helper()
	var a answer
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
		p.t.Errorf("libzmq's peer: %s: %s", r.Op, a.Error)
	}
	return a
}

// their is one libzmq socket.
type their struct {
	*python
	name  int
	bound string
}

type options = map[string]any

// bind opens a socket of libzmq's.
func (p *python) bind(typ zmq.Type, at string, o options) *their {
	p.t.Helper()
	s := &their{python: p, name: p.sockets}
	p.sockets++
	a := p.ask(request{Op: "open", Name: s.name, Type: typ, Options: o, Bind: []string{at}})
	if len(a.Bound) == 1 {
		s.bound = a.Bound[0]
	}
	return s
}

// connect opens a socket of libzmq's.
func (p *python) connect(typ zmq.Type, to string, o options) *their {
	p.t.Helper()
	s := &their{python: p, name: p.sockets}
	p.sockets++
	p.ask(request{Op: "open", Name: s.name, Type: typ, Options: o, Connect: []string{to}})
	return s
}

func (s *their) send(frames ...[]byte) {
	s.t.Helper()
	text := []string{}
	for _, f := range frames {
		text = append(text, hex.EncodeToString(f))
	}
	s.ask(request{Op: "send", Name: s.name, Frames: text})
}

// recv receives the next message that is not skip.
func (s *their) recv(skip string) (frames [][]byte) {
	s.t.Helper()
	for _, text := range s.ask(request{Op: "recv", Name: s.name, Skip: hex.EncodeToString([]byte(skip))}).Frames {
		f, err := hex.DecodeString(text)
		if err != nil {
			s.t.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

func (s *their) sendNumbers(prefix string, from, count, size int) {
	s.t.Helper()
	s.ask(request{Op: "send_numbers", Name: s.name, From: from, Count: count, Size: size, Prefix: prefix})
}

func (s *their) recvNumbers(prefix string, count int) []int {
	s.t.Helper()
	return s.ask(request{Op: "recv_numbers", Name: s.name, Count: count, Prefix: prefix}).Numbers
}

func (s *their) close() {
	s.t.Helper()
	s.ask(request{Op: "close", Name: s.name})
}

// idle reports whether nothing arrives for a while.
func (s *their) idle(d time.Duration) bool {
	s.t.Helper()
	return s.ask(request{Op: "idle", Name: s.name, Milliseconds: int(d.Milliseconds())}).Idle
}

// number is a message that recvNumbers reads.
func number(prefix string, n, size int) []byte {
	return fmt.Appendf(nil, "%s%d%*s", prefix, n, size, "")
}
