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
	"sync/atomic"
	"testing"
	"time"
)

// What the tests of zmqtap among real parts have in common.

// noise is what a test sends until every reader is connected, and what rsyslogd logs about itself.
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

// served waits until a zmqtap serves HTTP and returns its address with a slash at the end.
func (p *process) served(t *testing.T) string {
	t.Helper()
	return p.logged(t, `msg=serving at=(\S+)`)[1]
}

// hub is a zmqtap hub on Unix sockets in a folder. A restarted hub uses the same ones.
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

// following is a streaming response to a GET.
type following struct {
	header http.Header
	lines  chan string // closed at the end of the response
	came   atomic.Bool // a message has
}

// follow requests a stream; header alternates names and values. When it returns, the server counts it among
// its readers.
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
		if events := strings.HasPrefix(f.header.Get("Content-Type"), "text/event-stream"); !events || strings.HasPrefix(line, "id: ") {
			f.came.Store(true)
		}
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
			t.Fatal("the response has ended")
		}
		return line
	case <-time.After(patience):
		t.Fatal("nothing arrives over HTTP")
		return ""
	}
}

// event is a Server-Sent Event with content.
type event struct{ name, id, data string }

// event waits for the next one. It skips comments, the retry time and, as most programs do, statuses.
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
			if e != (event{}) && e.name != "status" {
				return e
			}
			e = event{}
		}
	}
}

// status waits for a status that matches a pattern.
func (f *following) status(t *testing.T, pattern string) {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	for name := ""; ; {
		line := f.next(t)
		if name == "status" && wanted.MatchString(strings.TrimPrefix(line, "data: ")) {
			return
		}
		name = strings.TrimPrefix(line, "event: ")
	}
}

// data waits for the next message's JSON. It skips other events.
func (f *following) data(t *testing.T) string {
	t.Helper()
	for {
		if e := f.event(t); e.name == "" {
			return e.data
		}
	}
}

// meets reads lines, skipping noise, and matches them in order against the patterns.
func meets(t *testing.T, next func(*testing.T) string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		line := next(t)
		for noise.MatchString(line) {
			line = next(t)
		}
		if !regexp.MustCompile(pattern).MatchString(line) {
			t.Fatalf("received %q, want %s", line, pattern)
		}
	}
}

// joined returns the peer's next message as a line, with tabs between frames.
func (p *peer) joined(t *testing.T) string {
	t.Helper()
	return strings.Join(p.receive(t), "\t")
}

// warmed calls send until every has returns true.
func warmed(t *testing.T, send func(), has ...func() bool) {
	t.Helper()
	eventually(t, patience, "every reader is connected", func() bool {
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
func (f *following) some() bool { return f.came.Load() }
func (p *peer) some() bool      { return len(p.messages) > 0 }

// output returns what a program prints that must end by itself with exit code 0.
func output(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	var stdout bytes.Buffer
	cmd := exec.Command(program(name), arguments...)
	cmd.Stdout = &stdout
	if code := start(t, name, cmd).exit(t); code != 0 {
		t.Fatalf("%s %q ended with %d", name, arguments, code)
	}
	return stdout.String()
}
