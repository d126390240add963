package kafka

import (
	"cmp"
	"context"
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
	most    int   // the most of that, which is lowered when a transaction takes too long

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
	if m := config.Target.SASL; !config.Target.TLS && (m == Plain || m == OAuthBearer) {
		config.Logger.Warn("kafka: with sasl=" + string(m) + " the password or token crosses the network in clear: " +
			"write kafka+tls for kafka in --to, or take SCRAM-SHA-512")
	}
	w := &Writer{cfg: config, net: net, most: maxPart}
	w.reporter = trouble.Reporter{Log: log.Limited{Logger: config.Logger}, Name: "kafka", Now: config.Trouble}
	w.backoff = backoff.Backoff{First: config.Reconnect, Max: config.ReconnectMax}
	if config.Target.Once {
		w.ledger = newLedger(&w.cfg, net, &w.topics, &w.counters, w.waiting)
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
// A text that is longer than the topic takes is cut, and replaced in texts. Otherwise batch and texts are only read,
// and not after Store has returned.
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
	w.chunk = min(len(w.pending), w.most)
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
		return w.refuseAll(f)
	}
	w.part.make(&w.cfg.Target, &w.topics, w.batch, w.texts)
	if f := w.askTopics(ctx); f != nil {
		return f
	}
	chunk, waiting := w.usable(w.pending[:min(w.chunk, len(w.pending))])
	w.cutLong(chunk)
	switch {
	case w.ledger != nil:
		return cmp.Or(w.storeOnce(ctx, chunk), waiting)
	case len(chunk) == 0:
		return waiting
	}
	return cmp.Or(w.conclude(ctx, chunk, w.producer.produce(ctx, w.part.records, chunk, w.waiting)), waiting)
}

// open makes the producer, or begins the session that Target.Once needs.
func (w *Writer) open(ctx context.Context) *fault {
	if w.ledger != nil {
		return w.ledger.ready(ctx, w.waiting)
	}
	if w.producer != nil {
		return nil
	}
	p, err := newProducer(&w.cfg, w.net, &w.topics, &w.counters, "")
	if err != nil {
		return noSecret(err)
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
	asked, changed, err := w.topics.ask(asking, client, w.part.topics)
	if err != nil && ctx.Err() == nil {
		return w.refuseAll(w.fault(err))
	}
	if asked { // which time a record has depends on its topic
		w.part.make(&w.cfg.Target, &w.topics, w.batch, w.texts)
	}
	if changed { // the limit of a topic: the client has the old one
		w.reset()
		if f := w.open(ctx); f != nil {
			return w.refuseAll(f)
		}
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
	if f.verdict != refuse || !w.refuses(w.pending[0], f) {
		return f
	}
	w.refused(f)
	for _, i := range w.pending {
		w.settled(i, f)
	}
	w.pending = w.pending[:0]
	return nil
}
