package kafka

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// openTransaction is a transaction that is open in the topic of the memory: nothing after its start can be read.
type openTransaction struct{ producer, start int64 }

// open returns the transactions that are open in the topic of the memory. Kafka 2.8 and newer know it.
func (l *ledger) open(ctx context.Context) map[openTransaction]bool {
	request := kmsg.NewPtrDescribeProducersRequest()
	topic := kmsg.NewDescribeProducersRequestTopic()
	topic.Topic, topic.Partitions = l.cfg.Target.State, []int32{0}
	request.Topics = append(request.Topics, topic)
	open := make(map[openTransaction]bool)
	for _, shard := range l.tail.RequestSharded(ctx, request) {
		response, ok := shard.Resp.(*kmsg.DescribeProducersResponse)
		if !ok || shard.Err != nil {
			continue
		}
		for _, topic := range response.Topics {
			for _, partition := range topic.Partitions {
				for _, p := range partition.ActiveProducers {
					if p.CurrentTxnStartOffset >= 0 {
						open[openTransaction{p.ProducerID, p.CurrentTxnStartOffset}] = true
					}
				}
			}
		}
	}
	return open
}

// abort ends transactions of other instances, which are dead, frozen or slow. One that lives repeats its own.
func (l *ledger) abort(ctx context.Context, producers []int64) {
	request := kmsg.NewPtrListTransactionsRequest()
	request.ProducerIDFilters = producers
	for _, shard := range l.tail.RequestSharded(ctx, request) {
		response, ok := shard.Resp.(*kmsg.ListTransactionsResponse)
		if !ok || shard.Err != nil {
			continue
		}
		for _, state := range response.TransactionStates {
			if id := state.TransactionalID; id != l.transactionalID(l.instance) && strings.HasPrefix(id, l.transactionalID("")) {
				l.fence(ctx, state.TransactionalID)
			}
		}
	}
}

// fence ends what goes on under a transactional id.
func (l *ledger) fence(ctx context.Context, id string) {
	p, err := newProducer(l.cfg, l.net, l.topics, l.counters, id)
	if err != nil {
		return
	}
	defer p.close()
	if _, _, err := p.client.ProducerID(ctx); err == nil {
		l.cfg.Logger.Info("kafka: aborted the transaction of another imzmq, which is dead, frozen or slow", "transactional.id", id)
	}
}

// unblock aborts the transactions that were open at the last call, too, and returns those that are open.
func (l *ledger) unblock(ctx context.Context, before map[openTransaction]bool) map[openTransaction]bool {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	open := l.open(ctx)
	var stuck []int64
	for transaction := range open {
		if before[transaction] {
			stuck = append(stuck, transaction.producer)
		}
	}
	if len(stuck) > 0 {
		l.abort(ctx, stuck)
	}
	return open
}
