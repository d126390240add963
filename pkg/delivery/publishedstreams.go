package delivery

import "sync"

// PublishedStreams is the conversation of a Publisher whose lines come over connections, as Streams is a Sender's.
type PublishedStreams struct {
	*Publisher
	mu sync.Mutex // takes the place of the one goroutine of a Publisher's conversation
}

// NewPublishedStreams makes the conversation of a publisher.
func NewPublishedStreams(p *Publisher) *PublishedStreams {
	return &PublishedStreams{Publisher: p}
}

// PublishedStream is the account of one connection.
type PublishedStream struct {
	all  *PublishedStreams
	owed int // lines that are accepted and not answered
}

// Open begins the account of a connection.
func (s *PublishedStreams) Open() *PublishedStream { return &PublishedStream{all: s} }

// Accept publishes lines. The feed copies them.
func (st *PublishedStream) Accept(lines [][]byte) {
	st.all.mu.Lock()
	defer st.all.mu.Unlock()
	for _, line := range lines {
		st.all.Publisher.Accept(line)
	}
	st.owed += len(lines)
	st.all.Submit()
	st.all.notify() // they can be answered
}

// Settled returns how many lines are published and not answered yet.
func (st *PublishedStream) Settled() (confirmed int, refused bool, reason string) {
	st.all.mu.Lock()
	defer st.all.mu.Unlock()
	if settled, _ := st.all.Outcome(); settled {
		confirmed, st.owed = st.owed, 0
	}
	return confirmed, false, ""
}

// End ends the account of a connection: a publisher remembers nothing.
func (st *PublishedStream) End(bool) {}

// Reclaim does nothing.
func (s *PublishedStreams) Reclaim() {}

// TimedOut does nothing.
func (s *PublishedStreams) TimedOut() {}

// Refused returns 0: subscribers refuse nothing.
func (s *PublishedStreams) Refused() int { return 0 }

// Retry does nothing.
func (s *PublishedStreams) Retry() {}
