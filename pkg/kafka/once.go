package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// storeOnce stores the messages of a chunk, and that they are stored, in one transaction. It settles those whose fate
// is clear, and returns what must be waited for.
func (w *Writer) storeOnce(ctx context.Context, chunk []int) *fault {
	l := w.ledger
	for {
		// Here, all is known that others have stored for the senders that we own.
		if chunk = w.admit(w.sendAway(chunk)); len(chunk) == 0 {
			return nil
		}
		foreign := l.foreign(w.sendersOf(chunk))
		if len(foreign) == 0 {
			break
		}
		if f := l.own(ctx, foreign); f != nil {
			return w.notOwned(ctx, f)
		}
	}
	chunk, changes, records := l.changes(w, chunk)
	errs, f := l.transact(ctx, l.session, records, l.waiting)
	clear(records) // they refer to the messages
	if f != nil {
		return w.sessionEnded(f)
	}
	byMessage := make([]error, len(w.batch))
	failed := false
	for at, err := range errs {
		if err == nil {
			continue
		}
		failed = true
		if at >= len(chunk) {
			return w.refuseAll(l.memoryFault(l.fault(err)))
		}
		byMessage[chunk[at]] = err
	}
	if failed {
		return w.judge(ctx, chunk, byMessage)
	}
	l.lost = 0
	for id, h := range changes {
		l.memory.stored(id, h)
	}
	return w.conclude(ctx, chunk, byMessage)
}

// sessionEnded ends the session, whose last transaction may be committed or not: the next one reads that.
func (w *Writer) sessionEnded(f *fault) *fault {
	w.ledger.reset()
	if w.ledger.took > patience { // it may have been too slow, for the time-out or for those who wait for the memory
		w.most = max(1, min(w.chunk, len(w.pending))/2)
		w.chunk = w.most
	}
	if f.means == fenced {
		w.ledger.again = time.Now().Add(fencedPause + w.ledger.losing())
		w.cfg.Logger.Debug(f.Error())
		return nil // that is usual when a sender goes to another imzmq
	}
	return w.refuseAll(f)
}

// notOwned waits a little if another imzmq has been faster in taking senders over.
func (w *Writer) notOwned(ctx context.Context, f *fault) *fault {
	if f.means != fenced {
		return w.refuseAll(f)
	}
	w.cfg.Logger.Debug(f.Error())
	timer := time.NewTimer(w.ledger.losing())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// sendAway settles the messages of senders that another imzmq owns, which is alive. It returns the others.
func (w *Writer) sendAway(chunk []int) (stay []int) {
	stay = make([]int, 0, len(chunk))
	var away []int
	var last *message.Message
	elsewhere := false
	for _, i := range chunk {
		if m := &w.batch[i]; last == nil || m.Sender != last.Sender || m.Conn != last.Conn {
			last, elsewhere = m, w.ledger.sentAway[m.Conn] || w.ledger.memory.elsewhere(m.Sender)
			if elsewhere {
				w.ledger.sendAway(m.Conn)
			}
		}
		if !elsewhere {
			stay = append(stay, i)
			continue
		}
		w.settled(i, message.ErrElsewhere)
		away = append(away, i)
	}
	w.done(away)
	return stay
}

// maxSentAway is how many connections are remembered.
const maxSentAway = 10_000

// sendAway remembers a connection whose messages were not stored here. It is ended, and what it has sent comes again
// over another one. If its owner goes just now, what else has come over it must not be stored before that.
func (l *ledger) sendAway(conn uint64) {
	switch {
	case conn == 0:
		return
	case l.sentAway == nil || len(l.sentAway) >= maxSentAway:
		l.sentAway = make(map[uint64]bool)
	}
	l.sentAway[conn] = true
}

// Serves reports whether the messages of a sender may be taken: with Target.Once, no other imzmq that is alive owns it.
// It may be called at any time.
func (w *Writer) Serves(sender string) bool {
	return w.ledger == nil || !w.ledger.memory.elsewhere(sender)
}

// sendersOf returns the senders of a chunk.
func (w *Writer) sendersOf(chunk []int) map[string]bool {
	senders := make(map[string]bool)
	last := ""
	for _, i := range chunk {
		if id := w.batch[i].Sender; id != last {
			senders[id], last = true, id
		}
	}
	delete(senders, "")
	return senders
}

// admit settles the messages of a chunk that are stored already, and those whose sender uses another's id. It returns
// the others.
func (w *Writer) admit(chunk []int) (admitted []int) {
	admitted = make([]int, 0, len(chunk))
	var settled []int
	last, h := "", w.ledger.memory.sender("")
	for _, i := range chunk {
		m := &w.batch[i]
		if m.Sender != last {
			last, h = m.Sender, w.ledger.memory.sender(m.Sender)
		}
		switch {
		case h == nil:
			admitted = append(admitted, i)
			continue
		case h.admit(m.Claim) != nil:
			w.settled(i, h.admit(m.Claim))
		case h.numbers.has(m.Seq):
			w.settled(i, ErrRepeat)
		default:
			admitted = append(admitted, i)
			continue
		}
		settled = append(settled, i)
	}
	w.done(settled)
	return admitted
}

// changes returns what the memory has of the chunk's senders once the chunk is stored, and the records of both: those
// of the chunk's messages come first, and are valid until the next call. A message that the chunk has twice is stored
// once; the other comes again.
func (l *ledger) changes(w *Writer, chunk []int) (once []int, changes map[string]*holding, records []kgo.Record) {
	changes, records = make(map[string]*holding), l.records[:0]
	var last *holding
	lastID := ""
	for _, i := range chunk {
		m := &w.batch[i]
		if m.Sender == "" {
			once, records = append(once, i), append(records, w.part.records[i])
			continue
		}
		if m.Sender != lastID {
			if lastID, last = m.Sender, changes[m.Sender]; last == nil {
				last = l.known(m.Sender)
				changes[m.Sender] = last
			}
		}
		if last.numbers.has(m.Seq) {
			continue
		}
		once, records = append(once, i), append(records, w.part.records[i])
		last.take(m.Claim)
		last.numbers.add(span{m.Seq, m.Seq})
	}
	for id, h := range changes {
		records = append(records, l.record(id, h))
	}
	for len(l.indices) < len(records) {
		l.indices = append(l.indices, &index{i: len(l.indices)})
	}
	for at := range records {
		records[at].Context = l.indices[at]
	}
	l.records = records
	return once, changes, records
}

// known returns a copy of what is known of a sender that this instance owns. It may have been forgotten just now.
func (l *ledger) known(id string) *holding {
	if h := l.memory.sender(id); h != nil {
		return h.clone()
	}
	return &holding{owner: l.instance}
}

// record returns the record of a sender.
func (l *ledger) record(id string, h *holding) kgo.Record {
	return kgo.Record{Topic: l.cfg.Target.State, Key: []byte(id), Value: h.append(nil)}
}
