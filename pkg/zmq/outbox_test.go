package zmq

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// newOutbox makes an outbox of a socket with one peer, which understands PING.
func newOutbox(hwm int) *outbox {
	limits := &queueLimits{hwm: hwm}
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

// sentFrames returns the frames of a portion, with the number that an announcement holds in brackets.
func sentFrames(t *testing.T, wire []byte) string {
	t.Helper()
	var texts []string
	for len(wire) > 0 {
		flags, body, n, err := zmtp.DecodeFrame(wire, len(wire))
		if err != nil || n > len(wire) {
			t.Fatalf("%q is no frame: %v", wire, err)
		}
		text := string(body)
		if number, found := strings.CutPrefix(text, "\x04PING\x00\x00"+missedMark); found && flags == zmtp.Command {
			text = fmt.Sprintf("[%d]", binary.BigEndian.Uint64([]byte(number)))
		}
		texts = append(texts, text)
		wire = wire[n:]
	}
	return strings.Join(texts, " ")
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
	for peers, want := range map[int32]int{
		0: maxQueueBytes, 1: maxQueueBytes, 64: maxQueueBytes, 128: maxQueueBytes / 2,
		4096: minQueueBytes, 1 << 20: minQueueBytes,
	} {
		var l queueLimits
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
		"sealing":                 {func(o *outbox) { o.seal() }, true},
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

// A sealed outbox accepts nothing; what is in it is still written.
func TestOutboxIsSealed(t *testing.T) {
	o := newOutbox(10)
	o.add(one("m"), false)
	o.command([]byte("c"))
	o.seal()
	missed, first := o.offer(one("m"))
	if o.add(one("m"), false) || missed != 0 || first || o.replay(one("m")) || o.request([]byte("s")) != 1 {
		t.Error("something was accepted")
	}
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
	if o.add(one("m"), false) || missed != 0 || o.replay(one("m")) || o.request([]byte("s")) != 0 {
		t.Error("something was accepted")
	}
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

// Replays do not count towards the limits, and have one of their own.
func TestOutboxReplaysInAdditionToItsLimits(t *testing.T) {
	o := newOutbox(10)
	for i := range 25 {
		if !o.replay(one("r")) {
			t.Fatalf("replay %d was not accepted", i)
		}
	}
	if o.replayRoom() != maxQueueBytes-25*3 {
		t.Errorf("room for %d bytes", o.replayRoom())
	}
	if n := o.accepts("m"); n != 10 {
		t.Errorf("%d messages were accepted", n)
	}
	o.writes()
	if o.replayRoom() != maxQueueBytes || o.accepts("m") != 10 {
		t.Errorf("room for %d bytes when all was written", o.replayRoom())
	}
}

func TestOutboxLimitsReplaysInBytes(t *testing.T) {
	o := newOutbox(10)
	long := strings.Repeat("x", maxQueueBytes-zmtp.MaxHeader-1)
	if !o.replay(one(long)) || o.replayRoom() != 1 || !o.replay(one(long)) || o.replayRoom() > 0 || o.replay(one("r")) {
		t.Errorf("room for %d bytes", o.replayRoom())
	}
	if n := o.accepts("m"); n != 10 {
		t.Errorf("%d messages were accepted in addition", n)
	}
	o.writes()
	o.accepts(strings.Repeat("x", maxQueueBytes))
	if !o.replay(one("r")) {
		t.Error("a full outbox accepts no replay")
	}
}

// Missed messages are announced once, before the next message that fits.
func TestOutboxAnnouncesMissedMessages(t *testing.T) {
	o := newOutbox(2)
	offer := func(body string, wantMissed uint64, wantFirst bool) {
		t.Helper()
		if missed, first := o.offer(one(body)); missed != wantMissed || first != wantFirst {
			t.Errorf("%s: %d missed, first: %v", body, missed, first)
		}
	}
	offer("a", 0, false)
	offer("b", 0, false)
	offer("c", 1, true)
	offer("d", 1, false)
	o.miss(3)
	if o.totalMissed() != 5 {
		t.Errorf("%d missed", o.totalMissed())
	}
	if got := sentFrames(t, o.writes().messages); got != "a b" {
		t.Errorf("sent %s", got)
	}
	offer("e", 0, false)
	offer("f", 0, false)
	offer("g", 1, false)
	if got := sentFrames(t, o.writes().messages); got != "[5] e f" {
		t.Errorf("sent %s", got)
	}
	o.replay(one("r"))
	offer("h", 0, false)
	if got := sentFrames(t, o.writes().messages); got != "[6] r h" {
		t.Errorf("sent %s", got)
	}
	if o.bytes != 0 || o.queued != 0 {
		t.Errorf("%d bytes and %d messages are queued at the end", o.bytes, o.queued)
	}
}

// A peer that does not know PING would take an announcement for a message.
func TestOutboxAnnouncesNothingToOldPeers(t *testing.T) {
	o := newOutbox(1)
	o.announces = false
	o.offer(one("a"))
	o.offer(one("b"))
	o.writes()
	o.offer(one("c"))
	if got := sentFrames(t, o.writes().messages); got != "c" {
		t.Errorf("sent %s", got)
	}
}

// A heartbeat announces missed messages unless it would overtake messages that were published before them.
func TestOutboxPings(t *testing.T) {
	o := newOutbox(1)
	pinged := func(want string) {
		t.Helper()
		o.ping()
		if got := sentFrames(t, o.take().control); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	const plain = "\x04PING\x00\x00"
	pinged(plain)
	o.offer(one("a"))
	o.offer(one("b"))
	pinged(plain)
	pinged("[1]")
}

// Commands have a bound, which a subscription ignores and reports.
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
	if n := o.request(command); n != before+len(command) {
		t.Errorf("%d bytes wait, after %d", n, before)
	}
}

// The two buffers of an outbox take turns.
func TestOutboxReusesItsBuffers(t *testing.T) {
	o := newOutbox(10)
	seen := make(map[*byte]bool)
	for range 10 {
		o.add(one("m"), false)
		w := o.take()
		seen[&w.messages[0]] = true
		o.add(one("m"), false)
		o.wrote(w)
	}
	if len(seen) != 2 {
		t.Errorf("%d buffers were used", len(seen))
	}
}

// A buffer that a burst has made large is given back after it, and only after it.
func TestRecycle(t *testing.T) {
	tests := []struct {
		name           string
		used, capacity int
		held           int // uses in a row for which the buffer is held; -1: forever
	}{
		{"the smallest", 1, minBlock, -1},
		{"one just used enough", maxBlock/wasted + 1, maxBlock, -1},
		{"one used too little", maxBlock / wasted, maxBlock, enough - 1},
		{"the largest that is not given back at once", maxBlock/4 + 1, 4 * maxBlock, -1},
		{"a very large one", maxBlock, 4*maxBlock + 4, 0},
		{"a very large one that is used", maxBlock + 1, 4*maxBlock + 4, -1},
	}
	for _, test := range tests {
		small, held := 0, 0
		for buf := make([]byte, test.used, test.capacity); held < 4*enough; held++ {
			if buf = recycle(buf[:test.used], &small); buf == nil {
				break
			}
			if len(buf) != 0 || cap(buf) != test.capacity {
				t.Fatalf("%s: %d of %d bytes", test.name, len(buf), cap(buf))
			}
		}
		if test.held < 0 {
			test.held = 4 * enough
		}
		if held != test.held {
			t.Errorf("%s: held for %d uses, want %d", test.name, held, test.held)
		}
	}
	small := 0
	for i := range 4 * enough { // a buffer that is needed periodically stays
		used := 1
		if i%(enough-1) == 0 {
			used = maxBlock / 2
		}
		if recycle(make([]byte, used, maxBlock), &small) == nil {
			t.Fatal("a buffer that is needed was given back")
		}
	}
}

// A run of a batch is copied as far as it fits; the rest is missed.
func TestOutboxTakesRuns(t *testing.T) {
	r := newReceiver(1<<20, 100)
	r.raw = true
	var wire []byte
	for i := range 8 {
		wire = zmtp.AppendMessage(wire, []byte{'0' + byte(i)}, bytes.Repeat([]byte("x"), 50))
	}
	r.filled(copy(r.space(), wire))
	b, err := r.parse()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	size := len(wire) / 8
	for name, test := range map[string]struct {
		hwm, bytes int // already queued
		fit        int
	}{
		"everything":        {100, 0, 6},
		"some by number":    {4, 0, 4},
		"some by bytes":     {100, maxQueueBytes - 3*size, 3},
		"one more by bytes": {100, maxQueueBytes - 3*size - 1, 4},
	} {
		o := newOutbox(test.hwm)
		o.bytes = test.bytes
		o.take()
		missed, first := o.offerRun(b, 1, 7)
		if int(missed) != 6-test.fit || first != (missed > 0) || !o.woken() {
			t.Errorf("%s: %d missed, first: %v", name, missed, first)
		}
		if got := o.take(); !bytes.Equal(got.messages, wire[size:size*(1+test.fit)]) || got.count != test.fit {
			t.Errorf("%s: %d messages, %q", name, got.count, got.messages)
		}
		if missed > 0 {
			if again, first := o.offerRun(b, 1, 7); again != 6 || first {
				t.Errorf("%s: %d missed while it is full, first: %v", name, again, first)
			}
		}
	}
}
