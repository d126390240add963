package omprog

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog/lines"
)

// holder is an account that confirms nothing before the server waits for it: the server polls again and again then,
// while it polls only once before it waits for a line.
type holder struct {
	fakeLedger
	mu       sync.Mutex
	accepted int
	polled   int   // times in a row without a line in between
	batches  []int // lines accepted when the server began to wait
}

const waiting = 3 // polls in a row

func (h *holder) Accept([]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted++
	h.polled = 0
	return true
}

func (h *holder) Submit() {}

func (h *holder) Poll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.polled++; h.polled == waiting {
		h.batches = append(h.batches, h.accepted)
	}
}

func (h *holder) Outcome() (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.polled >= waiting {
		return true, nil
	}
	return false, fmt.Errorf("not yet")
}

func (h *holder) Committed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted, h.polled = 0, 0
}

func (h *holder) Changed() <-chan struct{} { return nil }

// An rsyslog that reads no replies is held back once this many lines, or this many bytes, are unconfirmed.
func TestOneWayIsBounded(t *testing.T) {
	const long = 1000
	for name, c := range map[string]struct{ size, want int }{
		"lines": {1, maxUnconfirmedLines},
		"bytes": {long, (maxUnconfirmedBytes + long - 1) / long},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdin, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			reader, err := lines.NewReader(int(stdin.Fd()), long)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			go func() {
				defer in.Close()
				line := strings.Repeat("x", c.size) + "\n"
				for range 2*c.want + 1 {
					io.WriteString(in, line)
				}
			}()
			h := &holder{}
			server := &Server{In: reader, Account: h, Logger: slog.New(slog.DiscardHandler),
				Machine: NewMachine(Config{BeginMark: DefaultBeginMark, CommitMark: DefaultCommitMark, MaxLine: long}, h)}
			if err := server.Run(t.Context(), t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(h.batches) != 2 || h.batches[0] != c.want || h.batches[1] != c.want || h.accepted != 1 {
				t.Errorf("the server waited after %v lines, and took %d more; want twice %d, and 1", h.batches, h.accepted, c.want)
			}
			if !slices.Equal(h.pipes, []journal.Pipes{journal.PipesUnread}) {
				t.Errorf("the pipes: %v", h.pipes)
			}
		})
	}
}
