package delivery

import (
	"fmt"
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Feed takes messages for whoever wants them.
type Feed interface {
	// Publish gives a message to all that want it, without blocking, and copies it.
	Publish(frames ...[]byte)
	// Flush sends what was published.
	Flush()
}

// Publisher is the account of one who owes nothing: a line counts as confirmed once it was given to the subscribers
// that want it. One goroutine uses it.
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

// Accept publishes a line.
func (p *Publisher) Accept(line []byte) (kept bool) {
	var found bool
	p.frames, p.scratch, found = p.topics.AppendFrames(p.frames[:0], p.scratch[:0], line)
	if !found {
		sayNoDelimiter(p.logger, &p.topics, &p.counters.NoDelimiter)
	}
	p.feed.Publish(p.frames...)
	p.counters.Received++
	p.counters.Confirmed++
	return true
}

// Opened has nothing to do.
func (p *Publisher) Opened(int) {}

// Closing has nothing to do.
func (p *Publisher) Closing(int) {}

// Submit sends what was published.
func (p *Publisher) Submit() {
	p.feed.Flush()
}

// Ready is always: a publisher without subscribers publishes to nobody.
func (p *Publisher) Ready() error { return nil }

// Outcome is always settled.
func (p *Publisher) Outcome() (settled bool, err error) { return true, nil }

// Changed never receives: nothing is waited for.
func (p *Publisher) Changed() <-chan struct{} { return nil }

// Committed has nothing to do.
func (p *Publisher) Committed() {}

// Failed has nothing to do: no reply fails.
func (p *Publisher) Failed(bool) {}

// Outstanding is always 0.
func (p *Publisher) Outstanding() int { return 0 }

// Unconfirmed is always 0.
func (p *Publisher) Unconfirmed() int { return 0 }

// Unkept is always 0.
func (p *Publisher) Unkept() int { return 0 }

// Counters returns the totals.
func (p *Publisher) Counters() Counters { return p.counters }

// sayNoDelimiter counts a line that lacks its topic's delimiter, and says so the first time.
func sayNoDelimiter(logger *slog.Logger, topics *message.Topics, count *uint64) {
	if *count++; *count == 1 {
		logger.Warn("a line lacks the --topic-delimiter and goes out with an empty topic; check the rsyslog template (said once)",
			"delimiter", fmt.Sprintf("%q", topics.Delimiter))
	}
}
