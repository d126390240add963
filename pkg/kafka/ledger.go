package kafka

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	mrand "math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// free is the instance that owns the senders that nobody owns.
const free = "free"

// ledger stores each message once: see the package's description.
type ledger struct {
	cfg      *Config
	net      *network
	counters *counters
	waiting  func(*fault)
	topics   *topics

	instance string
	memory   *memory
	tail     *kgo.Client        // reads the memory, and asks questions; nil: to be made
	stop     context.CancelFunc // ends follow
	work     sync.WaitGroup     // reading, beating and giving up; these have begun if stop is not nil

	turn    chan struct{}        // has one element while one of the following is used: see enter
	session *producer            // under the transactional id of this instance; nil: to be begun
	locks   map[string]*producer // under those of others, by instance
	again   time.Time            // not before this is a session begun again that was fenced
	lost    int                  // how often in a row this instance was fenced
	took    time.Duration        // the last transaction

	sentAway map[uint64]bool // connections: see sendAway

	records []kgo.Record // the memory of changes
	indices []*index     // indices[i].i is i
	order   []int        // order[i] is i
}

func newLedger(config *Config, net *network, topics *topics, counters *counters, waiting func(*fault)) *ledger {
	instance := nonce()
	return &ledger{cfg: config, net: net, topics: topics, counters: counters, waiting: waiting, instance: instance,
		turn:   make(chan struct{}, 1),
		memory: newMemory(instance, config.Target.Remember), locks: make(map[string]*producer)}
}

// nonce returns 24 random hexadecimal digits.
func nonce() string {
	var bytes [12]byte
	rand.Read(bytes[:]) // never fails (crypto/rand)
	return hex.EncodeToString(bytes[:])
}

// enter waits until nobody else uses the sessions. It returns false if ctx ends before that.
func (l *ledger) enter(ctx context.Context) bool {
	select {
	case l.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave ends what enter began.
func (l *ledger) leave() { <-l.turn }

func (l *ledger) client() *kgo.Client { return l.tail }

func (l *ledger) fault(err error) *fault { return newFault(err, l.net, l.cfg.Target.TLS) }

// transactionalID returns the transactional id of an instance.
func (l *ledger) transactionalID(instance string) string {
	return "imzmq." + l.cfg.Target.State + "." + instance
}

// ready begins the session, unless it stands. When it has begun, all is known that others have stored for the senders
// that this instance owns.
func (l *ledger) ready(ctx context.Context, waiting func(*fault)) *fault {
	if l.session != nil {
		return nil
	}
	if f := l.listen(ctx); f != nil {
		return f
	}
	// Whoever takes a sender over needs some time between fencing us and writing down that the sender is its own.
	if pause := time.Until(l.again); pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return &fault{code: codeAway, means: "the session has not begun again", err: ctx.Err()}
		}
	}
	session, f := l.begin(ctx, l.instance, waiting)
	l.session = session
	return f
}

// fencedPause is how long a fenced session waits before it begins again.
const fencedPause = 300 * time.Millisecond

// losing returns how long to wait after this instance was fenced: a random time, which may be longer each time. Two
// that fence each other would never end otherwise, if what each has to do takes longer than the other waits.
func (l *ledger) losing() time.Duration {
	const most = 6
	if l.lost < most {
		l.lost++
	}
	return mrand.N(fencedPause << l.lost)
}

// reset ends the session. The next one reads what has become of its last transaction.
func (l *ledger) reset() {
	if l.session != nil {
		l.session.close()
		l.session = nil
	}
}

// say writes that this instance is alive, or has ended (nil).
func (l *ledger) say(ctx context.Context, value []byte) {
	record := &kgo.Record{Topic: l.cfg.Target.State, Key: []byte(alivePrefix + l.instance), Value: value}
	l.tail.Produce(context.Background(), record, nil) // if one's context ends, the client also fails those after it
	l.tail.Flush(ctx)                                 //nolint:errcheck // the others take it for dead then, which costs nothing but time
}

// begin begins a session under the transactional id of an instance, which fences every other, and reads what has been
// stored under that id before.
func (l *ledger) begin(ctx context.Context, instance string, waiting func(*fault)) (*producer, *fault) {
	p, err := newProducer(l.cfg, l.net, l.topics, l.counters, l.transactionalID(instance))
	if err != nil {
		return nil, noSecret(err)
	}
	if f := l.sign(ctx, p, nil, waiting); f != nil {
		p.close()
		return nil, f
	}
	return p, nil
}

