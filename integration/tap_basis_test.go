package integration

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// zmqtap among real parts: what its tests have in common.

// noise is what a test sends until everybody listens, and what rsyslogd says of itself.
var noise = regexp.MustCompile(`warm-up|are you there|rsyslogd`)

// startTap starts zmqtap with the given arguments.
func startTap(t *testing.T, arguments ...string) *process {
	t.Helper()
	return start(t, "zmqtap", exec.Command(program("zmqtap"), arguments...))
}

// startTapPrinter starts zmqtap and reads what it prints.
func startTapPrinter(t *testing.T, arguments ...string) *receiver {
	t.Helper()
	return startReceiver(t, "zmqtap", exec.Command(program("zmqtap"), arguments...))
}

// served waits until a zmqtap serves, and gives its address with a slash at its end.
func (p *process) served(t *testing.T) string {
	t.Helper()
	return p.logged(t, `msg=serving at=(\S+)`)[1]
}

// hub is a zmqtap hub on Unix sockets in a folder, which it finds again when it is started anew.
type hub struct {
	*process
	in, out string
	flags   []string
}

func startHub(t *testing.T, flags ...string) *hub {
	t.Helper()
	dir := folder(t)
	h := &hub{in: "ipc://" + filepath.Join(dir, "in"), out: "ipc://" + filepath.Join(dir, "out"), flags: flags}
	h.again(t)
	return h
}

// again starts the hub at its endpoints and waits for both.
func (h *hub) again(t *testing.T) {
	t.Helper()
	h.process = startTap(t, append([]string{"hub", "--in", h.in, "--out", h.out}, h.flags...)...)
	h.logged(t, regexp.QuoteMeta(h.in))
}

// following is a long-running answer to a GET.
type following struct {
	header http.Header
	lines  chan string // closed at the end of the answer
}

// follow asks for a stream; header are names and values. When it returns, the server counts us among its readers.
func follow(t *testing.T, url string, header ...string) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, answer.Status)
	}
	f := &following{header: answer.Header, lines: make(chan string, 1<<17)}
	go f.read(answer.Body)
	return f
}

func (f *following) read(body io.ReadCloser) {
	defer close(f.lines)
	defer body.Close()
	for r := bufio.NewReader(body); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		f.lines <- strings.TrimSuffix(line, "\n")
	}
}

// followEvents is follow for Server-Sent Events.
func followEvents(t *testing.T, url string, header ...string) *following {
	t.Helper()
	return follow(t, url, append(header, "Accept", "text/event-stream")...)
}

// next waits for the next line.
func (f *following) next(t *testing.T) string {
	t.Helper()
	select {
	case line, open := <-f.lines:
		if !open {
			t.Fatal("the answer has ended")
		}
		return line
	case <-time.After(patience):
		t.Fatal("nothing comes by HTTP")
		return ""
	}
}

// event is a Server-Sent Event with something to tell.
type event struct{ name, id, data string }

// event waits for the next one. What a comment or the time for retries says is passed over.
func (f *following) event(t *testing.T) (e event) {
	t.Helper()
	for {
		name, value, _ := strings.Cut(f.next(t), ": ")
		switch name {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if e != (event{}) {
				return e
			}
		}
	}
}

// data waits for the next message's JSON; other events are passed over.
func (f *following) data(t *testing.T) string {
	t.Helper()
	for {
		if e := f.event(t); e.name == "" {
			return e.data
		}
	}
}

// meets takes lines until each pattern, in its order, has met the next one that is no noise.
func meets(t *testing.T, next func(*testing.T) string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		line := next(t)
		for noise.MatchString(line) {
			line = next(t)
		}
		if !regexp.MustCompile(pattern).MatchString(line) {
			t.Fatalf("%q comes, want %s", line, pattern)
		}
	}
}

// joined gives a peer's messages as lines, a tab between frames.
func (p *peer) joined(t *testing.T) string {
	t.Helper()
	return strings.Join(p.receive(t), "\t")
}

// warmed sends until each channel has something.
func warmed(t *testing.T, send func(), has ...func() bool) {
	t.Helper()
	eventually(t, patience, "everybody listens", func() bool {
		send()
		for _, h := range has {
			if !h() {
				return false
			}
		}
		return true
	})
}

func (r *receiver) some() bool  { return len(r.lines) > 0 }
func (f *following) some() bool { return len(f.lines) > 1 } // the first is the time for retries
func (p *peer) some() bool      { return len(p.messages) > 0 }

// output is what a program prints that ends by itself with exit code 0.
func output(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	var stdout bytes.Buffer
	cmd := exec.Command(program(name), arguments...)
	cmd.Stdout = &stdout
	if code := start(t, name, cmd).exit(t); code != 0 {
		t.Fatalf("%s %q ends with %d", name, arguments, code)
	}
	return stdout.String()
}
