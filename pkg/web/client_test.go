package web_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

func TestMostClients(t *testing.T) {
	s := serve(t, web.Config{MaxClients: 2})
	a, _ := s.plain(""), s.plain("")
	full := s.get("/stream")
	full.status(http.StatusServiceUnavailable, "too many readers")
	if full.Header.Get("Retry-After") != "10" {
		t.Error("no Retry-After")
	}
	s.get("/").status(200, page)
	s.get("/stream?last=x").status(http.StatusServiceUnavailable, "")
	a.Body.Close()
	taptest.Eventually(t, "room for another reader", func() bool { return s.server.Clients() == 1 })
	s.get("/stream?last=x").status(http.StatusBadRequest, "") // a refused request takes no place
	c := s.plain("")
	s.publish("room")
	c.expect("room\n")
	s.get("/stream").status(http.StatusServiceUnavailable, "")
}

// A client that disconnects leaves nothing behind, even if no message is written to it, or messages never stop.
func TestClientsGone(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("while it lasts", func(t *testing.T) {
		s := serve(t, web.Config{Heartbeat: time.Millisecond})
		leave := func() {
			t.Helper()
			for _, query := range []string{"", "?topic=t", "?grep=^nothing$", "?grep=^nothing$&topic=x"} {
				s.plain(query).Body.Close()
				s.readers(0)
				s.events(query).Body.Close()
				s.readers(0)
			}
			for _, request := range []string{"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n"} {
				conn := s.raw(request)
				s.readers(1)
				conn.Close()
				taptest.Eventually(t, "the reader to end", func() bool { return s.stream.Readers() == 0 && s.server.Clients() == 0 })
			}
		}
		leave()
		stop := s.busy()
		defer stop()
		for _, query := range []string{hardGrep, hardGrep + "&topic=x"} {
			s.plain(query).Body.Close()
			s.readers(0)
			s.events(query).Body.Close()
			s.readers(0)
		}
	})
	taptest.Eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// stalled returns the connection of a client that does not read.
func (s *served) stalled(request string) net.Conn {
	s.t.Helper()
	n := s.stream.Readers()
	conn := s.raw(request)
	s.readers(n + 1)
	return conn
}

const (
	askText   = "GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n"
	askEvents = "GET /stream HTTP/1.0\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
)

// A client that does not read delays no other and takes little memory. When it reads again, it learns what it
// missed, in its place.
func TestClientThatDoesNotRead(t *testing.T) {
	const batch, size = 200, 1000
	s := serve(t, web.Config{Stream: tap.New(0), Queue: 500})
	text, events := s.stalled(askText), s.stalled(askEvents)
	fast := s.plain("")
	padding := strings.Repeat("x", size)
	n := 0
	publish := func() {
		var messages [][]string
		for i := range batch {
			messages = append(messages, []string{"t", fmt.Sprintf("%d %s", n+i, padding)})
		}
		s.source.Give(s.stream.Publish, messages...)
		for range batch {
			if got, _, _ := strings.Cut(fast.line(), " "); got != strconv.Itoa(n) {
				t.Fatalf("the fast reader has %s where %d is due", got, n)
			}
			n++
		}
	}
	var memory runtime.MemStats
	heap := func() int {
		runtime.GC()
		runtime.ReadMemStats(&memory)
		return int(memory.HeapAlloc)
	}
	before := heap()
	for s.stream.Counters().Missed < 20_000 {
		publish()
	}
	if used := heap() - before; used > 12<<20 {
		t.Errorf("two clients that do not read take %d bytes", used)
	}
	lines, fields := body(t, text), body(t, events)
	got, missed := readText(t, lines, 0, 0, n)
	of, missedOf := readEvents(t, fields, 0, 0, n)
	for s.stream.Counters().Missed < uint64(missed+missedOf+20_000) { // a second time
		publish()
	}
	got, missed = readText(t, lines, got, missed, n)
	of, missedOf = readEvents(t, fields, of, missedOf, n)
	if got+missed != n || of+missedOf != n || uint64(missed+missedOf) != s.stream.Counters().Missed || missed == 0 || missedOf == 0 {
		t.Errorf("text: %d read, %d missed; events: %d read, %d missed; of %d; %+v", got, missed, of, missedOf, n, s.stream.Counters())
	}
	publish()
}

// body skips an answer's headers and returns the body.
func body(t *testing.T, conn net.Conn) *bufio.Reader {
	t.Helper()
	r := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// readText reads lines until all n messages have been read or reported missing, of which read and missed were before.
func readText(t *testing.T, r *bufio.Reader, read, missed, n int) (int, int) {
	t.Helper()
	report := regexp.MustCompile(`^zmqtap: (\d+) (?:message is|messages are) missing here: this reader is too slow\n$`)
	for read+missed < n {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%d read, %d missed: %v", read, missed, err)
		}
		if found := report.FindStringSubmatch(line); found != nil {
			count, _ := strconv.Atoi(found[1])
			missed += count
			continue
		}
		number, _, _ := strings.Cut(line, " ")
		if number != strconv.Itoa(read+missed) {
			t.Fatalf("%.20q after %d read and %d missed", line, read, missed)
		}
		read++
	}
	return read, missed
}

// readEvents is readText for events.
func readEvents(t *testing.T, r *bufio.Reader, read, missed, n int) (int, int) {
	t.Helper()
	for read+missed < n {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%d read, %d missed: %v", read, missed, err)
		}
		var count, total, id int
		switch {
		case strings.HasPrefix(line, "id: "):
			if _, err := fmt.Sscanf(line[len("id: 01234567-"):], "%d", &id); err != nil || id != read+missed+1 {
				t.Fatalf("%q after %d read and %d missed", line, read, missed)
			}
		case strings.HasPrefix(line, `data: {"count":`):
			if _, err := fmt.Sscanf(line, `data: {"count":%d,"total":%d}`, &count, &total); err != nil || total != missed+count {
				t.Fatalf("%q after %d missed", line, missed)
			}
			missed = total
		case strings.HasPrefix(line, fmt.Sprintf(`data: {"topic":"t","message":"%d `, read+missed)):
			read++
		case strings.HasPrefix(line, "data: "):
			t.Fatalf("%.60q after %d read and %d missed", line, read, missed)
		}
	}
	return read, missed
}

