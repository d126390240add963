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

// Entry is a message to be stored. It borrows its bytes.
type Entry struct {
	Sender   string // the sender's id, in printable form; "": it has none, nor numbers
	Seq      uint64 // the sender's number
	Topic    []byte
	Text     []byte // what a list's element, a stream's message field or a publication holds
	Peer     string
	Received time.Time
}

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

	entries []Entry // the part in hand, and what to tell of it; borrowed while Store runs
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

// Store stores entries and returns nil when every one is settled: settled(i, nil) means stored, settled(i, ErrRepeat) stored before, another
// reason that Redis does not take it as things are. It is called on the caller's goroutine, once for each entry at most. Those of one sender with one
// key are stored in their order.
//
// What can pass is waited for: Redis away, restarting, failing over, out of memory, the list full. When ctx ends, Store returns an error that wraps
// ctx.Err(), what was not settled is of unknown fate, and the writer is closed.
func (w *Writer) Store(ctx context.Context, entries []Entry, settled func(i int, refusal error)) error {
	stop := context.AfterFunc(ctx, func() { w.client.close() }) // a plain cancellation does not interrupt go-redis
	defer stop()
	defer w.plan.release()
	for from := 0; from < len(entries); {
		to, size := from, 0
		for ; to < len(entries) && to-from < maxPart && (to == from || size+len(entries[to].Text) <= maxPartBytes); to++ {
			size += len(entries[to].Text)
		}
		w.entries = entries[from:to]
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
