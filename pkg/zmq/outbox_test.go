package zmq

import (
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// newOutbox makes an outbox of a socket with one peer, which understands PING.
func newOutbox(hwm int) *outbox {
	limits := &queueLimits{hwm: hwm, out: &budget.New(budget.Default, 0).Out}
	limits.peers.Store(1)
	return &outbox{limits: limits, announces: true, wake: make(chan struct{}, 1)}
}

// one is a message of one frame.
func one(body string) [][]byte { return [][]byte{[]byte(body)} }

// accepts adds messages until one is refused, and returns how many were accepted.
func (o *outbox) accepts(body string) (n int) {
	for o.add(one(body), false) {
		n++
	}
	return n
}

// writes takes everything that waits and accounts for it as written.
func (o *outbox) writes() portion {
	w := o.take()
	o.wrote(w)
	return w
}

// woken reports whether the writer has been woken since the last call.
func (o *outbox) woken() bool {
	select {
	case <-o.wake:
		return true
	default:
		return false
	}
}

func TestOutboxAcceptsMessagesUpToItsHighWaterMark(t *testing.T) {
	o := newOutbox(10)
	if n := o.accepts("m"); n != 10 {
		t.Fatalf("%d messages were accepted", n)
	}
	w := o.take()
	if w.count != 10 || o.accepts("m") != 0 {
		t.Errorf("%d were taken, and messages were accepted before they were written", w.count)
	}
	o.wrote(w)
	if queued, written, _ := o.state(); queued != 0 || written != 10 {
		t.Errorf("%d queued, %d written", queued, written)
	}
	if n := o.accepts("m"); n != 10 {
		t.Errorf("%d messages were accepted after that", n)
	}
}

// A full outbox stays full until only half of its limit is left.
func TestOutboxIsFullUntilHalfIsWritten(t *testing.T) {
	for _, test := range []struct{ first, accepted int }{{4, 0}, {5, 5}} {
		o := newOutbox(10)
		for range test.first {
			o.add(one("m"), false)
		}
		w := o.take()
		o.accepts("m")
		o.wrote(w)
		if n := o.accepts("m"); n != test.accepted {
			t.Errorf("%d of 10 were written, and %d more accepted, want %d", test.first, n, test.accepted)
		}
	}
}

func TestOutboxIsLimitedInBytes(t *testing.T) {
	const size = 1 << 20
	o := newOutbox(1000)
	body := strings.Repeat("x", size-zmtp.MaxHeader) // each message takes 1 MiB with its header
	o.add(one(body), false)
	first := o.take()
	if n := 1 + o.accepts(body); n != maxQueueBytes/size {
		t.Errorf("%d MiB were accepted", n)
	}
	o.wrote(first)
	if o.add(one("m"), false) {
		t.Error("a message was accepted when a quarter was written")
	}
	o.writes()
	if !o.add(one(strings.Repeat("x", 2*maxQueueBytes)), false) || o.add(one("m"), false) {
		t.Error("one message of any length was to be accepted, and none after it")
	}
}

// The bytes that all outboxes may hold are shared; each may hold a little.
func TestOutboxesShareTheirBytes(t *testing.T) {
	out := &budget.New(budget.Default, 0).Out
	for peers, want := range map[int32]int{
		0: maxQueueBytes, 1: maxQueueBytes, 6: maxQueueBytes, 100: out.Limit() / 200,
		4096: minQueueBytes, 1 << 20: minQueueBytes,
	} {
		l := queueLimits{out: out}
		if l.peers.Store(peers); l.bytes() != want {
			t.Errorf("%d bytes each for %d peers, want %d", l.bytes(), peers, want)
		}
	}
}

// The writer is woken only when it waits, and then for everything that it must do.
func TestOutboxWakesItsWriter(t *testing.T) {
	tests := map[string]struct {
		do   func(o *outbox)
		want bool
	}{
		"a message to be written": {func(o *outbox) { o.add(one("m"), true) }, true},
		"a message":               {func(o *outbox) { o.add(one("m"), false) }, false},
		"a message and flush":     {func(o *outbox) { o.add(one("m"), false); o.flush() }, true},
		"flush of nothing":        {func(o *outbox) { o.flush() }, false},
		"the last message":        {func(o *outbox) { o.accepts("m") }, true},
		"a published message":     {func(o *outbox) { o.offer(one("m")) }, false},
		"a replay":                {func(o *outbox) { o.replay(one("m")) }, false},
		"a command":               {func(o *outbox) { o.command([]byte("c")) }, true},
		"a subscription":          {func(o *outbox) { o.request([]byte("s")) }, true},
		"a heartbeat":             {func(o *outbox) { o.ping() }, true},
		"parting":                 {func(o *outbox) { o.add(one("m"), false); o.part(true) }, true},
		"parting with nothing":    {func(o *outbox) { o.part(true) }, false},
		"ending":                  {func(o *outbox) { o.end() }, true},
		"closing":                 {func(o *outbox) { o.close() }, true},
	}
	for name, test := range tests {
		o := newOutbox(3)
		test.do(o)
		if o.woken() {
			t.Errorf("%s: a writer that does not wait was woken", name)
		}
		o = newOutbox(3)
		if w := o.take(); !w.empty() {
			t.Errorf("%s: something was taken", name)
		}
		test.do(o)
		if got := o.woken(); got != test.want {
			t.Errorf("%s: woken: %v", name, got)
		}
		test.do(o)
		if o.take(); test.want && name != "closing" && o.woken() {
			t.Errorf("%s: woken twice", name)
		}
	}
}

// An ended outbox accepts nothing; what is in it is still written.
func TestOutboxIsSealed(t *testing.T) {
	o := newOutbox(10)
	o.add(one("m"), false)
	o.command([]byte("c"))
	o.end()
	missed, first := o.offer(one("m"))
	if o.add(one("m"), false) || missed != 0 || first || o.replay(one("m")) {
		t.Error("something was accepted")
	}
	o.request([]byte("s"))
	o.command([]byte("c"))
	o.ping()
	if w := o.writes(); w.count != 1 || string(w.control) != "c" || !w.last || w.closed {
		t.Errorf("%+v was taken", w)
	}
	if w := o.take(); !w.empty() || !w.last {
		t.Errorf("%+v was taken after that", w)
	}
}

// A closed outbox accepts and writes nothing, and holds no memory.
func TestOutboxIsClosed(t *testing.T) {
	o := newOutbox(10)
	o.add(one("m"), false)
	o.writes() // there is a spare buffer
	o.add(one("m"), false)
	under := o.take()
	o.add(one("m"), false)
	o.command([]byte("c"))
	o.close()
	missed, _ := o.offer(one("m"))
	if o.add(one("m"), false) || missed != 0 || o.replay(one("m")) {
		t.Error("something was accepted")
	}
	o.request([]byte("s"))
	o.command([]byte("c"))
	o.wrote(under)
	if w := o.take(); !w.empty() || !w.closed {
		t.Errorf("%+v was taken", w)
	}
	if o.messages != nil || o.control != nil || o.spare != nil {
		t.Error("memory is held")
	}
	if queued, written, closed := o.state(); queued != 1 || written != 2 || !closed {
		t.Errorf("%d queued, %d written, closed: %v", queued, written, closed)
	}
}

// A parting outbox accepts no new message; everything else still goes out.
func TestOutboxIsParting(t *testing.T) {
	o := newOutbox(10)
	o.add(one("m"), false)
	if queued, written := o.part(true); queued != 1 || written != 0 {
		t.Errorf("%d queued, %d written", queued, written)
	}
	o.command([]byte("c"))
	if o.add(one("m"), false) || !o.replay(one("r")) {
		t.Error("a new message was accepted, or a replay was not")
	}
	w := o.writes()
	if got := sentFrames(t, w.messages); got != "m r" || string(w.control) != "c" {
		t.Errorf("%q and %q were taken", got, w.control)
	}
	if queued, written := o.part(false); queued != 0 || written != 2 || !o.add(one("m"), false) {
		t.Errorf("%d queued, %d written, or an answer was not accepted", queued, written)
	}
}

// Commands have a bound, which the first subscriptions ignore.
func TestOutboxBoundsCommands(t *testing.T) {
	o := newOutbox(1)
	command := make([]byte, 100)
	for range 1000 {
		o.command(command)
	}
	if n := len(o.control); n < maxControl || n >= maxControl+len(command) {
		t.Errorf("%d bytes of commands wait", n)
	}
	before := len(o.control)
	if o.request(command); len(o.control) != before+len(command) {
		t.Errorf("%d bytes wait, after %d", len(o.control), before)
	}
}
