package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A tap when other processes are killed, frozen or slow.

// heard calls send until every reader has received text.
func heard(t *testing.T, send func(), text string, everyone ...*collector) {
	t.Helper()
	eventually(t, patience, fmt.Sprintf("every reader receives %q", text), func() bool {
		send()
		for _, c := range everyone {
			if !c.has(text) {
				return false
			}
		}
		return true
	})
}

// collector keeps what has arrived, for any kind of reader.
type collector struct {
	lines chan string
	seen  strings.Builder
}

func (c *collector) has(text string) bool {
	for {
		select {
		case line, open := <-c.lines:
			if open {
				fmt.Fprintln(&c.seen, line)
				continue
			}
		default:
		}
		return strings.Contains(c.seen.String(), text)
	}
}

func (p *peer) collect() *collector {
	c := &collector{lines: make(chan string, cap(p.messages))}
	go func() {
		defer close(c.lines)
		for frames := range p.messages {
			c.lines <- strings.Join(frames, "\t")
		}
	}()
	return c
}

// The hub dies and is restarted. Publishers and readers reconnect by themselves, and HTTP readers are told
// that something is missing.
func TestHubKilled(t *testing.T) {
	h := startHub(t)
	from := intoHub(t, h)
	pub := startPeer(t, "PUB", "--connect", h.in)
	sub := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "").collect()
	serve := startTap(t, "serve", "--http", "127.0.0.1:0", "--reconnect-max", "500ms", h.out)
	stream := serve.served(t) + "stream"
	text, events := &collector{lines: follow(t, stream).lines}, &collector{lines: followEvents(t, stream).lines}
	for _, time := range []string{"before", "after", "at last"} {
		heard(t, func() { pub.send(t, "own/web-1/", "the program "+time) }, "the program "+time, sub, text, events)
		heard(t, func() { from.logLines(t, strings.Replace(warmUp, "are you", "rsyslog "+time, 1)) }, "rsyslog "+time+" there?", sub, text, events)
		if time != "at last" {
			h.kill()
			h.again(t)
		}
	}
	const gone = "the publisher is gone"
	if n := strings.Count(text.seen.String(), "zmqtap: "+h.out+": "+gone); n != 2 {
		t.Errorf("plain text reports %d gaps, want 2", n)
	}
	if n := strings.Count(events.seen.String(), "event: gap\ndata: {\"publisher\":\""+h.out+"\",\"reason\":\""+gone); n != 2 {
		t.Errorf("events report %d gaps, want 2", n)
	}
	from.stop(t)
	serve.stop(t)
	h.stop(t)
}

// omzmq dies: rsyslogd starts another, and the stream goes on.
func TestTapOfKilledOmzmq(t *testing.T) {
	h := startHub(t, "--http", "127.0.0.1:0")
	from := intoHub(t, h)
	sub := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "warm-up/web-1/").collect()
	text := &collector{lines: follow(t, h.served(t)+"stream").lines}
	for _, time := range []string{"before", "after", "at last"} {
		heard(t, func() { from.logLines(t, strings.Replace(warmUp, "are you", time, 1)) }, time+" there?", sub, text)
		for _, pid := range children(t, from.pid(), "omzmq") {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Fatal(err)
			}
		}
	}
	from.stop(t)
	h.stop(t)
}

// besideFile publishes every line and also writes it to a file, in the same ruleset.
func besideFile(endpoint string) string {
	return fmt.Sprintf(`
module(load="omprog")
ruleset(name="in" queue.type="Direct") {
	action(name="publish" type="omprog" binary="%s --socket pub --bind %s" template="raw" output="[dir]/omzmq.log" forceSingleInstance="on"
		confirmMessages="on" useTransactions="on" action.resumeRetryCount="-1" action.resumeInterval="1"
		queue.type="LinkedList" queue.size="10000" queue.dequeueBatchSize="1000" queue.timeoutEnqueue="0")
	action(type="omfile" file="[dir]/out" template="raw")
}
`, program("omzmq"), endpoint)
}

var droppedMessages = regexp.MustCompile(`messages=[1-9]\d* reason="the publisher dropped them`)

