package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// What rsyslogd does with a transaction in the middle of which it is stopped, with its queue on disk. It counts a
// batch as delivered once it has been told OK at BEGIN. During queue.timeoutShutdown it works as usual. During
// queue.timeoutActionCompletion it still takes an OK, but retries nothing; newer releases put a batch that fails now
// back into the queue (keepsBatchAtStop). Then it gives up the batch, including messages that no program has seen,
// closes the program's pipes and waits closeTimeout for the program's end. The next start delivers only what was not
// in the batch.

const (
	savedQueue  = ` queue.filename="plugin" queue.maxDiskSpace="1g" queue.saveOnShutdown="on" closeTimeout="500"`
	stopSoon    = savedQueue + ` queue.timeoutShutdown="100" queue.timeoutActionCompletion="1000"`
	stopLater   = savedQueue + ` queue.timeoutShutdown="100" queue.timeoutActionCompletion="5000"`
	stopPatient = savedQueue + ` queue.timeoutShutdown="25000"`
)

// stopAmid feeds m0 to m11 and sends SIGTERM while the plugin is held at an event. It releases the plugin at
// once (stopPatient), during the time for the action's completion (stopLater), or after the plugin has lost
// its pipes (stopSoon). If anything should follow, it starts rsyslogd again. Nothing may then be left in the
// queue's files: a later start would deliver it.
func stopAmid(t *testing.T, options, grief, want, wantAfterwards string) {
	t.Helper()
	r := startRsyslogd(t, preamble+wayIn+toPlugin(grief, options))
	r.say(t, 0, 12)
	at, _, _ := strings.Cut(grief, ":")
	r.awaits(t, at)
	r.signal(t, syscall.SIGTERM)
	switch {
	case strings.HasSuffix(options, stopLater):
		r.logged(t, "regular queue shutdown timed out")
	case strings.HasSuffix(options, stopSoon):
		r.awaits(t, "closed")
	}
	r.release(t)
	if code := r.exit(t); code != 0 {
		t.Errorf("rsyslogd ended with %d", code)
	}
	if strings.HasSuffix(want, "EOF") {
		r.awaits(t, "EOF")
	}
	first := r.seen(t)
	wantTranscript(t, first, want)
	if wantAfterwards != "" {
		r.again(t)
		words := strings.Fields(wantAfterwards)
		r.awaitsAfter(t, len(first), words[len(words)-2:]...)
		r.stop(t)
		wantTranscript(t, r.seen(t)[len(first):], wantAfterwards+" EOF")
	}
	files, _ := filepath.Glob(r.file("plugin*")) // the pattern is valid
	// 8.2608 and newer note there how the queue is stored, and leave that.
	files = slices.DeleteFunc(files, func(file string) bool { return file == r.file("plugin.da-engine") })
	if len(files) > 0 {
		t.Errorf("left for the next start: %q", files)
	}
}

// givenUp is what the next start delivers of a batch that failed in time for the action, and of the one after it.
func givenUp(t *testing.T) string {
	return byRelease(t, keepsBatchAtStop, nextBatch, nextBatch+wholeBatch)
}

// Only an OK saves the batch, or a failure so early that rsyslog still retries (or, in newer releases, in time for the
// action). Otherwise m0 to m5 are never sent again.
func TestStoppedAtCommit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ timeouts, grief, want, afterwards string }{
		"OK while there is time":         {stopPatient, "COMMIT:1:hold", wholeBatch + nextBatch + " EOF", ""},
		"OK in time for the action":      {stopLater, "COMMIT:1:hold", wholeBatch + " EOF", nextBatch},
		"no answer":                      {stopSoon, "COMMIT:1:hold", wholeBatch + " closed unheard EOF", nextBatch},
		"failure while there is time":    {stopPatient, "COMMIT:1:later-fail", wholeBatch + " fails" + oneByOne(0, 1, 2, 3, 4, 5) + nextBatch + " EOF", ""},
		"failure in time for the action": {stopLater, "COMMIT:1:later-fail", wholeBatch + " fails EOF", givenUp(t)},
		"death while there is time":      {stopPatient, "COMMIT:1:later-die", wholeBatch + " dies\n" + oneByOne(0, 1, 2, 3, 4, 5) + nextBatch + " EOF", ""},
		"death in time for the action":   {stopLater, "COMMIT:1:later-die", wholeBatch + " dies", givenUp(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopAmid(t, transactions(6)+c.timeouts, c.grief, c.want, c.afterwards)
		})
	}
}

