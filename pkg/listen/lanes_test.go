package listen

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// connectedPair returns both ends of a connection.
func connectedPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// standing waits until n places stand in a line.
func (l *Lanes) standing(t *testing.T, in *line, n int) {
	t.Helper()
	now := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(in.waiting)
	}
	for deadline := time.Now().Add(20 * time.Second); now() != n; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d stand in line, want %d", now(), n)
		}
	}
}

func TestNoMoreThanTheLanesAreIn(t *testing.T) {
	const lanes, places, turns = 3, 50, 100
	l := &Lanes{free: lanes}
	var in, most atomic.Int32
	var work sync.WaitGroup
	for i := range places {
		enter := (*Lane).Enter
		if i%10 == 0 {
			enter = func(place *Lane) { place.Ahead() }
		}
		work.Go(func() {
			place := l.Lane()
			for range turns {
				enter(place)
				enter(place) // it is in
				now := in.Add(1)
				for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
				}
				in.Add(-1)
				place.Leave()
				place.Leave() // it is not in
			}
		})
	}
	work.Wait()
	if most.Load() > lanes || l.free != lanes {
		t.Errorf("%d places were in %d lanes, %d are free at the end", most.Load(), lanes, l.free)
	}
}

// Whoever brings messages goes ahead of the crowd, but lets some of it go first.
func TestAheadOfTheLine(t *testing.T) {
	const crowd = 3 * courtesy
	l := &Lanes{free: 1}
	first := l.Lane()
	first.Enter()
	var turns []string
	var work sync.WaitGroup
	turn := func(who string, enter func(*Lane)) {
		work.Go(func() {
			place := l.Lane()
			enter(place)
			turns = append(turns, who) // in the only lane
			place.Leave()
		})
	}
	for i := range crowd {
		turn("writer", (*Lane).Enter)
		l.standing(t, &l.line, i+1)
	}
	for i := range 2 {
		turn("reader", func(place *Lane) { place.Ahead() })
		l.standing(t, &l.ahead, i+1)
	}
	first.Leave()
	work.Wait()
	for i, who := range turns {
		if is := who == "reader"; is != (i == courtesy || i == 2*courtesy+1) {
			t.Errorf("turn %d is a %s's", i, who)
		}
	}
	if first.Ahead() {
		t.Error("waited, although nobody is in a lane")
	}
}

// A writer whose connection takes nothing is in no lane, and goes on when there is room.
func TestWriterThatCannotGoOnLeavesItsLane(t *testing.T) {
	l := &Lanes{free: 1}
	near, far := connectedPair(t)
	w := l.Writer(near)
	w.Enter()
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // more than the kernel holds
	written := make(chan error, 1)
	go func() {
		n, err := w.Write(text)
		if n != len(text) && err == nil {
			err = io.ErrShortWrite
		}
		w.Leave()
		written <- err
	}()
	other := l.Lane()
	other.Enter() // before anything has been read
	got := make([]byte, len(text))
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(far, got)
		read <- err
	}()
	l.standing(t, &l.line, 1) // there is room again, and the writer waits for a lane
	other.Leave()
	for _, end := range []chan error{written, read} {
		if err := <-end; err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, text) || l.free != 1 {
		t.Errorf("what arrives is not what was written, or %d lanes are free", l.free)
	}
	far.Close()
	near.Close()
	if _, err := w.Write(text); err == nil {
		t.Error("no error from a closed connection")
	} else if op, ok := err.(*net.OpError); !ok || op.Op != "write" {
		t.Errorf("error %v", err)
	}
}

func TestWritesWithoutLanes(t *testing.T) {
	near, far := connectedPair(t)
	for _, w := range []*Writer{(*Lanes)(nil).Writer(near), NewLanes().Writer(struct{ net.Conn }{near})} {
		w.Enter()
		if _, err := w.Write([]byte("text")); err != nil {
			t.Fatal(err)
		}
		w.Leave()
		if _, err := io.ReadFull(far, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLaneOfAConnection(t *testing.T) {
	l := &Lanes{free: 1}
	near, far := connectedPair(t)
	conn := &inLanes{Conn: near, writer: l.Writer(near)}
	if LaneOf(near) != nil || LaneOf(&admitted{Conn: conn}) != conn.writer.Lane {
		t.Error("LaneOf finds another lane")
	}
	for _, in := range []bool{false, true} { // a write leaves the place where it was
		if in {
			LaneOf(conn).Enter()
		}
		if _, err := conn.Write([]byte("text")); err != nil {
			t.Fatal(err)
		}
		if LaneOf(conn).in.Load() != in {
			t.Errorf("in a lane: %v, want %v", !in, in)
		}
		if _, err := io.ReadFull(far, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
}
