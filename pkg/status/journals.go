package status

import (
	"context"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

const (
	// fresh is how long what the journals held is taken for what they hold, at least.
	fresh = 5 * time.Second
	// rest is how many times as long as reading took nothing is read again: a full journal takes a tenth of a second.
	rest = 10
	// journalPatience is how long a report waits until they are read. Then it has what they held before.
	journalPatience = time.Second
)

// journals are what the journals of a folder hold. They are read when somebody asks, once at a time.
type journals struct {
	wanted chan struct{}

	mu    sync.Mutex
	known []spool.Content
	next  time.Time     // when they may be read again
	read  chan struct{} // closed when they have been read once more
}

func newJournals() *journals {
	return &journals{wanted: make(chan struct{}, 1), read: make(chan struct{})}
}

// contents returns what the journals hold. It waits for at most journalPatience.
func (j *journals) contents() []spool.Content {
	known, read, due := j.last()
	if !due {
		return known
	}
	select {
	case j.wanted <- struct{}{}:
	default: // another one has asked
	}
	select {
	case <-read:
	case <-time.After(journalPatience):
	}
	known, _, _ = j.last()
	return known
}

func (j *journals) last() (known []spool.Content, read <-chan struct{}, due bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.known, j.read, !time.Now().Before(j.next)
}

// follow reads a folder's journals whenever somebody asks, until ctx ends.
func (j *journals) follow(ctx context.Context, survey func(context.Context) ([]spool.Content, error), folder string) {
	for {
		select {
		case <-j.wanted:
		case <-ctx.Done():
			return
		}
		if _, _, due := j.last(); !due {
			continue
		}
		began := time.Now()
		contents, err := survey(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			contents = []spool.Content{{File: folder, Problem: err.Error()}}
		}
		j.mu.Lock()
		j.known, j.next = contents, time.Now().Add(max(fresh, rest*time.Since(began)))
		close(j.read)
		j.read = make(chan struct{})
		j.mu.Unlock()
	}
}
