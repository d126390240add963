package budget

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sender is a connection's reader that holds or waits for memory.
type sender struct {
	Message
	in      *Input
	dropped atomic.Bool
	quit    chan struct{}
	result  chan error
}

func newSender(in *Input, known bool) *sender {
	s := &sender{in: in, quit: make(chan struct{}), result: make(chan error, 1)}
	s.Drop = func(error) { s.dropped.Store(true) }
	s.Gone = func() bool { return false }
	s.Quit = s.quit
	if known {
		s.Know()
	}
	return s
}

func (s *sender) wait(n int) { go func() { s.result <- s.in.Wait(&s.Message, n) }() }

func (s *sender) granted() bool {
	select {
	case err := <-s.result:
		return err == nil
	default:
		return false
	}
}

// end is what a dropped connection does.
func (s *sender) end() {
	n := s.bytes
	s.in.Finish(&s.Message)
	s.in.Give(n)
}

func newInput() *Input { return &New(Default, 0).In }

// Strangers get half of the memory, however many they are. The rest is there at once for the others.
func TestStrangersGetHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		n := in.Limit() / 8
		var strangers []*sender
		for range 10 {
			s := newSender(in, false)
			s.wait(n)
			strangers = append(strangers, s)
			synctest.Wait()
		}
		for i, s := range strangers {
			if s.granted() != (i < 4) {
				t.Errorf("stranger %d: granted is %v", i, i >= 4)
			}
		}
		for range 4 {
			s := newSender(in, true)
			s.wait(n)
			if synctest.Wait(); !s.granted() {
				t.Error("one that is no stranger waits")
			}
		}
		for _, s := range strangers {
			close(s.quit)
		}
	})
}

// A stranger that waits gets the memory of the one that has held it for longest, and everyone gets his turn.
func TestTheOldestUnfinishedMessageGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		n := in.Limit() / 4
		first, second, third := newSender(in, false), newSender(in, false), newSender(in, false)
		first.wait(n)
		time.Sleep(10 * time.Millisecond)
		second.wait(n)
		time.Sleep(10 * time.Millisecond)
		third.wait(n)
		time.Sleep(Patience / 2)
		if first.dropped.Load() || third.granted() {
			t.Error("one is dropped at once")
		}
		time.Sleep(Patience)
		if !first.dropped.Load() || second.dropped.Load() || third.granted() {
			t.Errorf("the first is dropped: %v, the second: %v", first.dropped.Load(), second.dropped.Load())
		}
		time.Sleep(Patience)
		if second.dropped.Load() {
			t.Error("another is dropped although the first one's memory is about to come back")
		}
		first.end()
		if synctest.Wait(); !third.granted() {
			t.Error("the memory has come back, and the third still waits")
		}
	})
}

// While whole messages wait for their receiver, nobody is to blame for a lack of memory.
func TestNobodyIsDroppedForAStalledReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		whole := in.Limit() / 2
		if !in.Take(whole) {
			t.Fatal("there is no memory")
		}
		half, waiting := newSender(in, true), newSender(in, true)
		half.wait(in.Limit() / 2)
		synctest.Wait()
		waiting.wait(in.Limit() / 4)
		time.Sleep(time.Hour)
		if half.dropped.Load() || waiting.granted() {
			t.Error("the one that holds memory is dropped, or the other has got some")
		}
		in.Give(whole)
		in.Taken()
		if synctest.Wait(); !waiting.granted() {
			t.Error("it waits although the receiver goes on")
		}
	})
}

// Messages that do not go on are dropped even if their senders are no strangers: strangers first.
func TestUnfinishedMessagesAreDroppedAtLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		n := in.Limit() / 4
		var holders []*sender
		for i := range 4 {
			s := newSender(in, i != 2)
			s.wait(n)
			holders = append(holders, s)
			time.Sleep(time.Millisecond)
		}
		waiting := []*sender{newSender(in, true), newSender(in, true)}
		for i, s := range waiting {
			s.wait(n)
			time.Sleep(knownPatience + Patience)
			for j, holder := range holders {
				gone := j == 2 || (j == 0 && i == 1)
				if holder.dropped.Load() != gone {
					t.Errorf("with %d that wait, holder %d is dropped: %v", i+1, j, !gone)
				}
				if holder.dropped.Load() && holder.bytes > 0 {
					holder.end()
				}
			}
			if synctest.Wait(); !s.granted() {
				t.Error("it still waits")
			}
		}
	})
}

// A wait ends with the connection, whichever side ends it.
func TestWaitEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		in.Overdraw(in.Limit())
		ours, theirs := newSender(in, true), newSender(in, true)
		theirs.Gone = func() bool { return true }
		ours.wait(1)
		theirs.wait(1)
		synctest.Wait()
		close(ours.quit)
		for _, s := range []*sender{ours, theirs} {
			if err := <-s.result; !errors.Is(err, ErrGone) {
				t.Error(err)
			}
		}
	})
}

// A message does not wait for what it holds itself: the largest that Check admits is received.
func TestGrowingMessage(t *testing.T) {
	in := newInput()
	s := newSender(in, false)
	for n := 1 << 10; n <= in.Limit(); n *= 2 {
		before := s.bytes
		if !in.Try(&s.Message, n) {
			t.Fatalf("%d of %d bytes are refused", n, in.Limit())
		}
		in.Give(before)
	}
	s.end()
	if in.Used() != 0 {
		t.Errorf("%d bytes are used", in.Used())
	}
}
