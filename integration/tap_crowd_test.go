package integration

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// A crowd of readers at one hub, half of which never read, and an account for each of them.

// crowd is bench/crowd: readers over HTTP and subscribers, which report at the end what they got.
type crowd struct {
	*process
	in  io.Writer
	out *bufio.Reader
}

// readerAccount is one reader's account: how many messages it received, how many the hub reported as missed, and the
// number of the last one.
type readerAccount struct {
	kind                   string
	received, missed, last int
}

// startCrowd starts the given number of readers over HTTP and as many subscribers. When it returns, the hub
// has accepted all of them.
func startCrowd(t *testing.T, h *process, readers int) *crowd {
	t.Helper()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program("crowd"), "./bench/crowd")
	build.Dir = repository()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building bench/crowd: %v\n%s", err, out)
	}
	address := strings.TrimSuffix(strings.TrimPrefix(h.served(t), "http://"), "/")
	out := strings.TrimPrefix(h.logged(t, `side=out endpoint=(\S+)`)[1], "tcp://")
	p, stdin, stdout := startPiped(t, "crowd", exec.Command(program("crowd"),
		"-http", address, "-subscribers", out, "-readers", fmt.Sprint(readers)))
	c := &crowd{p, stdin, stdout}
	c.expect(t, "ready")
	return c
}

func (c *crowd) say(t *testing.T, word string) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in, word); err != nil {
		t.Fatal(err)
	}
}

func (c *crowd) expect(t *testing.T, word string) {
	t.Helper()
	result := make(chan string, 1)
	go func() {
		line, _ := c.out.ReadString('\n') // an error shows in the line
		result <- line
	}()
	var line string
	eventually(t, patience, fmt.Sprintf("the crowd replies %q", word), func() bool {
		select {
		case line = <-result:
			return true
		default:
			return false
		}
	})
	if line != word+"\n" {
		t.Fatalf("the crowd replied %q, want %q", line, word)
	}
}

// accounts calls end until every reader has received a last message, and returns what the crowd then reports.
func (c *crowd) accounts(t *testing.T, end func()) (all []readerAccount) {
	t.Helper()
	c.say(t, "end")
	text := make(chan []byte, 1)
	go func() {
		said, _ := io.ReadAll(c.out) // an error shows in what is missing
		text <- said
	}()
	var said []byte
	eventually(t, patience, "every reader has a last message", func() bool {
		end()
		select {
		case said = <-text:
			return true
		default:
			return false
		}
	})
	for line := range strings.Lines(string(said)) {
		var g readerAccount
		var gone, leftOut, disorder int
		if _, err := fmt.Sscan(line, &g.kind, &g.received, &g.missed, &gone, &leftOut, &disorder, &g.last); err != nil {
			t.Fatalf("account %q: %v", line, err)
		}
		if disorder != 0 {
			t.Errorf("out of order, or with other messages between: %s", line)
		}
		all = append(all, g)
	}
	return all
}

// everythingSoFar has pub send until a reader over HTTP and all others have received something. It returns how
// many messages the reader has received by then.
func everythingSoFar(t *testing.T, h *process, pub *peer, others []*peer) (n int) {
	t.Helper()
	answer, err := http.Get(h.served(t) + "stream")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	heard := []func() bool{}
	for _, p := range others {
		heard = append(heard, p.some)
	}
	warmed(t, func() { pub.send(t, warmUp) }, heard...)
	pub.send(t, "that is all")
	for lines := bufio.NewReader(answer.Body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		n++
		if strings.Contains(line, "that is all") {
			break
		}
	}
	for _, p := range others {
		for p.joined(t) != "that is all" {
		}
	}
	return n
}

// A hundred readers over HTTP and a hundred subscribers, half of which do not read. The others get everything
// as long as they are given time. However much is sent, what a reader received and what the hub reports as
// missed add up to what was sent.
func TestCrowdAtAHub(t *testing.T) {
	const portion, portions, flood = 250, 30, 15_000
	h := startTap(t, "hub", "--in", "tcp://127.0.0.1:0", "--out", "tcp://127.0.0.1:0", "--http", "127.0.0.1:0",
		"--heartbeat", "0", "--max-memory", "512MiB") // with less, the other half's memory is what those that do not read hold
	pub := startPeer(t, "PUB", "--connect", h.logged(t, `side=in endpoint=(\S+)`)[1])
	var libzmq []*peer
	for range 4 {
		libzmq = append(libzmq, startPeer(t, "SUB", "--subscribe", "", "--connect", h.logged(t, `side=out endpoint=(\S+)`)[1]))
	}
	before := everythingSoFar(t, h, pub, libzmq)
	c := startCrowd(t, h, 100)
	send := func(from, to int) {
		for i := from; i < to; i++ {
			pub.send(t, fmt.Sprintf("<14>Nov 22 05:54:52 host app[123]: %07d %s", i, strings.Repeat("x", 500)))
		}
	}
	for i := range portions { // a portion is smaller than any reader's queue
		send(i*portion, (i+1)*portion)
		c.say(t, fmt.Sprint("await ", (i+1)*portion))
		c.expect(t, "reached")
	}
	send(portions*portion, portions*portion+flood)
	c.say(t, "wake")
	c.expect(t, "quiet")
	ends := 0
	all := c.accounts(t, func() {
		ends++
		pub.send(t, fmt.Sprint("<14>Nov 22 05:54:52 host app[123]: the end ", ends))
	})
	const last = "nothing more"
	pub.send(t, last)
	byLibzmq := 0
	for _, p := range libzmq {
		byLibzmq += receivedBefore(t, p, last)
	}
	h.stop(t)
	judgeCrowd(t, h, all, before, ends, len(libzmq), byLibzmq)
}

// receivedBefore returns how many messages the peer receives before the one that is text.
func receivedBefore(t *testing.T, p *peer, text string) (n int) {
	t.Helper()
	for p.joined(t) != text {
		n++
	}
	return n
}

// judgeCrowd compares the accounts with the hub's own.
func judgeCrowd(t *testing.T, h *process, all []readerAccount, before, ends, libzmq, byLibzmq int) {
	t.Helper()
	last := h.logged(t, `msg=end received=(\d+) missed=(\d+)`)
	total, _ := strconv.Atoi(last[1]) // digits
	wanted, _ := strconv.Atoi(last[2])
	published := total - before - 1 // without the last message, which only libzmq's subscribers wait for
	missed := libzmq*published - byLibzmq
	asleep := 0
	for _, g := range all {
		missed += g.missed
		if due := published - (ends - g.last); g.received+g.missed != due {
			t.Errorf("%s: %d received and %d missed of %d", g.kind, g.received, g.missed, due)
		}
		if strings.HasSuffix(g.kind, "-asleep") && g.missed > 0 {
			asleep++
		}
	}
	if len(all) != 200 || asleep == 0 {
		t.Errorf("%d accounts, %d sleepers have missed something", len(all), asleep)
	}
	if missed != wanted {
		t.Errorf("readers have missed %d messages, the hub reports %d", missed, wanted)
	}
}
