package integration

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"
)

// peer is a libzmq socket in a process of its own: peers/socket.py.
type peer struct {
	*process
	endpoint string // where it is bound or connected
	stdin    io.WriteCloser
	messages chan []string // received messages; a frame is a string of bytes
}

// startPeer starts a libzmq socket of the given type (PUSH, SUB, …) with socket.py's flags.
func startPeer(t *testing.T, socket string, flags ...string) *peer {
	t.Helper()
	return openPeer(t, "libzmq "+socket, exec.Command(python, append([]string{"peers/socket.py", socket}, flags...)...))
}

// openPeer starts a socket of another implementation, which talks as socket.py does.
func openPeer(t *testing.T, name string, cmd *exec.Cmd) *peer {
	t.Helper()
	proc, stdin, r := startPiped(t, name, cmd)
	p := &peer{process: proc, stdin: stdin, messages: make(chan []string, 1<<16)}
	var opened struct{ Endpoint string }
	first, err := r.ReadBytes('\n')
	if err != nil || json.Unmarshal(first, &opened) != nil {
		t.Fatalf("%s %q: %v: %s", name, cmd.Args[1:], err, first)
	}
	p.endpoint = opened.Endpoint
	go p.read(r)
	return p
}

func (p *peer) read(r *bufio.Reader) {
	defer close(p.messages)
	for {
		line, err := r.ReadBytes('\n')
		var frames []string
		if err != nil || json.Unmarshal(line, &frames) != nil {
			return
		}
		for i := range frames {
			raw, _ := base64.StdEncoding.DecodeString(frames[i]) // socket.py encoded it
			frames[i] = string(raw)
		}
		p.messages <- frames
	}
}

// post gives the peer a message to send.
func (p *peer) post(frames ...string) error {
	encoded := make([]string, len(frames))
	for i, frame := range frames {
		encoded[i] = base64.StdEncoding.EncodeToString([]byte(frame))
	}
	line, err := json.Marshal(encoded)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.stdin, "%s\n", line); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// send is post for the test's own goroutine.
func (p *peer) send(t *testing.T, frames ...string) {
	t.Helper()
	if err := p.post(frames...); err != nil {
		t.Fatal(err)
	}
}

// receive waits for the next message.
func (p *peer) receive(t *testing.T) []string {
	t.Helper()
	select {
	case frames, ok := <-p.messages:
		if !ok {
			t.Fatalf("%s has ended", p.name)
		}
		return frames
	case <-time.After(patience):
		t.Fatalf("nothing arrives at %s", p.name)
		return nil
	}
}

// expect waits for the next message and compares it.
func (p *peer) expect(t *testing.T, frames ...string) {
	t.Helper()
	if got := p.receive(t); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", frames) {
		t.Fatalf("%s received %q, want %q", p.name, got, frames)
	}
}

// finish ends a sending peer after everything has been delivered.
func (p *peer) finish(t *testing.T) {
	t.Helper()
	p.stdin.Close()
	if code := p.exit(t); code != 0 {
		t.Fatalf("%s ended with %d", p.name, code)
	}
}
