package delivery

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
)

var streamsSeed = flag.Uint64("streams-seed", 0, "run this seed of TestStreamsUnderFaults alone")

// omrelp is a client of librelp: a window of lines that are sent and not answered, which it sends again first when its
// connection was cut.
type omrelp struct {
	name    string
	stream  *Stream
	next    int      // number of its next new line
	unacked []string // sent, and their answers were not read
	answers int      // answered, and not read
	refused bool     // and so is the next one, with a refusal: librelp throws the line away and ends the connection
}

// model is clients, omzmq and a receiver that remembers numbers, under a random schedule of faults.
type model struct {
	*streamed
	random  *rand.Rand
	clients []*omrelp
	lose    bool // a cut throws away answers
	refuses bool // the receiver refuses some messages when they come first
	stored  map[string]int
	seen    map[string]bool // "seq line"
	taken   int             // of link.got
}

// A line is stored at least once whatever happens, and exactly once if each client reads the answers that it was given
// before its connection ends. So is one that was refused.
func TestStreamsUnderFaults(t *testing.T) {
	seeds := make([]uint64, 0, 2000)
	for seed := range uint64(2000) {
		seeds = append(seeds, seed+1)
	}
	if *streamsSeed != 0 {
		seeds = []uint64{*streamsSeed}
	}
	for _, seed := range seeds {
		m := newModel(t, seed)
		for range 60 {
			m.step()
		}
		m.finish()
		if t.Failed() {
			t.Fatalf("-streams-seed %d", seed)
		}
	}
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{random: rand.New(rand.NewPCG(seed, 0)), stored: make(map[string]int), seen: make(map[string]bool)}
	m.streamed = newStreamed(t, journaltest.New(NewSenderID()))
	m.lose, m.refuses = m.random.IntN(2) == 0, m.random.IntN(2) == 0
	for i := range 1 + m.random.IntN(3) {
		m.clients = append(m.clients, &omrelp{name: fmt.Sprint("client ", i)})
	}
	return m
}

func (m *model) step() {
	c := m.clients[m.random.IntN(len(m.clients))]
	switch n := m.random.IntN(23); {
	case n < 8:
		m.send(c, 1+m.random.IntN(5))
	case n < 12:
		m.receive(1 + m.random.IntN(6))
	case n < 15:
		m.answer(c)
	case n < 17:
		m.Reclaim()
	case n < 18:
		m.lost(c, true)
	case n < 19:
		m.relink()
	case n < 21:
		m.Retry()
	default:
		if m.random.IntN(3) == 0 {
			m.die()
		}
	}
}

// send sends new lines, and before them, over a new connection, some or all of what was not answered.
func (m *model) send(c *omrelp, n int) {
	if c.stream == nil {
		c.stream = m.Open()
		again := c.unacked
		if m.random.IntN(4) == 0 { // it is cut again in the middle
			c.stream.accept(again[:m.random.IntN(len(again)+1)]...)
			m.lost(c, true)
			return
		}
		c.stream.accept(again...)
	}
	for range n {
		line := fmt.Sprint(c.name, " line ", c.next)
		c.next++
		c.unacked = append(c.unacked, line)
		c.stream.accept(line)
	}
}

// receive has the receiver store at most n of the messages that were sent to it, and acknowledge them.
func (m *model) receive(n int) {
	for ; n > 0 && m.taken < len(m.link.got); n-- {
		text := m.link.got[m.taken]
		m.taken++
		var seq uint64
		fmt.Sscan(text, &seq) //nolint:errcheck // every text begins with one
		if !m.seen[text] && m.refuses && m.random.IntN(4) == 0 {
			m.refuse(seq)
			continue
		}
		if !m.seen[text] {
			m.seen[text] = true
			m.stored[text[len(fmt.Sprint(seq))+1:]]++
		}
		m.streamed.stored(seq)
	}
}

func (m *model) answer(c *omrelp) {
	if c.stream == nil {
		return
	}
	c.settle(m.t)
	if !m.lose || m.random.IntN(2) == 0 {
		m.read(c)
	}
}

// settle takes the answers that are due.
func (c *omrelp) settle(t *testing.T) {
	n, refused, reason := c.stream.Settled()
	if c.refused && (n > 0 || refused) || refused && reason == "" {
		t.Errorf("%s: %d answers and a refusal, %v, because of %q, after a refusal", c.name, n, refused, reason)
	}
	c.answers, c.refused = c.answers+n, c.refused || refused
}

// read reads the answers.
func (m *model) read(c *omrelp) {
	c.unacked, c.answers = c.unacked[c.answers:], 0
	if c.refused {
		c.unacked, c.refused = c.unacked[1:], false
		m.lost(c, true)
	}
}

// lost ends a client's connection. told: omzmq hears of it.
func (m *model) lost(c *omrelp, told bool) {
	if c.stream != nil && told {
		c.stream.End(true)
	}
	c.stream = nil
	if m.lose && m.random.IntN(2) == 0 { // the others are thrown away
		c.answers, c.refused = m.random.IntN(c.answers+1), false
	}
	m.read(c)
}

// relink ends the connection to the receiver, and opens another one.
func (m *model) relink() {
	m.taken = len(m.link.got) // what is on the way is lost
	m.sender.Down(m.link)
	m.sender.Up(m.link)
}

// die kills omzmq, and starts another one.
func (m *model) die() {
	for _, c := range m.clients {
		m.lost(c, false)
	}
	m.taken = len(m.link.got)
	m.begin()
}

// finish lets everything be stored and answered, and accounts for each line.
func (m *model) finish() {
	m.refuses = false
	for range 100 { // a refusal that is not answered yet ends a connection
		for _, c := range m.clients {
			if c.stream == nil {
				c.stream = m.Open().accept(c.unacked...)
			}
		}
		m.receive(len(m.link.got))
		for _, c := range m.clients {
			c.settle(m.t)
			m.read(c)
		}
		m.Reclaim()
		m.Retry()
	}
	for _, c := range m.clients {
		if len(c.unacked) > 0 {
			m.t.Errorf("%s: %d lines were not answered", c.name, len(c.unacked))
		}
		for i := range c.next {
			line := fmt.Sprint(c.name, " line ", i)
			if n := m.stored[line]; n == 0 || n > 1 && !m.lose {
				m.t.Errorf("%q was stored %d times", line, n)
			}
		}
	}
	if n := m.sender.Unconfirmed(); n > 0 {
		m.t.Errorf("%d lines are not confirmed", n)
	}
	if got := m.journal.Owed(m.t); len(got) > 0 {
		m.t.Errorf("the journal owes %q", got)
	}
}
