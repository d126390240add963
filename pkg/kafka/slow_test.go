package kafka

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// narrow makes the line take so many bytes of records a second.
func (l *line) narrow(rate int) {
	l.set(func(r kmsg.Request) fate {
		bytes := 0
		if p, ok := r.(*kmsg.ProduceRequest); ok {
			for _, topic := range p.Topics {
				for _, partition := range topic.Partitions {
					bytes += len(partition.Records)
				}
			}
		}
		time.Sleep(time.Duration(bytes) * time.Second / time.Duration(rate))
		return arrives
	})
}

// A transaction that takes longer than others wait for the memory is not taken for stuck, and one that takes longer
// than its time-out is followed by smaller ones.
func TestSlowLine(t *testing.T) {
	for _, timeout := range []string{"15m", "5s"} {
		t.Run(timeout, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, 1, kfake.Ports(9092))
				defer f.end()
				w, l := f.writer("?once=true&compression=none&transaction-timeout="+timeout, nil)
				defer f.close(w, time.Minute)
				f.stores(w, 1, []uint64{1}, "stored")
				l.narrow(250_000)
				const last = 501 // 16 s
				var messages []message.Message
				var texts [][]byte
				for seq := uint64(2); seq <= last; seq++ {
					one, text := batch(1, seq)
					text[0] = append(append(text[0], ' '), bytes.Repeat([]byte("x"), 8000)...)
					messages, texts = append(messages, one...), append(texts, text...)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				if err := w.Store(ctx, messages, texts, func(i int, refusal error) {
					if refusal != nil && refusal != ErrRepeat {
						t.Errorf("%d is refused: %v", messages[i].Seq, refusal)
					}
				}); err != nil {
					t.Fatal(err)
				}
				f.inOrder(last)
				if n := w.Counters().Aborted; timeout == "15m" && n > 0 {
					t.Errorf("%d transactions were aborted", n)
				}
			})
		})
	}
}

// A transaction cannot begin before the end of the one before has reached all partitions. Store waits no longer than it
// may, and says why it waits.
func TestNoTransactionBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, kfake.Ports(9092))
		defer f.end()
		w, _ := f.writer("?once=true", nil)
		f.stores(w, 1, []uint64{1}, "stored")
		f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ConcurrentTransactions, Count: -1})
		w.ledger.reset()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		got, err := store(ctx, w, 1, 2)
		if took := time.Since(began); err == nil || took > 35*time.Second {
			t.Errorf("settled %q, %v, after %v", got, err, took)
		}
		if w.trouble == nil || w.trouble.means != notBegun.means {
			t.Errorf("it waits because of %v", w.trouble)
		}
		f.close(w, time.Second)
	})
}

// Messages of senders that want no acknowledgement wait where a person is needed: nobody would hear of a refusal.
func TestPlainMessagesWait(t *testing.T) {
	for _, err := range []*kerr.Error{kerr.InvalidTimestamp, kerr.MessageTooLarge, kerr.RecordListTooLarge} {
		t.Run(err.Message, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, 1, kfake.Ports(9092))
				defer f.end()
				w, _ := f.writer("", nil)
				defer f.close(w, time.Minute)
				fault := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "data", Err: err, Count: -1})
				time.AfterFunc(10*time.Minute, fault.Remove) // a person has been there
				messages, texts := batch(1, 1, 2, 3)
				for i := range messages {
					messages[i].Sender, messages[i].Seq = "", 0
				}
				if err := w.Store(t.Context(), messages, texts, func(_ int, refusal error) {
					if refusal != nil {
						t.Error(refusal)
					}
				}); err != nil {
					t.Fatal(err)
				}
				f.inOrder(3)
			})
		})
	}
}
