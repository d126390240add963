package kafka

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordRetries is how often the client produces again what a broker has refused for a trouble that passes, before it
// returns the reason, which is logged then. What may have been written it produces again without end, since only that
// cannot repeat it.
const recordRetries = 4

// producer produces records, idempotently or in transactions.
type producer struct {
	client   *kgo.Client
	net      *network
	counters *counters
	ended    time.Time // the last transaction

	left    atomic.Int64  // records that have no answer
	all     chan struct{} // closed when there are none
	outside atomic.Int64  // records that are in no partition's buffer yet
	inside  chan struct{} // closed when there are none
	errs    []error       // by index
}

// newProducer makes a producer. id is its transactional id; "": it is idempotent only.
func newProducer(config *Config, net *network, topics *topics, counters *counters, id string) (*producer, error) {
	options, err := config.options(net)
	if err != nil {
		return nil, err
	}
	p := &producer{net: net, counters: counters}
	limits := func(topic string) int32 { return int32(topics.limit(topic)) }
	options = append(options,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(compressions[config.Target.Compression], kgo.NoCompression()),
		kgo.ProducerBatchMaxBytesFn(limits),
		kgo.MaxBufferedRecords(10*maxPart),
		kgo.RecordRetries(recordRetries),
		kgo.UnknownTopicRetries(recordRetries),
		kgo.ProduceRequestTimeout(config.Timeout),
		kgo.WithHooks(p),
	)
	if id == "" {
		options = append(options, kgo.ManualFlushing())
	} else {
		options = append(options, kgo.TransactionalID(id), kgo.TransactionTimeout(config.Target.Timeout), kgo.ProducerLinger(0))
	}
	if p.client, err = kgo.NewClient(options...); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *producer) close() { p.client.Close() }

// produce produces records[i] for each i of chunk, and returns what became of them, by index, when all are answered. It
// calls waiting with what is wrong when that takes long. When ctx ends, it closes the client. The result is valid until
// the next call.
//
// In a transaction, records go out as they come. Otherwise none goes out before all are in the buffers of their
// partitions: when a batch fails, the client fails what is in the buffer behind it, and what came there later would be
// stored before those that are produced again.
func (p *producer) produce(ctx context.Context, records []kgo.Record, chunk []int, waiting func(*fault)) []error {
	p.all, p.inside = make(chan struct{}), make(chan struct{})
	p.left.Store(int64(len(chunk)))
	p.outside.Store(int64(len(chunk)))
	if cap(p.errs) < len(records) {
		p.errs = make([]error, len(records))
	}
	p.errs = p.errs[:len(records)]
	clear(p.errs)
	for _, i := range chunk {
		records[i].Context.(*index).inside = false
		p.client.Produce(context.Background(), &records[i], p.answered)
	}
	p.counters.produced.Add(uint64(len(chunk)))
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		<-p.inside
		p.client.Flush(ctx) //nolint:errcheck // the answers have it
	}()
	p.await(ctx, func() {
		waiting(p.slow(records, chunk))
	})
	<-flushed
	return p.errs
}

// begin begins a transaction, and calls slow each time when that has taken patience: what has become of the transaction
// before is asked for here, if that is not known. When ctx ends, it closes the client.
func (p *producer) begin(ctx context.Context, slow func()) error {
	begun := make(chan error, 1)
	go func() { begun <- p.client.BeginTransaction() }()
	ticker := time.NewTicker(patience)
	defer ticker.Stop()
	ended := ctx.Done()
	for {
		select {
		case err := <-begun:
			return err
		case <-ended:
			ended = nil
			p.client.Close() // which takes no context
		case <-ticker.C:
			slow()
		}
	}
}

// OnProduceRecordPartitioned is kgo.HookProduceRecordPartitioned.
func (p *producer) OnProduceRecordPartitioned(r *kgo.Record, _ int32) {
	p.isInside(r.Context.(*index))
}