// sign writes records of the memory and a mark in one transaction, and returns when the mark has been read.
func (l *ledger) sign(ctx context.Context, p *producer, records []kgo.Record, waiting func(*fault)) *fault {
	mark := nonce()
	records = append(records, kgo.Record{Topic: l.cfg.Target.State, Key: []byte(markPrefix + l.instance), Value: []byte(mark)})
	for i := range records {
		records[i].Context = &index{i: i}
	}
	errs, f := l.transact(ctx, p, records, waiting)
	if f != nil {
		return f
	}
	for _, err := range errs {
		if err != nil {
			return l.memoryFault(l.fault(err))
		}
	}
	return l.await(ctx, mark, waiting)
}

// memoryFault returns the fault of a record of the memory: it must be waited for or refused.
func (l *ledger) memoryFault(f *fault) *fault {
	g := f.of(l.cfg.Target.State)
	if g.verdict != wait {
		g.verdict = refuse
	}
	switch g.code {
	case kerr.UnknownTopicOrPartition.Message, kerr.UnknownTopicID.Message:
		g.means = "imzmq remembered there which messages are stored, and it has been deleted: start imzmq again, which " +
			"creates it; what was stored and not acknowledged is then stored once more"
	case kerr.TopicAuthorizationFailed.Message:
		g.code = codeState
		g.means = "imzmq remembers there which messages are stored, and the user may not read and write it: " +
			"allow READ, WRITE and DESCRIBE (docs/kafka.md has all that imzmq needs)"
	}
	return g
}

// transact produces records in a transaction and commits it. errs[i] is why record i could not be produced: the
// transaction is then aborted, and nothing is stored. A fault means that it is not known, or that the session is of no
// use any more.
func (l *ledger) transact(ctx context.Context, p *producer, records []kgo.Record,
	waiting func(*fault)) (errs []error, f *fault) {
	began := time.Now()
	defer func() {
		l.took = time.Since(began)
		l.counters.transactionTime.Add(int64(l.took))
	}()
	if err := p.begin(ctx, func() { waiting(notBegun) }); err != nil {
		return nil, l.ended(err)
	}
	l.counters.transactions.Add(1)
	time.Sleep(time.Until(p.ended.Add(conclusion)))
	for len(l.order) < len(records) {
		l.order = append(l.order, len(l.order))
	}
	all, failed := l.order[:len(records)], false
	slow := func() { waiting(p.slow(records, all)) }
	errs = p.produce(ctx, records, all, waiting)
	for _, err := range errs {
		if err == nil {
			continue
		}
		failed = true
		if f := l.fault(err); f.fatal && f.verdict == wait || ctx.Err() != nil {
			l.counters.aborted.Add(1)
			return errs, l.ended(err)
		}
	}
	if failed {
		l.counters.aborted.Add(1)
		if abortErr := p.end(ctx, kgo.TryAbort, slow); abortErr != nil {
			return errs, l.ended(abortErr)
		}
		return errs, nil
	}
	if err := p.end(ctx, kgo.TryCommit, slow); err != nil {
		l.counters.aborted.Add(1)
		return errs, l.ended(err)
	}
	return errs, nil
}

// ended returns the fault of a session that has ended.
func (l *ledger) ended(err error) *fault {
	f := *l.fault(err)
	f.fatal = true
	return &f
}

// await returns when a mark has been read.
func (l *ledger) await(ctx context.Context, mark string, waiting func(*fault)) *fault {
	ticker := time.NewTicker(patience)
	defer ticker.Stop()
	var open map[openTransaction]bool
	for {
		read, more, err := l.memory.marked(mark)
		if read {
			return nil
		}
		select {
		case <-more:
		case <-ticker.C:
			if err != nil {
				return l.memoryFault(l.fault(err))
			}
			waiting(&fault{code: codeState, topic: l.cfg.Target.State,
				means: "imzmq reads which messages are stored; if this lasts, a transaction of another program is open there"})
			open = l.unblock(ctx, open)
		case <-ctx.Done():
			return &fault{code: codeAway, means: "not read to its end", err: ctx.Err()}
		}
	}
}

// close ends all sessions. An open transaction is aborted if that can be done before ctx ends.
func (l *ledger) close(ctx context.Context) {
	if l.stop != nil {
		l.stop()
		l.work.Wait()
		l.say(ctx, nil)
	}
	l.enter(context.Background())
	defer l.leave()
	if l.session != nil {
		l.session.client.EndTransaction(ctx, kgo.TryAbort) //nolint:errcheck // its time-out does the same
	}
	l.reset()
	l.unlock()
	if l.tail != nil {
		l.tail.Close()
	}
}

// unlock ends the sessions under the transactional ids of others.
func (l *ledger) unlock() {
	for instance, p := range l.locks {
		p.close()
		delete(l.locks, instance)
	}
}
