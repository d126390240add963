package delivery

import (
	"fmt"
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Feed publishes messages to the subscribers that want them.
type Feed interface {
	// Publish gives a message to all subscribers that want it, without blocking, and copies it.
	Publish(frames ...[]byte)
	// Flush sends what was published.
	Flush()
}

// Publisher is the account of a conversation that owes nothing: a line counts as confirmed once it was given to the
// subscribers that want it. One goroutine uses it.
type Publisher struct {
	topics   message.Topics
	feed     Feed
	logger   *slog.Logger
	frames   [][]byte
	scratch  []byte
	counters Counters
}

// NewPublisher makes a Publisher.
func NewPublisher(topics message.Topics, feed Feed, logger *slog.Logger) *Publisher {
	return &Publisher{topics: topics, feed: feed, logger: logger}
}

// Accept publishes a line. It is always deferrable.
func (p *Publisher) Accept(line []byte) (deferrable bool) {
	var found bool
	p.frames, p.scratch, found = p.topics.AppendFrames(p.frames[:0], p.scratch[:0], line)
	if !found {
		logNoDelimiter(p.logger, &p.topics, &p.counters.NoDelimiter)
	}
	p.feed.Publish(p.frames...)
	p.counters.Received++
	p.counters.Confirmed++
	return true
}

// Submit sends what was published.
func (p *Publisher) Submit() { p.feed.Flush() }

// Counters returns the totals.
func (p *Publisher) Counters() Counters { return p.counters }

// The rest of an account is simple where nothing is owed: it is always ready and settled, and a transaction means
// nothing.

// Ready returns nil: a publisher does not need subscribers.
func (p *Publisher) Ready() error { return nil }

// Outcome reports that everything is settled.
func (p *Publisher) Outcome() (settled bool, err error) { return true, nil }

// Changed never receives: nothing is waited for.
func (p *Publisher) Changed() <-chan struct{} { return nil }

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

// Failed does nothing.
func (p *Publisher) Failed(bool) {}

// Pipes does nothing.
func (p *Publisher) Pipes(journal.Pipes) {}

// Outstanding is 0.
func (p *Publisher) Outstanding() int { return 0 }

// Unconfirmed is 0.
func (p *Publisher) Unconfirmed() int { return 0 }

// Unjournaled is 0.
func (p *Publisher) Unjournaled() int { return 0 }

// logNoDelimiter counts a line that lacks its topic's delimiter, and logs the first.
func logNoDelimiter(logger *slog.Logger, topics *message.Topics, count *uint64) {
	if *count++; *count == 1 {
		logger.Warn("a line lacks the --topic-delimiter and goes out with an empty topic; check the rsyslog template (logged once)",
			"delimiter", fmt.Sprintf("%q", topics.Delimiter))
	}
}
