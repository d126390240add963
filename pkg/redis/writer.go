package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

//go:embed store.lua
var script string

// scriptSHA1 is how EVALSHA names the script.
var scriptSHA1 = func() string {
	sum := sha1.Sum([]byte(script))
	return hex.EncodeToString(sum[:])
}()

// ErrRepeat says that a message was stored before, by whoever: it is stored, and not twice.
var ErrRepeat = errors.New("redis: stored before")

const (
	// A script blocks Redis while it runs, so that more than this is divided.
	maxPart      = 10_000  // messages
	maxPartBytes = 4 << 20 // and bytes, unless one message alone has more

	fullPoll = 20 * time.Millisecond // between looks at a full list
)

// Writer stores messages. One goroutine uses it.
type Writer struct {
	cfg    Config
	client *client
	self   string // the sender's id of messages without one
	next   uint64 // and the number of the next of them

	batch   []message.Message // the part in hand, its texts, and what to tell of it; borrowed while Store runs
	texts   [][]byte
	settled func(i int, refusal error)
	plan    plan

	backoff  backoff.Backoff
	poll     backoff.Backoff // of a full list: it never grows
	reporter reporter
	checked  bool // whether Redis is set up to keep what it is given
}

// NewWriter makes a writer. It reads the files that config names and connects to nobody.
func NewWriter(config Config) (*Writer, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	client, err := newClient(&config)
	if err != nil {
		return nil, err
	}
	var id [16]byte
	rand.Read(id[:]) // never fails (crypto/rand)
	w := &Writer{cfg: config, client: client, self: hex.EncodeToString(id[:]), reporter: reporter{log: config.Logger}}
	w.backoff = backoff.Backoff{First: config.Reconnect, Max: config.ReconnectMax}
	w.poll = backoff.Backoff{First: fullPoll, Max: fullPoll}
	return w, nil
}

// Close ends the connections.
func (w *Writer) Close() error {
	if err := w.client.close(); !errors.Is(err, goredis.ErrClosed) {
		return err
	}
	return nil
}

// Store stores the texts of a batch, which are what a list's element, a stream's message field or a publication holds, and returns nil when every message is settled: settled(i, nil) means stored, settled(i, ErrRepeat) stored before, another
// reason that Redis does not take it as things are. It is called on the caller's goroutine, once for each message at most. Those of one sender with one
// key are stored in their order.
//
// What can pass is waited for: Redis away, restarting, failing over, out of memory, the list full. When ctx ends, Store returns an error that wraps
// ctx.Err(), what was not settled is of unknown fate, and the writer is closed. What Store is given is only read, and no longer than it lasts.
func (w *Writer) Store(ctx context.Context, batch []message.Message, texts [][]byte, settled func(i int, refusal error)) error {
	stop := context.AfterFunc(ctx, func() { w.client.close() }) // a plain cancellation does not interrupt go-redis
	defer stop()
	defer w.plan.release()
	for from := 0; from < len(batch); {
		to, size := from, 0
		for ; to < len(batch) && to-from < maxPart && (to == from || size+len(texts[to]) <= maxPartBytes); to++ {
			size += len(texts[to])
		}
		w.batch, w.texts = batch[from:to], texts[from:to]
		w.settled = func(i int, refusal error) { settled(from+i, refusal) }
		if err := w.storePart(ctx); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (w *Writer) storePart(ctx context.Context) error {
	w.plan.make(w)
	for {
		trouble := w.round(ctx)
		if len(w.plan.pending) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return cancelled(ctx, w.reporter.trouble)
		}
		if trouble == nil {
			continue
		}
		w.reporter.waiting(trouble)
		if !w.pause(ctx, trouble) {
			return cancelled(ctx, trouble)
		}
	}
}

// pause waits before the next attempt. It returns false when ctx has ended.
func (w *Writer) pause(ctx context.Context, trouble *fault) bool {
	if trouble.code == codeFull {
		return w.poll.Wait(ctx)
	}
	return w.backoff.Wait(ctx)
}
