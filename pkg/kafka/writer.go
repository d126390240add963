package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
)

// ErrRepeat is message.ErrRepeat.
var ErrRepeat = message.ErrRepeat

// The messages that go out together are at most these, unless one message alone has more bytes.
const (
	maxPart      = 20_000
	maxPartBytes = 8 << 20
)

// Writer stores messages. It is for one goroutine.
type Writer struct {
	// Shorten returns the text of message i of Store's batch with at most limit bytes, or with as few as it can have.
	// nil: texts are cut without an incomplete UTF-8 character at their end.
	Shorten func(i, limit int) []byte

	cfg      Config
	net      *network
	producer *producer // without Target.Once; nil: to be made
	ledger   *ledger   // with Target.Once
	topics   topics

	// The part in hand, borrowed while Store runs; texts[i] and settled(i, …) belong to batch[i].
	from    int // where it begins in Store's batch
	batch   []message.Message
	texts   [][]byte
	settled func(i int, refusal error)
	part    part
	pending []int // the messages that are not settled, in order
	chunk   int   // how many of them are sent together

	backoff  backoff.Backoff
	reporter trouble.Reporter
	trouble  *fault // why nothing is stored at the moment; nil: nothing is wrong

	over     oversize
	counters counters
}

// NewWriter makes a writer. It reads the files that config names, and does not connect yet.
func NewWriter(config Config) (*Writer, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	net, err := newNetwork(&config)
	if err != nil {
		return nil, err
	}
	if _, err := config.mechanism(); err != nil {
		return nil, err
	}
	w := &Writer{cfg: config, net: net}
	w.reporter = trouble.Reporter{Log: log.Limited{Logger: config.Logger}, Name: "kafka"}
	w.backoff = backoff.Backoff{First: config.Reconnect, Max: config.ReconnectMax}
	if config.Target.Once {
		w.ledger = newLedger(&w.cfg, net, &w.counters, w.waiting)
	}
	return w, nil
}

// Close ends the connections. An open transaction is aborted, if that can be done before ctx ends: consumers wait for
// its end.
func (w *Writer) Close(ctx context.Context) error {
	if w.ledger != nil {
		w.ledger.close(ctx)
	}
	if w.producer != nil {
		w.producer.close()
	}
	c := w.Counters()
	w.cfg.Logger.Info("kafka: end", "produced", c.Produced, "acknowledged", c.Acknowledged, "retried", c.Retried,
		"transactions", c.Transactions, "aborted", c.Aborted, "time in transactions", c.TransactionTime.Round(time.Millisecond),
		"time until stored", c.Lag.Round(time.Millisecond))
	return nil
}

// reset ends the connections of the producer, or the session that Target.Once needs. What is not settled is sent again
// by another one.
func (w *Writer) reset() {
	if w.ledger != nil {
		w.ledger.reset()
	}
	if w.producer != nil {
		w.producer.close()
		w.producer = nil
	}
}

// Store stores a batch; texts[i] is the value of the record of batch[i]. It returns nil once every message is settled:
// settled(i, nil) means that message i is stored, settled(i, ErrRepeat) that it was stored earlier, settled(i,
// message.ErrElsewhere) that its sender is served by another imzmq, any other reason that Kafka refuses it as things
// are. settled is called on the caller's goroutine, at most once for each message. The messages of one sender with one
// key are stored in their order.
//
// Store waits as long as the trouble can pass. When ctx ends, Store returns an error that wraps ctx.Err(), and the fate
// of unsettled messages is unknown.
//
// A text that is longer than the topic takes is cut, and replaced in texts. Otherwise batch and texts are only read, and
// not after Store has returned.
func (w *Writer) Store(ctx context.Context, batch []message.Message, texts [][]byte, settled func(i int, refusal error)) error {
	began := time.Now()
	for from := 0; from < len(batch); {
		to, size := from, 0
		for ; to < len(batch) && to-from < maxPart && (to == from || size+len(texts[to]) <= maxPartBytes); to++ {
			size += len(texts[to])
		}
		w.from, w.batch, w.texts = from, batch[from:to], texts[from:to]
		w.settled = func(i int, refusal error) { settled(from+i, refusal) }
		err := w.storePart(ctx)
		w.part.release()
		w.batch, w.texts, w.settled = nil, nil, nil
		if err != nil {
			return err
		}
		from = to
	}
	w.counters.lag.Add(int64(time.Since(began)))
	return nil
}