// isInside notes that a record is in a partition's buffer, or has failed before. The client does not do both at once.
func (p *producer) isInside(at *index) {
	if at.inside {
		return
	}
	at.inside = true
	if p.outside.Add(-1) == 0 {
		close(p.inside)
	}
}

// answered is the promise of all records.
func (p *producer) answered(r *kgo.Record, err error) {
	at := r.Context.(*index)
	p.errs[at.i] = err
	p.isInside(at)
	if p.left.Add(-1) == 0 {
		close(p.all)
	}
}

// patience is how long answers may take before the reason is logged.
const patience = 5 * time.Second

// await waits until all records are answered, and calls slow each time when that has taken patience.
func (p *producer) await(ctx context.Context, slow func()) {
	ticker := time.NewTicker(patience)
	defer ticker.Stop()
	ended := ctx.Done()
	for {
		select {
		case <-p.all:
			return
		case <-ended:
			ended = nil
			p.client.Close() // answers all
		case <-ticker.C:
			slow()
		}
	}
}

// end ends a transaction, and calls slow each time when that has taken patience: the brokers write the end to every
// partition, which needs as many replicas as a record.
func (p *producer) end(ctx context.Context, how kgo.TransactionEndTry, slow func()) error {
	ended := make(chan error, 1)
	go func() { ended <- p.client.EndTransaction(ctx, how) }()
	ticker := time.NewTicker(patience)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			p.ended = time.Now()
			return err
		case <-ticker.C:
			slow()
		}
	}
}

// conclusion is the least time from the answer that a transaction has ended to the first record of the next. Brokers
// answer before the end is in all partitions. A leader that gets a record before asks the coordinator again after 20 ms
// (add.partitions.to.txn.retry.backoff.ms): single messages, each in a transaction, take 16 ms without the pause and 6
// with it (BenchmarkStore).
const conclusion = 2 * time.Millisecond

// slow returns why answers may take so long.
func (p *producer) slow(records []kgo.Record, chunk []int) *fault {
	if p.net.answers() {
		if f := lack(p.client, records, chunk); f != nil {
			return f
		}
	}
	if err := p.net.trouble(); err != nil {
		return newFault(err, p.net, p.net.tls != nil)
	}
	if pause := p.net.throttle(); pause > 0 {
		return &fault{code: codeQuota, means: "a quota of the brokers slows imzmq down: " +
			"kafka-configs.sh --describe --entity-type clients (or users) shows it"}
	}
	if p.net.answers() {
		return &fault{code: codeSilent, means: "the brokers answer, but do not say that the records are stored: " +
			"replicas may be down or slow, a disk too; see the brokers' logs"}
	}
	return &fault{code: codeSilent, means: "the brokers do not answer: see their logs"}
}

// counters are the totals of a Writer.
type counters struct {
	produced, acknowledged, retried, transactions, aborted atomic.Uint64
	transactionTime, lag                                   atomic.Int64
}

// Counters are the totals of a Writer since it was made.
type Counters struct {
	Produced     uint64 // records given to the client, those of the memory included
	Acknowledged uint64 // messages stored: answered by the brokers, with Target.Once by a commit
	Retried      uint64 // messages produced once more
	Transactions uint64 // begun
	Aborted      uint64 // of these, those that were not committed

	TransactionTime time.Duration // from the beginning to the end of each, in all
	Lag             time.Duration // from Store's call to its return, in all
}

// Counters returns the totals. It may be called at any time.
func (w *Writer) Counters() Counters {
	c := &w.counters
	return Counters{
		Produced: c.produced.Load(), Acknowledged: c.acknowledged.Load(), Retried: c.retried.Load(),
		Transactions: c.transactions.Load(), Aborted: c.aborted.Load(),
		TransactionTime: time.Duration(c.transactionTime.Load()), Lag: time.Duration(c.lag.Load()),
	}
}