// The bytes that wait for a reader are bounded, too, however many messages may wait.
func TestQueueHasBytes(t *testing.T) {
	const perRound, size, rounds = 32, 32 << 10, 64 // 64 MiB, far more than a queue of 1 MiB and the kernel hold
	s := serve(t, web.Config{Stream: tap.New(0), Queue: 1 << 20})
	stalled := s.stalled(askText)
	if err := stalled.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	var messages [][]string
	for range perRound {
		messages = append(messages, []string{strings.Repeat("x", size)})
	}
	for range rounds {
		s.source.Give(s.stream.Publish, messages...)
	}
	if s.stream.Counters().Missed == 0 {
		t.Error("everything waits for a reader that does not read")
	}
}

// When a reader leaves, the log has what it was sent and what it missed; the latter is worth a line that
// everybody sees.
func TestReaderGoneIsLogged(t *testing.T) {
	s := serve(t, web.Config{Queue: 2})
	s.publish("1", "2", "3")
	for query, want := range map[string]string{"last=2": "sent=2 missed=0", "": "sent=2 missed=1"} {
		level, headers := "DEBUG", []string{}
		if query == "" {
			level, headers = "INFO", []string{"Last-Event-ID: another process's"}
		}
		a := s.events("?"+query, headers...)
		for a.event().name != "" { // what comes before the messages
		}
		a.event()
		a.Body.Close()
		taptest.Eventually(t, "the reader in the log", func() bool {
			for line := range strings.Lines(s.log.String()) {
				if strings.Contains(line, "level="+level+" msg=\"reader gone\"") && strings.Contains(line, want) {
					return true
				}
			}
			return false
		})
	}
}