func (w *Writer) storePart(ctx context.Context) error {
	w.pending = w.pending[:0]
	for i := range w.batch {
		w.pending = append(w.pending, i)
	}
	w.chunk = len(w.pending)
	for first := true; ; first = false {
		if !first {
			w.counters.retried.Add(uint64(min(w.chunk, len(w.pending))))
		}
		f := w.attempt(ctx)
		if len(w.pending) == 0 {
			w.over.tell(w.cfg.Logger)
			return nil
		}
		if ctx.Err() != nil {
			return cancelled(ctx, w.trouble)
		}
		if f == nil {
			continue
		}
		w.waiting(f)
		if !w.backoff.Wait(ctx) {
			return cancelled(ctx, f)
		}
	}
}

// attempt tries to store the first of the pending messages. It settles those whose fate is clear and returns what must
// be waited for; nil: the rest can be tried at once.
func (w *Writer) attempt(ctx context.Context) *fault {
	if w.ledger != nil {
		if !w.ledger.enter(ctx) {
			return nil
		}
		defer w.ledger.leave()
	}
	if f := w.open(ctx); f != nil {
		return f
	}
	w.part.make(&w.cfg.Target, &w.topics, w.batch, w.texts)
	if f := w.askTopics(ctx); f != nil {
		return f
	}
	chunk := w.usable(w.pending[:min(w.chunk, len(w.pending))])
	w.cutLong(chunk)
	if w.ledger != nil {
		return w.storeOnce(ctx, chunk)
	}
	if len(chunk) == 0 {
		return nil
	}
	return w.conclude(ctx, chunk, w.producer.produce(ctx, w.part.records, chunk, w.waiting))
}

// open makes the producer, or begins the session that Target.Once needs.
func (w *Writer) open(ctx context.Context) *fault {
	if w.ledger != nil {
		return w.ledger.ready(ctx, &w.topics, w.waiting)
	}
	if w.producer != nil {
		return nil
	}
	p, err := newProducer(&w.cfg, w.net, &w.topics, &w.counters, "")
	if err != nil {
		return &fault{verdict: refuse, code: codeFile, means: "it cannot be used", err: err}
	}
	w.producer = p
	return nil
}

func (w *Writer) fault(err error) *fault { return newFault(err, w.net, w.cfg.Target.TLS) }

// askTopics finds out about the topics of the part. What concerns all of Kafka is refused, or must be waited for.
func (w *Writer) askTopics(ctx context.Context) *fault {
	client := w.client()
	asking, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	changed, err := w.topics.ask(asking, client, w.part.topics)
	if err != nil && ctx.Err() == nil {
		return w.refuseAll(w.fault(err))
	}
	if changed { // the limit of a topic: the client has the old one
		w.reset()
		return w.open(ctx)
	}
	return nil
}

// client returns the client that asks questions.
func (w *Writer) client() *kgo.Client {
	if w.ledger != nil {
		return w.ledger.client()
	}
	return w.producer.client
}

// refuseAll refuses all pending messages, if the fault needs a person, and returns nil then.
func (w *Writer) refuseAll(f *fault) *fault {
	if f.verdict != refuse {
		return f
	}
	w.refused(f)
	for _, i := range w.pending {
		w.settled(i, f)
	}
	w.pending = w.pending[:0]
	return nil
}

// usable refuses the messages whose topic cannot be used, and returns the others.
func (w *Writer) usable(chunk []int) (usable []int) {
	usable = make([]int, 0, len(chunk))
	var wrong []int
	for _, i := range chunk {
		name := w.part.records[i].Topic
		f := w.topics.faultOf(name)
		if w.ledger != nil && name == w.cfg.Target.State {
			f = memoryTopic.of(name)
		}
		if f == nil || f.verdict != refuse {
			usable = append(usable, i)
			continue
		}
		w.refused(f)
		w.settled(i, f)
		wrong = append(wrong, i)
	}
	w.done(wrong)
	return usable
}