// Readers of every kind are frozen. Lines are sent until one reader has lost some, and then as many again.
// Readers that keep up get each line once, and so does the file; rsyslog's queue before omzmq loses none. When
// the frozen readers continue, they learn what they have missed.
func TestFrozenReadersHoldUpNobody(t *testing.T) {
	const most, portion = 200, 1000 // a portion fits every buffer on the way, so that readers that keep up miss nothing
	l := lines{seed: 61, longest: 2000}
	endpoint := nowhere(t)
	from := startRsyslogd(t, preamble+impstats+wayIn+besideFile(endpoint))
	serve := startTap(t, "serve", "--http", "127.0.0.1:0", endpoint)
	site := serve.served(t)
	healthy := startPeer(t, "SUB", "--connect", endpoint, "--subscribe", "")
	frozen := startPeer(t, "SUB", "--connect", endpoint, "--subscribe", "")
	through := follow(t, site+"stream")
	tap := startTapPrinter(t, "--raw", endpoint)
	h := startHub(t, "--in-connect", endpoint, "--http", "127.0.0.1:0")
	viaHub := follow(t, h.served(t)+"stream?last=2")
	warmed(t, func() { from.logLines(t, warmUp) }, healthy.some, frozen.some, through.some, tap.some, viaHub.some)
	silent := openSilently(t, site)
	for _, p := range []*process{frozen.process, tap.process, h.process} {
		p.signal(t, syscall.SIGSTOP)
	}

	byLibzmq, byHTTP := l.account("", most*portion), l.account("", most*portion)
	sent, lossy := 0, 0
	for sent < most*portion && (lossy == 0 || sent < 2*lossy) {
		from.feed(t, l, sent, sent+portion)
		sent += portion
		eventually(t, patience, "readers that keep up have everything", func() bool {
			healthy.enter(byLibzmq)
			through.enter(byHTTP)
			return byLibzmq.arrived == sent && byHTTP.arrived == sent
		})
		if text, _ := os.ReadFile(from.file("omzmq.log")); lossy == 0 && strings.Contains(string(text), "too slow") {
			lossy = sent
		}
	}
	if lossy == 0 {
		t.Fatalf("no reader is too slow for %d lines", sent)
	}
	from.wantNothingLost(t, sent, byLibzmq, byHTTP, l.account(from.file("out"), sent))
	for _, p := range []*process{frozen.process, tap.process, h.process} {
		p.signal(t, syscall.SIGCONT)
	}
	eventually(t, patience, "zmqtap logs how many messages the publisher has dropped", func() bool {
		from.logLines(t, warmUp) // the report arrives before the next message
		return droppedMessages.MatchString(tap.stderr.String())
	})
	silent.wantGapReport(t)
	from.stop(t)
}

// wantNothingLost checks the accounts of those that keep up, the last of which is the file's, and rsyslog's
// queue before omzmq.
func (r *rsyslogd) wantNothingLost(t *testing.T, sent int, accounts ...*account) {
	t.Helper()
	inFile := accounts[len(accounts)-1]
	eventually(t, patience, "the file has everything", func() bool { return inFile.has(t, sent) })
	for _, a := range accounts {
		a.expect(sent)
		a.settle(t, false)
	}
	eventually(t, patience, "impstats has counted", func() bool { return r.counter(t, "publish queue", "enqueued") >= sent })
	if full := r.counter(t, "publish queue", "discarded.full"); full != 0 {
		t.Errorf("rsyslog's queue has discarded %d", full)
	}
}

// enter enters what has arrived into an account.
func (p *peer) enter(a *account) {
	for len(p.messages) > 0 {
		if frames, open := <-p.messages; open {
			a.add([]byte(frames[len(frames)-1]))
		}
	}
}

func (f *following) enter(a *account) {
	for len(f.lines) > 0 {
		if line, open := <-f.lines; open {
			a.add([]byte(line))
		}
	}
}

// silent is an HTTP reader that does not read.
type silent struct{ net.Conn }

// openSilently requests a stream and reads only the beginning of the response.
func openSilently(t *testing.T, site string) silent {
	t.Helper()
	address := strings.Trim(strings.TrimPrefix(site, "http://"), "/")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /stream HTTP/1.1\r\nHost: %s\r\n\r\n", address) //nolint:errcheck // if it fails, nothing arrives
	if _, err := conn.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	return silent{conn}
}

// wantGapReport reads on until the stream says that messages are missing.
func (s silent) wantGapReport(t *testing.T) {
	t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	f := &following{lines: make(chan string, 1<<17)}
	go f.read(s)
	for line := range f.lines {
		if strings.HasPrefix(line, "zmqtap: ") && strings.Contains(line, " missing here: this reader is too slow") {
			return
		}
	}
	t.Error("a slow reader is not told that messages are missing")
}
