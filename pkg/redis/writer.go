package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"math"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// ErrRepeat is message.ErrRepeat.
var ErrRepeat = message.ErrRepeat

const (
	// A script blocks Redis while it runs. A larger batch is therefore divided into parts of at most
	maxPart      = 10_000  // messages
	maxPartBytes = 4 << 20 // and bytes, unless one message alone has more

	fullPoll = 20 * time.Millisecond // between two questions for the length of a full list
)

// Writer stores messages. It is for one goroutine.
type Writer struct {
	// Shorten returns the text of message i of Store's batch with at most limit bytes, or with as few as it can have.
	// nil: texts are cut without an incomplete UTF-8 character at their end.
	Shorten func(i, limit int) []byte

	cfg    Config
	client *client
	self   string // the sender's id of messages without a sender
	next   uint64 // the last number given to one of them

	// The part in hand, borrowed while Store runs; texts[i] and settled(i, …) belong to batch[i].
	from    int // where it begins in Store's batch
	batch   []message.Message
	texts   [][]byte
	settled func(i int, refusal error)
	plan    plan

	backoff  backoff.Backoff
	poll     backoff.Backoff // for a full list; it never grows
	reporter reporter
	checked  bool // Redis has been asked whether it evicts data

	sendMany      bool                      // storemany.lua is sent with its text: Redis did not know the hash
	asked         map[*goredis.Client]asked // which servers allow transactions
	transactFrom  int                       // transactBytes; tests set it
	transactBelow int                       // the server has ended its connection at larger ones

	over      oversize
	truncated atomic.Uint64
}

// NewWriter makes a writer. It reads the files that config names, and does not connect yet.
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
	w := &Writer{cfg: config, client: client, self: hex.EncodeToString(id[:]),
		transactFrom: transactBytes, transactBelow: math.MaxInt, reporter: newReporter(config.Logger, config.Trouble)}
	w.backoff = backoff.Backoff{First: config.Reconnect, Max: config.ReconnectMax}
	w.poll = backoff.Backoff{First: fullPoll, Max: fullPoll}
	return w, nil
}

// Close closes the connections.
func (w *Writer) Close() error {
	if err := w.client.close(); !errors.Is(err, goredis.ErrClosed) {
		return err
	}
	return nil
}

// Store stores a batch; texts[i] is what Redis holds for batch[i]. It returns nil once every message is settled:
// settled(i, nil) means that message i is stored, settled(i, ErrRepeat) that it was stored earlier, any other reason
// that Redis refuses it as things are. settled is called on the caller's goroutine, at most once for each message. The
// messages of one sender with one key are stored in their order.
//
// Store waits as long as the trouble can pass: Redis is away, restarting, failing over or out of memory, or the list is
// full. When ctx ends, Store returns an error that wraps ctx.Err(), the fate of unsettled messages is unknown, and the
// writer is closed.
//
// A text that Redis is found not to take because of its length is cut, and replaced in texts. Otherwise batch and texts
// are only read, and not after Store has returned.
func (w *Writer) Store(ctx context.Context, batch []message.Message, texts [][]byte, settled func(i int, refusal error)) error {
	stop := context.AfterFunc(ctx, func() { w.client.close() }) // ctx alone does not interrupt go-redis
	defer stop()
	defer w.plan.release()
	for from := 0; from < len(batch); {
		to, size := from, 0
		for ; to < len(batch) && to-from < maxPart && (to == from || size+len(texts[to]) <= maxPartBytes); to++ {
			size += len(texts[to])
		}
		w.from, w.batch, w.texts = from, batch[from:to], texts[from:to]
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
	w.over.ended, w.over.alone = 0, 0
	clear(w.over.cuts)
	for {
		trouble := w.round(ctx)
		if len(w.plan.pending) == 0 {
			w.tell()
			return nil
		}
		if ctx.Err() != nil {
			return cancelled(ctx, w.reporter.trouble)
		}
		if trouble == nil || w.cut(trouble) {
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