// The same, and m3 to m5, which no program has seen, are lost too.
func TestStoppedInMidTransaction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ timeouts, grief, want, afterwards string }{
		"answered while there is time":    {stopPatient, "m2:1:hold", wholeBatch + nextBatch + " EOF", ""},
		"answered in time for the action": {stopLater, "m2:1:hold", wholeBatch + " EOF", nextBatch},
		"no answer":                       {stopSoon, "m2:1:hold", " BEGIN m0 m1 m2 closed unheard EOF", nextBatch},
		"failure while there is time":     {stopPatient, "m2:1:later-fail", " BEGIN m0 m1 m2 fails BEGIN m2 m3 m4 m5 COMMIT" + nextBatch + " EOF", ""},
		"death while there is time":       {stopPatient, "m2:1:later-die", " BEGIN m0 m1 m2 dies\n BEGIN m2 m3 m4 m5 COMMIT" + nextBatch + " EOF", ""},
		"failure in time for the action":  {stopLater, "m2:1:later-fail", " BEGIN m0 m1 m2 fails EOF", givenUp(t)},
		"death in time for the action":    {stopLater, "m2:1:later-die", " BEGIN m0 m1 m2 dies", givenUp(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopAmid(t, transactions(6)+c.timeouts, c.grief, c.want, c.afterwards)
		})
	}
}

// Nothing is lost of a batch that was not begun. It is put at the end of the queue.
func TestStoppedAtBegin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ timeouts, grief, want string }{
		"no answer":                      {stopSoon, "BEGIN:1:hold", " BEGIN closed unheard EOF"},
		"failure in time for the action": {stopLater, "BEGIN:1:later-fail", " BEGIN fails EOF"},
		"death in time for the action":   {stopLater, "BEGIN:1:later-die", " BEGIN dies"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopAmid(t, transactions(6)+c.timeouts, c.grief, c.want, nextBatch+wholeBatch)
		})
	}
}

// What a program has not answered in time is lost also if all messages were on the queue's disk. Before 8.2608
// (a2edca6b9), the time is then queue.timeoutShutdown alone.
func TestStoppedWithNothingInMemory(t *testing.T) {
	t.Parallel()
	r := startRsyslogd(t, preamble+wayIn+toPlugin("BEGIN:1:hold m2:1:hold",
		transactions(6)+savedQueue+` queue.timeoutShutdown="100" queue.timeoutActionCompletion="3000"`))
	r.say(t, 0, 6)
	r.awaits(t, "BEGIN")
	r.stop(t)
	r.release(t)
	r.awaits(t, "EOF")
	if err := os.Remove(r.file("seen.release")); err != nil {
		t.Fatal(err)
	}
	saved := len(r.seen(t))
	r.again(t)
	r.awaits(t, "m2")
	r.stop(t)
	r.release(t)
	r.awaitsAfter(t, saved, "EOF")
	wantTranscript(t, r.seen(t)[saved:], " BEGIN m0 m1 m2 closed unheard EOF")
	left := len(r.seen(t))
	r.again(t)
	r.say(t, 6, 12)
	r.awaitsAfter(t, left, "m11", "COMMIT")
	r.stop(t)
	wantTranscript(t, r.seen(t)[left:], nextBatch+" EOF")
}

// With signalOnClose, rsyslogd sends the signal after it has given up, just before it closes the pipes, and
// not when it is told to stop. Older releases send none.
func TestStoppedWithSignalOnClose(t *testing.T) {
	t.Parallel()
	options := stopSoon + ` signalOnClose="on" killUnresponsive="off"`
	r := startRsyslogd(t, preamble+wayIn+toPlugin("COMMIT:1:hold", transactions(6)+options))
	r.say(t, 0, 6)
	r.awaits(t, "COMMIT")
	r.signal(t, syscall.SIGTERM)
	r.awaits(t, "closed")
	r.exit(t)
	wantTranscript(t, r.seen(t), wholeBatch+byRelease(t, signalsOnClose, " closed", " SIGTERM closed"))
	r.release(t)
	r.awaits(t, "EOF")
}

// Without transactions it is no better: a whole batch counts as delivered before its first message is sent.
func TestStoppedWithoutTransactions(t *testing.T) {
	t.Parallel()
	next := " m6 m7 m8 m9 m10 m11"
	for name, c := range map[string]struct{ timeouts, grief, want, afterwards string }{
		"no answer": {stopSoon, "m2:1:hold", " m0 m1 m2 closed unheard EOF", next},
		"failure in time for the action": {stopLater, "m2:1:later-fail", " m0 m1 m2 fails EOF",
			byRelease(t, keepsBatchAtStop, next, next+" m0 m1 m2 m3 m4 m5")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopAmid(t, batches(6)+c.timeouts, c.grief, c.want, c.afterwards)
		})
	}
}