// memoryTopic is why a message is refused whose topic leads to the memory.
var memoryTopic = &fault{verdict: refuse, code: codeState, means: "imzmq remembers there which messages are stored"}

// done removes settled messages, which are in order, from the pending ones.
func (w *Writer) done(settled []int) {
	if len(settled) == len(w.pending) {
		w.pending = w.pending[:0]
		return
	}
	w.pending = slices.DeleteFunc(w.pending, func(i int) bool {
		if len(settled) == 0 || settled[0] != i {
			return false
		}
		settled = settled[1:]
		return true
	})
}

// conclude settles the messages of a chunk that have been produced; errs[i] is why message i was not. It returns what
// must be waited for.
func (w *Writer) conclude(ctx context.Context, chunk []int, errs []error) (f *fault) {
	fine := make([]int, 0, len(chunk))
	for _, i := range chunk {
		if errs[i] == nil {
			w.stored(i)
			fine = append(fine, i)
		}
	}
	w.done(fine)
	if len(fine) == len(chunk) {
		w.chunk = min(2*w.chunk, maxPart)
		return nil
	}
	return w.judge(ctx, chunk, errs)
}

// stored settles message i.
func (w *Writer) stored(i int) {
	w.trouble = nil
	w.reporter.Stored([]byte(w.part.records[i].Topic))
	w.backoff.Reset()
	w.over.stored(i)
	w.counters.acknowledged.Add(1)
	w.settled(i, nil)
}

// judge decides what becomes of messages that could not be produced, and are pending. It returns what must be waited
// for; nil: they can be tried again at once.
func (w *Writer) judge(ctx context.Context, chunk []int, errs []error) (waiting *fault) {
	var refusedOnes []int
	handled := make(map[string]bool)
	fatal := false
	for _, i := range chunk {
		if errs[i] == nil {
			continue
		}
		f := w.fault(errs[i])
		name := w.part.records[i].Topic
		if f.verdict != wait {
			f = f.of(name)
		}
		fatal = fatal || f.fatal
		switch {
		case f.verdict == wait:
			if waiting == nil || waiting.code == codeAway {
				waiting = f
			}
		case f.verdict == refuse, f.verdict == odd && w.chunk == 1:
			w.topics.suspect(name)
			w.refused(f)
			w.settled(i, f)
			refusedOnes = append(refusedOnes, i)
		case !handled[name]:
			handled[name] = true
			if again := w.adapt(ctx, f); again != nil {
				waiting = again
			}
			fatal = fatal || f.verdict == tooLong
		}
	}
	w.done(refusedOnes)
	if fatal {
		w.reset()
	}
	return waiting
}

// adapt changes how the messages of a topic are sent, so that the fault does not come again.
func (w *Writer) adapt(ctx context.Context, f *fault) (waiting *fault) {
	switch f.verdict {
	case tooLong:
		asking, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
		defer cancel()
		if err := w.topics.lower(asking, w.client(), f.topic); err != nil {
			return w.fault(err)
		}
	case odd:
		w.chunk = max(1, min(w.chunk, len(w.pending))/4) // until the one that is not taken is alone
	case untimed:
		if !w.topics.useReceived(f.topic) {
			g := *f
			g.means += ", nor the time when the message came: compare the clocks of imzmq and the brokers"
			return &g
		}
		w.cfg.Logger.Info("kafka: records have the time when their message came, for some minutes", "reason", f.Error())
	}
	return nil
}

// waiting logs why nothing is stored.
func (w *Writer) waiting(f *fault) {
	w.trouble = f
	w.reporter.Waiting(f.code, f, f.code == codeQuota && f.err == nil)
}

func (w *Writer) refused(f *fault) { w.reporter.Refused(f.code, f.topic, f) }
