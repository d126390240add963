package kafka

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// refuses reports whether a fault that needs a person refuses message i. Where the sender wants no acknowledgement,
// nobody would learn of that, and the message would be lost: it waits, unless its sender has chosen the topic.
func (w *Writer) refuses(i int, f *fault) bool {
	return w.batch[i].Sender != "" || !f.whole && w.cfg.Target.Topic.PerTopic()
}

// usable refuses the messages whose topic cannot be used, and returns the others. Those that must wait for their topic
// are in neither.
func (w *Writer) usable(chunk []int) (usable []int, waiting *fault) {
	usable = make([]int, 0, len(chunk))
	var wrong []int
	for _, i := range chunk {
		name := w.part.records[i].Topic
		f := w.topics.faultOf(name)
		switch {
		case w.ledger != nil && name == w.cfg.Target.State:
			f = memoryTopic.of(name)
		case f == nil && w.part.records[i].Key == nil && w.topics.compacted(name):
			f = keyless.of(name)
		}
		if f == nil || f.verdict != refuse {
			usable = append(usable, i)
			continue
		}
		if !w.refuses(i, f) {
			waiting = f
			continue
		}
		w.refused(f)
		w.settled(i, f)
		wrong = append(wrong, i)
	}
	w.done(wrong)
	return usable, waiting
}

// memoryTopic is why a message is refused whose topic leads to the memory.
var memoryTopic = &fault{verdict: refuse, code: codeState, means: "imzmq remembers there which messages are stored"}

// keyless is why a message without a key is refused whose topic is compacted.
var keyless = &fault{verdict: refuse, code: kerr.InvalidRecord.Message, means: "it is compacted, and this message has no key: " +
	"set its cleanup.policy to delete, or in --to a key that every message has, such as key=sender"}

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
		if len(chunk) >= w.most {
			w.most = min(w.most+w.most/8+1, maxPart)
		}
		w.chunk = min(2*w.chunk, w.most)
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
	adapted := make(map[string]*fault)
	fatal := false
	for _, i := range chunk {
		if errs[i] == nil {
			continue
		}
		name := w.part.records[i].Topic
		f, own := w.fault(errs[i]), false // own: the cause may be in the message alone
		fatal = fatal || f.fatal || f.verdict == tooLong
		switch f.verdict {
		case refuse:
			f = f.of(name)
			w.topics.refuse(name, f)
		case tooLong, odd, untimed:
			own = f.verdict == odd
			again, known := adapted[name]
			if !known {
				again = w.adapt(ctx, f.of(name), len(chunk) == 1)
				adapted[name] = again
			}
			f = again
		}
		switch {
		case f == nil:
		case f.verdict == refuse && (own || w.refuses(i, f)):
			w.refused(f)
			w.settled(i, f)
			refusedOnes = append(refusedOnes, i)
		case waiting == nil || waiting.code == codeAway:
			waiting = f
		}
	}
	w.done(refusedOnes)
	if fatal {
		w.reset()
	}
	return waiting
}

// adapt changes how the messages of a topic are sent, so that the fault does not come again; it returns nil then.
// Otherwise the message is refused, or must wait. alone: the message was sent alone.
func (w *Writer) adapt(ctx context.Context, f *fault, alone bool) *fault {
	g := *f
	switch f.verdict {
	case tooLong:
		asking, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
		defer cancel()
		lowered, err := w.topics.lower(asking, w.client(), f.topic)
		if err != nil {
			return w.fault(err)
		}
		if lowered {
			return nil
		}
		g.means += ", even without its text: raise that"
	case untimed:
		if w.topics.useReceived(f.topic) {
			w.cfg.Logger.Info("kafka: records have the time when their message came, for some minutes", "reason", f.Error())
			return nil
		}
		g.means += ", nor the time when the message came: compare the clocks of imzmq and the brokers"
	}
	if alone {
		g.verdict = refuse
		return &g
	}
	w.chunk = max(1, min(w.chunk, len(w.pending))/4) // until the one that is not taken is alone
	return nil
}

// waiting logs why nothing is stored.
func (w *Writer) waiting(f *fault) {
	w.trouble = f
	w.reporter.Waiting(f.code, f, f.quiet)
}

func (w *Writer) refused(f *fault) { w.reporter.Refused(f.code, f.topic, f) }
