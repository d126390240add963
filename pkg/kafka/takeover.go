package kafka

import (
	"cmp"
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxLocks is how many sessions under the transactional ids of others stay open: senders of one that is dead come one
// after the other.
const maxLocks = 8

// foreign returns which of the senders this instance does not own, by their owner. The caller has entered.
func (l *ledger) foreign(senders map[string]bool) map[string][]string {
	foreign := make(map[string][]string)
	for id := range senders {
		if h := l.memory.sender(id); h == nil {
			foreign[free] = append(foreign[free], id)
		} else if h.owner != l.instance {
			owner := cmp.Or(h.owner, free)
			foreign[owner] = append(foreign[owner], id)
		}
	}
	return foreign
}

// own takes senders over, by their owner. Some may belong to another owner afterwards. The caller has entered.
func (l *ledger) own(ctx context.Context, foreign map[string][]string) *fault {
	for owner, ids := range foreign {
		if f := l.takeOver(ctx, owner, ids); f != nil {
			return f
		}
	}
	return nil
}

// takeOver takes senders over from their owner.
func (l *ledger) takeOver(ctx context.Context, owner string, ids []string) *fault {
	lock := l.locks[owner]
	if lock == nil {
		if len(l.locks) >= maxLocks {
			l.unlock()
		}
		var f *fault
		if lock, f = l.begin(ctx, owner, l.waiting); f != nil {
			return f
		}
		l.locks[owner] = lock
	}
	var records []kgo.Record
	for _, id := range ids {
		h := l.memory.sender(id)
		if h == nil {
			h = &holding{}
		}
		if cmp.Or(h.owner, free) != owner {
			continue // another one has taken it over meanwhile
		}
		h = h.clone()
		h.owner = l.instance
		records = append(records, l.record(id, h))
	}
	if len(records) == 0 {
		return nil
	}
	f := l.sign(ctx, lock, records, l.waiting)
	if f != nil {
		lock.close()
		delete(l.locks, owner)
	} else if owner != free {
		l.cfg.Logger.Info("kafka: senders have come from another imzmq", "senders", len(records), "from", owner)
	}
	return f
}

// maxGivenUp is how many senders are given up together. The rest follows.
const maxGivenUp = 1000

// giveUp lets others own the senders that are not connected to this instance any more. Nothing is lost if it fails:
// they are given up later, or taken over. Until then, others send them away.
func (l *ledger) giveUp(ctx context.Context) {
	if l.cfg.Connected == nil || len(l.memory.owned(l.cfg.Connected)) == 0 {
		return
	}
	if !l.enter(ctx) {
		return
	}
	defer l.leave()
	quiet := func(*fault) {}
	if f := l.ready(ctx, quiet); f != nil { // it may have been fenced, and nothing has come since
		return
	}
	var records []kgo.Record
	for _, id := range l.memory.owned(l.cfg.Connected) {
		if len(records) == maxGivenUp {
			break
		}
		h := l.known(id)
		h.owner = ""
		records = append(records, l.record(id, h))
	}
	if len(records) == 0 {
		return
	}
	if f := l.sign(ctx, l.session, records, quiet); f != nil {
		l.reset()
	}
}
