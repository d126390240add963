package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
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

	fullPoll  = 20 * time.Millisecond // between looks at a full list
	fullQuiet = 10 * time.Second      // for so long a full list is nothing to talk about

	refusalPause = time.Minute // between two log lines of one kind; every sender hears of every refusal
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
	trouble  *fault // why nothing is stored at the moment
	since    time.Time
	reported string    // the code that was logged
	refused  string    // the code of the refusal that was logged
	refusal  time.Time // and when
	checked  bool      // whether Redis is set up to keep what it is given
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
	w := &Writer{cfg: config, client: client, self: hex.EncodeToString(id[:])}
	w.backoff = backoff.Backoff{First: config.Reconnect, Max: config.ReconnectMax}
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
			return cancelled(ctx, w.trouble)
		}
		if trouble == nil {
			continue
		}
		w.report(trouble)
		if !w.pause(ctx, trouble) {
			return cancelled(ctx, trouble)
		}
	}
}

// pause waits before the next attempt. It returns false when ctx has ended.
func (w *Writer) pause(ctx context.Context, trouble *fault) bool {
	if trouble.code != codeFull {
		return w.backoff.Wait(ctx)
	}
	timer := time.NewTimer(fullPoll)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// report logs why nothing is stored, once.
func (w *Writer) report(f *fault) {
	if w.trouble == nil {
		w.since = time.Now()
	}
	w.trouble = f
	if f.code == w.reported || f.code == codeFull && time.Since(w.since) < fullQuiet {
		return
	}
	w.reported = f.code
	w.cfg.Logger.Warn("redis: the senders wait", "reason", f.Error())
}

// over ends the trouble, and says so if it was logged.
func (w *Writer) over() {
	if w.reported != "" {
		w.cfg.Logger.Info("redis: messages are stored again", "after", time.Since(w.since).Round(time.Millisecond))
	}
	w.trouble, w.reported = nil, ""
	w.backoff.Reset()
}

// round sends every pending call once and settles what it can. It returns why calls that are left must wait, nil when they need not.
func (w *Writer) round(ctx context.Context) (trouble *fault) {
	shares, trouble := w.share(ctx)
	if len(shares) > 1 {
		var all sync.WaitGroup
		for _, s := range shares {
			all.Go(func() { s.exec(ctx, w) })
		}
		all.Wait()
	} else if len(shares) == 1 {
		shares[0].exec(ctx, w)
	}
	for _, s := range shares {
		missing := s.missing(w)
		for i, c := range s.calls {
			f := w.conclude(c, s.commands[i], missing)
			if f != nil && f.moved {
				w.client.lookAgain(ctx)
			}
			if f != nil && f.verdict == wait {
				trouble = f
			}
		}
		w.check(ctx, s)
	}
	w.plan.settle()
	return trouble
}

// check warns of a Redis that throws away what it is given, once.
func (w *Writer) check(ctx context.Context, s *share) {
	if w.checked || w.cfg.Target.Kind == Channel || s.commands[0].Err() != nil {
		return
	}
	w.checked = true
	if err := evicts(ctx, s.node); err != nil {
		w.cfg.Logger.Warn(err.Error())
	}
}

// share is the calls that go to one server.
type share struct {
	node     *goredis.Client
	calls    []*call
	commands []*goredis.Cmd
	replicas *goredis.Cmd // WAIT; nil: not asked
}

// share divides the pending calls among the servers.
func (w *Writer) share(ctx context.Context) (shares []*share, trouble *fault) {
next:
	for _, c := range w.plan.pending {
		node, err := w.client.node(ctx, string(c.key))
		if err != nil {
			f := newFault(err, &w.cfg.Target)
			w.client.lookAgain(ctx)
			if trouble = f; f.verdict == refuse {
				trouble = w.refuse(c, f)
			}
			continue
		}
		for _, s := range shares {
			if s.node == node {
				s.calls = append(s.calls, c)
				continue next
			}
		}
		shares = append(shares, &share{node: node, calls: []*call{c}})
	}
	return shares, trouble
}

// exec does one round trip.
func (s *share) exec(ctx context.Context, w *Writer) {
	pipe := s.node.Pipeline()
	for _, c := range s.calls {
		command := goredis.NewCmd(ctx, c.command(w)...)
		s.commands = append(s.commands, command)
		pipe.Process(ctx, command)
	}
	if w.cfg.Replicas > 0 && w.cfg.Target.Kind != Channel {
		// On the connection of what it waits for, or it says nothing.
		s.replicas = goredis.NewCmd(ctx, "wait", w.cfg.Replicas, replicaTimeout.Milliseconds())
		pipe.Process(ctx, s.replicas)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		s.blame(err)
	}
}

// blame gives the error of a round trip to the commands that have neither an answer nor an error of their own: go-redis leaves them so when it
// could not even greet the server.
func (s *share) blame(err error) {
	for _, command := range append(s.commands, s.replicas) {
		if command != nil && command.Err() == nil && command.Val() == nil {
			command.SetErr(err)
		}
	}
}

// missing is the fault of a round trip whose messages fewer replicas have than asked for.
func (s *share) missing(w *Writer) *fault {
	if s.replicas == nil {
		return nil
	}
	n, err := s.replicas.Int64()
	if err != nil {
		return newFault(err, &w.cfg.Target)
	}
	if n < int64(w.cfg.Replicas) {
		return &fault{code: codeReplicas, unknown: true, moved: true,
			means: strconv.FormatInt(n, 10) + " replicas have what was stored, " + strconv.Itoa(w.cfg.Replicas) + " are to have it (--redis-replicas)"}
	}
	return nil
}

// conclude draws the conclusions from an answer. It returns why the call must be sent again, nil when it is over or needs no pause.
func (w *Writer) conclude(c *call, command *goredis.Cmd, missing *fault) *fault {
	value, err := command.Result()
	if err != nil {
		f := newFault(err, &w.cfg.Target)
		c.tried = c.tried || f.unknown
		switch f.verdict {
		case refuse:
			return w.refuse(c, f)
		case load:
			c.source = true
			return nil
		}
		return f
	}
	length, isLength := value.(int64)
	bitmaps, isRepeat := value.([]any)
	switch {
	case !isLength && !isRepeat:
		c.tried = true
		return &fault{code: codeStrange, unknown: true, means: fmt.Sprintf("its answer is of no kind that is due (%T): what stands between?", value)}
	case c.asking && length >= w.cfg.MaxList, length < 0:
		c.asking = true
		return full
	case c.asking:
		c.asking = false
		return nil
	case missing != nil:
		c.tried = true
		return missing
	}
	w.over()
	c.source = false
	if isLength {
		w.settle(c, nil)
		return nil
	}
	c.drop(bitmaps, func(i int) {
		if c.tried {
			w.settled(i, nil) // an attempt of ours whose answer was lost
		} else {
			w.settled(i, ErrRepeat)
		}
	})
	return nil
}

var full = &fault{code: codeFull, means: "the list holds --max-list messages or more: the workers lag behind"}

// settle tells of all messages of a call.
func (w *Writer) settle(c *call, refusal error) {
	for _, i := range c.entries {
		w.settled(i, refusal)
	}
	c.entries = c.entries[:0]
}

// refuse tells the senders why their messages are not taken. Nobody is to be told of messages without a sender: they wait, unless only the key
// of their topic is concerned.
func (w *Writer) refuse(c *call, f *fault) *fault {
	if !c.numbered && !(f.keyed && w.cfg.Target.Key.PerTopic()) {
		waiting := *f
		waiting.verdict = wait
		return &waiting
	}
	if w.refused != f.code || time.Since(w.refusal) > refusalPause {
		w.refused, w.refusal = f.code, time.Now()
		w.cfg.Logger.Error("redis: messages are refused", "reason", f.Error(), "key", string(c.key))
	}
	w.settle(c, f)
	return nil
}
