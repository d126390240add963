package integration

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// picky is a ROUTER of libzmq that refuses some messages.
type picky struct {
	*peer
	refuses atomic.Bool // those with "bad" in them
	refused atomic.Int32
	done    chan struct{}

	mu     sync.Mutex
	stored []string // payloads, repeated numbers not counted
}

func startPicky(t *testing.T) *picky {
	t.Helper()
	p := &picky{peer: startPeer(t, "ROUTER", "--bind", "tcp://127.0.0.1:*"), done: make(chan struct{})}
	p.refuses.Store(true)
	go func() {
		defer close(p.done)
		seen := map[string]bool{}
		for f := range p.messages {
			if len(f) != 4 {
				t.Errorf("received %q", f)
				return
			}
			var err error
			if p.refuses.Load() && strings.Contains(f[3], "bad") {
				p.refused.Add(1)
				err = p.post(f[0], f[1], "no room for "+strings.Repeat("ä", 100))
			} else {
				if !seen[f[0]+f[1]] {
					seen[f[0]+f[1]] = true
					p.mu.Lock()
					p.stored = append(p.stored, f[3])
					p.mu.Unlock()
				}
				err = p.post(f[0], f[1])
			}
			if err != nil {
				return // it has ended
			}
		}
	}()
	return p
}

func (p *picky) has() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.stored, " ")
}

// A refused message is answered with 500 and the reason, and nothing after it is answered: that comes again. The
// refused one stays in the journal until somebody takes it.
func TestRelpIntakeRefused(t *testing.T) {
	t.Parallel()
	router, journal := startPicky(t), folder(t)+"/journal"
	k := startIntake(t, "--connect", router.endpoint, "--journal", journal)
	c := dialRelp(t, k.port)
	first := c.post(t, "a", "bad", "c")
	c.confirmed(t, first, 1)
	a := c.told(t)
	if a.txnr != first+1 || !strings.HasPrefix(a.text, "500 no room for ää") || len(a.text) > 4+80 {
		t.Errorf("told %+v", a)
	}
	if rest := c.ended(t); len(rest) != 1 || rest[0] != (relpTold{0, "serverclose"}) {
		t.Errorf("told %+v", rest)
	}
	k.logged(t, "session ended.*a message was refused: no room for")
	c = dialRelp(t, k.port)
	c.confirmed(t, c.post(t, "c", "d"), 2)
	c.close(t)
	k.stop(t)
	k.logged(t, `kept in the journal.* messages=1 `)
	if got := router.has(); got != "a c d" {
		t.Errorf("stored %q", got)
	}
	router.refuses.Store(false)
	k.again(t)
	eventually(t, patience, "what was refused is stored", func() bool { return router.has() == "a c d bad" })
	k.stop(t)
	wantNoJournals(t, journal)
}

// Without a journal, what is refused at the end is lost, and the exit code tells.
func TestRelpIntakeRefusedAtTheEnd(t *testing.T) {
	t.Parallel()
	router := startPicky(t)
	k := startIntake(t, "--connect", router.endpoint)
	c := dialRelp(t, k.port)
	c.post(t, "bad")
	c.ended(t)
	k.process.signal(t, 15)
	if code := k.exit(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	k.logged(t, "1 message was not confirmed")
}

// rsyslogd goes on after a refusal. In the end every message is stored, each once.
func TestRelpIntakeRefusesSome(t *testing.T) {
	t.Parallel()
	const messages = 3000
	l := lines{seed: 65, longest: 200}
	router := startPicky(t)
	k := startIntake(t, "--connect", router.endpoint)
	from := startRsyslogd(t, preamble+wayIn+toRelp(k.port, memoryQueue+relpWindow))
	conn := from.input(t)
	for _, line := range []string{"<13>bad 0", "<13>good 0", "<13>bad 1", "<13>good 1"} {
		if _, err := conn.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	from.feed(t, l, 0, messages)
	arrived := l.account("", messages)
	others, next := map[string]int{}, 0
	collect := func() {
		router.mu.Lock()
		defer router.mu.Unlock()
		for ; next < len(router.stored); next++ {
			if text := router.stored[next]; strings.HasPrefix(text, "<13>bad ") || strings.HasPrefix(text, "<13>good ") {
				others[text]++
			} else {
				arrived.add([]byte(text))
			}
		}
	}
	eventually(t, patience, "the others are stored", func() bool {
		collect()
		return arrived.arrived == messages && len(others) == 2
	})
	router.refuses.Store(false)
	eventually(t, patience, "all are stored", func() bool {
		collect()
		return len(others) == 4
	})
	from.stop(t)
	k.stop(t)
	collect()
	for text, times := range others {
		if times != 1 {
			t.Errorf("%q is stored %d times", text, times)
		}
	}
	t.Logf("%d refusals, %d sessions ended", router.refused.Load(), strings.Count(k.words.String(), "session ended"))
	arrived.settle(t, false)
}
