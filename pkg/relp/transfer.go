package relp

import (
	"context"
	"fmt"
	"sync/atomic"
)

// transfer sends messages over one session: a goroutine writes while the caller's goroutine reads.
// Otherwise the client could wait for room for messages and the server for room for answers, forever.
type transfer struct {
	session *session
	batch   [][]byte
	pending []int // what to send, as indices into batch; -1 once answered
	settled func(i int, refusal error)
	window  int
	first   int // the transaction number of pending[0]

	sent     atomic.Int64  // pending[:sent] may be on the wire: only the reader uses it now
	answered atomic.Int64  // how many are answered
	progress chan struct{} // notifies the writer that answered grew or the reader ended; capacity 1
	ended    atomic.Bool   // the reader has ended
}

// run returns nil once every message is answered; the session is then ready for more. After an error
// the session is broken, and pending holds what was not answered.
func (t *transfer) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, t.session.interrupt)
	written := make(chan error, 1)
	go func() { written <- t.write() }()

	err := t.read()
	t.ended.Store(true)
	t.signal()
	if err != nil {
		t.session.conn.Close() // frees the writer
	}
	writeErr := <-written
	t.session.next = t.first + len(t.pending)
	switch {
	case !stop():
		return ctx.Err()
	case err != nil && writeErr != nil:
		return fmt.Errorf("%w (and send: %w)", err, writeErr)
	}
	return err // when it is nil, everything was written, too
}

// write sends pending in order, at most a window ahead of the answers. It leaves the connection open
// when it fails: the reader may still find answers in it, and then the reason.
func (t *transfer) write() error {
	buf := t.session.out[:0]
	for k, i := range t.pending {
		if t.full(k) {
			if err := t.flush(buf, k); err != nil {
				return err
			}
			buf = buf[:0]
			for t.full(k) {
				if t.ended.Load() {
					return nil
				}
				<-t.progress
			}
		}
		buf = AppendFrame(buf, t.first+k, "syslog", t.batch[i])
		if len(buf) >= writeSize {
			if err := t.flush(buf, k+1); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return t.flush(buf, len(t.pending))
}

// full reports whether the window is full after k messages.
func (t *transfer) full(k int) bool { return k-int(t.answered.Load()) >= t.window }

// flush writes buf, after which the first k messages are sent. buf is reused by the next transfer
// unless a large message has grown it.
func (t *transfer) flush(buf []byte, k int) error {
	t.sent.Store(int64(k))
	if cap(buf) <= 2*writeSize {
		t.session.out = buf[:0]
	}
	if len(buf) == 0 {
		return nil
	}
	_, err := t.session.conn.Write(buf)
	return err
}

// read reads answers until there is one for every message.
func (t *transfer) read() error {
	for answered := 0; answered < len(t.pending); {
		f, err := t.session.receive(int(t.sent.Load()) - answered)
		if err != nil {
			return err
		}
		if err := t.settle(f); err != nil {
			return err
		}
		answered++
		t.answered.Store(int64(answered))
		if t.session.drained() {
			t.signal()
		}
	}
	return nil
}

// settle settles the message that an answer is for.
func (t *transfer) settle(f Frame) error {
	a, err := t.session.answer(f)
	if err != nil {
		return err
	}
	k := f.Txnr - t.first
	switch {
	case k < 0 || k >= int(t.sent.Load()):
		return fmt.Errorf("the server answered transaction %d, which is not open", f.Txnr)
	case t.pending[k] < 0:
		return fmt.Errorf("the server answered transaction %d twice", f.Txnr)
	case a.Code == 0:
		return fmt.Errorf("the server's answer to transaction %d is empty", f.Txnr)
	}
	i := t.pending[k]
	t.pending[k] = -1
	if a.Code == 200 {
		t.settled(i, nil)
	} else {
		t.settled(i, &Refusal{Code: a.Code, Text: string(a.Text)})
	}
	return nil
}

// signal wakes a writer that waits for room in its window.
func (t *transfer) signal() {
	select {
	case t.progress <- struct{}{}:
	default:
	}
}
