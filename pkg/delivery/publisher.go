package delivery

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Feed publishes messages to the subscribers that want them.
type Feed interface {
	// Publish gives a message to all subscribers that want it, without blocking, and copies it.
	Publish(frames ...[]byte)
	// Flush sends what was published.
	Flush()
	// Settled returns nil if all subscribers that it connects to have had the time to subscribe, otherwise what is
	// waited for.
	Settled() error
}

// Publisher is the account of a conversation that owes nothing: a line counts as confirmed once it was given to the
// subscribers that want it. One goroutine uses it, except for Settled.
//
// While the feed is not settled, a transaction does not begin, and other lines are held: what is published before a
// subscriber that we connect to has subscribed would be lost to it.
type Publisher struct {
	topics                         message.Topics
	feed                           Feed
	logger                         *slog.Logger
	frames                         [][]byte
	scratch                        []byte
	published, failed, noDelimiter atomic.Uint64
	changed                        chan struct{}

	mu      sync.Mutex
	held    [][]byte    // accepted lines that are not published yet, in order
	holding atomic.Bool // there are some
}

// NewPublisher makes a Publisher.
func NewPublisher(topics message.Topics, feed Feed, logger *slog.Logger) *Publisher {
	return &Publisher{topics: topics, feed: feed, logger: logger, changed: make(chan struct{}, 1)}
}

// Settled is called when the feed has become settled.
func (p *Publisher) Settled() {
	p.release() //nolint:errcheck // another peer may have come
	p.notify()
}

func (p *Publisher) notify() {
	select {
	case p.changed <- struct{}{}:
	default: // an earlier notification has not been received yet and serves as well
	}
}

// Ready returns nil when those that want the next line would get it. No subscriber is needed for that.
func (p *Publisher) Ready() error { return p.feed.Settled() }

// Accept publishes a line, or holds it while the feed is not settled: outside a transaction, or because a subscriber
// came back in mid-transaction. It is always deferrable.
func (p *Publisher) Accept(line []byte) (deferrable bool) {
	if !p.holding.Load() && p.feed.Settled() == nil {
		p.publish(line)
	} else {
		p.hold(line)
		p.release() //nolint:errcheck // it may have become settled meanwhile
	}
	return true
}

// publish is called by the conversation's goroutine while nothing is held, and by release.
func (p *Publisher) publish(line []byte) {
	var found bool
	p.frames, p.scratch, found = p.topics.AppendFrames(p.frames[:0], p.scratch[:0], line)
	if !found {
		logNoDelimiter(p.logger, &p.topics, &p.noDelimiter)
	}
	p.feed.Publish(p.frames...)
	p.published.Add(1)
}

func (p *Publisher) hold(line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = append(p.held, bytes.Clone(line))
	p.holding.Store(true)
}

// release publishes what is held, unless something is still waited for, which it returns.
func (p *Publisher) release() error {
	if !p.holding.Load() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.feed.Settled(); err != nil {
		return fmt.Errorf("%s: %w", message.Count(len(p.held), "message not published", "messages not published"), err)
	}
	for _, line := range p.held {
		p.publish(line)
	}
	p.feed.Flush()
	p.held = nil
	p.holding.Store(false)
	return nil
}

// Failed forgets the lines that were not published: rsyslog sends them again.
func (p *Publisher) Failed(bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed.Add(1)
	p.held = nil
	p.holding.Store(false)
}

// Outcome reports whether everything was published.
func (p *Publisher) Outcome() (settled bool, err error) {
	err = p.release()
	return err == nil, err
}

// Outstanding is the number of accepted lines that are not published.
func (p *Publisher) Outstanding() int {
	p.release() //nolint:errcheck // the number tells
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

// Unconfirmed is Outstanding.
func (p *Publisher) Unconfirmed() int { return p.Outstanding() }

// Unjournaled is Outstanding: a publisher has no journal.
func (p *Publisher) Unjournaled() int { return p.Outstanding() }

// Submit sends what was published.
func (p *Publisher) Submit() { p.feed.Flush() }

// Counters returns the totals. What is held counts when it is published: until then, rsyslog may have to send it again.
func (p *Publisher) Counters() Counters {
	n := p.published.Load()
	return Counters{Received: n, Confirmed: n, Failed: p.failed.Load(), NoDelimiter: p.noDelimiter.Load()}
}

// The rest of an account is simple where nothing is owed for long: a transaction means nothing.

// Changed receives when the feed has become settled.
func (p *Publisher) Changed() <-chan struct{} { return p.changed }

// Poll has nothing to learn.
func (p *Publisher) Poll() {}

// Opened does nothing.
func (p *Publisher) Opened(int) {}

// Closing does nothing.
func (p *Publisher) Closing(int) {}

// Answering does nothing.
func (p *Publisher) Answering(journal.Reply) {}

// Committed does nothing.
func (p *Publisher) Committed() {}

// BeginFailed does nothing.
func (p *Publisher) BeginFailed() {}

// Pipes does nothing.
func (p *Publisher) Pipes(journal.Pipes) {}

// logNoDelimiter counts a line that lacks its topic's delimiter, and logs the first.
func logNoDelimiter(logger *slog.Logger, topics *message.Topics, count *atomic.Uint64) {
	if count.Add(1) == 1 {
		logger.Warn("a line lacks the --topic-delimiter and goes out with an empty topic; check the rsyslog template (logged once)",
			"delimiter", fmt.Sprintf("%q", topics.Delimiter))
	}
}
