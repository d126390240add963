package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What rsyslogd does with a transaction whose omprog program dies or fails: which messages it sends again, and in
// which transactions. None of our programs runs here. A program that is to lose nothing must cope with this.
// Releases differ only after two failures in a row.

// The batch in which the plugin fails, and the batch after it. What has not been repeated before nextBatch is
// never repeated.
const (
	wholeBatch = " BEGIN m0 m1 m2 m3 m4 m5 COMMIT"
	nextBatch  = " BEGIN m6 m7 m8 m9 m10 m11 COMMIT"
)

// toGrief is a subtest that runs m0 to m11 in batches of six through a plugin with the given griefs. The
// transcript must be want followed by nextBatch.
func toGrief(t *testing.T, name, griefs string, want ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		r := startRsyslogd(t, preamble+wayIn+toPlugin(griefs, transactions(6)))
		r.say(t, 0, 12)
		r.awaits(t, "m11", "COMMIT")
		r.stop(t)
		wantTranscript(t, r.seen(t), strings.Join(want, "\n")+nextBatch+" EOF")
	})
}

func wantTranscript(t *testing.T, events []pluginEvent, want string) {
	t.Helper()
	if got := transcript(events); got != want {
		t.Errorf("the plugin saw\n%s\nwant\n%s", got, want)
	}
	for i := 1; i < len(events); i++ {
		if events[i].text == "start" {
			t.Logf("from %s to the next start: %v", events[i-1].text, events[i].at-events[i-1].at)
		}
	}
}

// oneByOne is a transaction for each message.
func oneByOne(messages ...int) string {
	var b strings.Builder
	for _, n := range messages {
		fmt.Fprintf(&b, " BEGIN m%d COMMIT", n)
	}
	return b.String()
}

// Before COMMIT, rsyslog goes on with the message that was not answered. Those answered with DEFER_COMMIT are
// lost.
func TestPluginDiesInMidTransaction(t *testing.T) {
	t.Parallel()
	toGrief(t, "a message is answered", "m2:1:answer",
		" BEGIN m0 m1 m2 dies",
		" BEGIN m3 m4 m5 COMMIT")
	toGrief(t, "a message is unanswered", "m2:1:die",
		" BEGIN m0 m1 m2 dies",
		" BEGIN m2 m3 m4 m5 COMMIT")
	toGrief(t, "and the next one at its start", "m2:1:answer start:2:die",
		" BEGIN m0 m1 m2 dies",
		" dies",
		" BEGIN m3 m4 m5 COMMIT")
	toGrief(t, "and the next one too", "m2:1:answer m3:1:answer",
		" BEGIN m0 m1 m2 dies",
		" BEGIN m3 dies",
		" BEGIN m4 m5 COMMIT")
	toGrief(t, "a failure is the answer", "m2:1:fail",
		" BEGIN m0 m1 m2 fails BEGIN m2 m3 m4 m5 COMMIT")
}

// After two failures in a row, rsyslog used to go on as after one. Newer releases send everything again, each message
// in a transaction of its own, also what was answered with DEFER_COMMIT. Whether they do is decided at the second
// failure: the first line after it belongs to the first message of the batch.
func TestPluginFailsTwiceInMidTransaction(t *testing.T) {
	t.Parallel()
	goesOn := func(from string) string { return " BEGIN " + from + " COMMIT" }
	again := oneByOne(0, 1, 2, 3, 4, 5)
	for griefs, c := range map[string]struct{ first, before, since string }{
		"m2:1:fail BEGIN:2:fail":   {" BEGIN m0 m1 m2 fails BEGIN fails", goesOn("m2 m3 m4 m5"), again},
		"m2:1:die BEGIN:2:die":     {" BEGIN m0 m1 m2 dies\n BEGIN dies\n", goesOn("m2 m3 m4 m5"), again},
		"m2:1:answer BEGIN:2:fail": {" BEGIN m0 m1 m2 dies\n BEGIN fails", goesOn("m3 m4 m5"), again},
		"m2:1:fail m2:2:fail":      {" BEGIN m0 m1 m2 fails BEGIN m2 fails", goesOn("m2 m3 m4 m5"), again},
		"m2:1:die m2:2:die":        {" BEGIN m0 m1 m2 dies\n BEGIN m2 dies\n", goesOn("m2 m3 m4 m5"), again},
		"m2:1:answer m3:1:fail":    {" BEGIN m0 m1 m2 dies\n BEGIN m3 fails", goesOn("m3 m4 m5"), again},
		"m0:1:fail m0:2:fail":      {" BEGIN m0 fails BEGIN m0 fails", wholeBatch, again},
		"m5:1:fail BEGIN:2:fail":   {" BEGIN m0 m1 m2 m3 m4 m5 fails BEGIN fails", goesOn("m5"), again},
		"m2:1:fail BEGIN:2:fail BEGIN:3:fail": {" BEGIN m0 m1 m2 fails BEGIN fails BEGIN fails",
			goesOn("m2 m3 m4 m5"), oneByOne(1, 2, 3, 4, 5, 0)},
		// A failed BEGIN before the first message does not count, and a message that was answered begins anew.
		"BEGIN:1:fail m2:1:fail": {" BEGIN fails BEGIN m0 m1 m2 fails", goesOn("m2 m3 m4 m5"), goesOn("m2 m3 m4 m5")},
		"m2:1:fail m3:1:fail":    {" BEGIN m0 m1 m2 fails BEGIN m2 m3 fails", goesOn("m3 m4 m5"), goesOn("m3 m4 m5")},
		// At COMMIT everything comes again in every release, also what a death before it had left out.
		"m2:1:answer COMMIT:1:fail": {" BEGIN m0 m1 m2 dies\n" + goesOn("m3 m4 m5") + " fails", again, again},
		"m5:1:answer BEGIN:2:fail":  {" BEGIN m0 m1 m2 m3 m4 m5 dies\n BEGIN fails", oneByOne(1, 2, 3, 4, 5, 0), oneByOne(1, 2, 3, 4, 5, 0)},
	} {
		toGrief(t, griefs, griefs, c.first+byRelease(t, sendsBatchAgain, c.before, c.since))
	}
}

// The same among the single messages that follow a failed COMMIT: newer releases put off the message that has failed
// twice in a row.
func TestPluginFailsTwiceAmongSingleMessages(t *testing.T) {
	t.Parallel()
	for griefs, c := range map[string]struct{ first, before, since string }{
		"COMMIT:1:fail m0:2:fail m0:3:fail":    {wholeBatch + " fails BEGIN m0 fails BEGIN m0 fails", oneByOne(0, 1, 2, 3, 4, 5), oneByOne(1, 2, 3, 4, 5, 0)},
		"COMMIT:1:fail m1:2:fail BEGIN:4:fail": {wholeBatch + " fails" + oneByOne(0) + " BEGIN m1 fails BEGIN fails", oneByOne(1, 2, 3, 4, 5), oneByOne(2, 3, 4, 5, 1)},
		"COMMIT:1:fail COMMIT:3:fail COMMIT:5:fail m3:3:fail m3:4:fail": {wholeBatch + " fails" + oneByOne(0, 1) + " fails" + oneByOne(2, 3) + " fails" +
			oneByOne(4, 5) + " BEGIN m1 m3 fails BEGIN m3 fails", " BEGIN m3 COMMIT", " BEGIN m1 m3 COMMIT"},
	} {
		toGrief(t, griefs, griefs, c.first+byRelease(t, sendsBatchAgain, c.before, c.since))
	}
}

// At COMMIT, whether it was read or not, rsyslog sends everything again, each message in a transaction of its
// own. It does not know that a message was lost.
func TestPluginDiesAtCommit(t *testing.T) {
	t.Parallel()
	toGrief(t, "unread", "m5:1:answer",
		" BEGIN m0 m1 m2 m3 m4 m5 dies",
		oneByOne(0, 1, 2, 3, 4, 5))
	toGrief(t, "unanswered", "COMMIT:1:die",
		" BEGIN m0 m1 m2 m3 m4 m5 COMMIT dies",
		oneByOne(0, 1, 2, 3, 4, 5))
	toGrief(t, "and the next one at its start", "COMMIT:1:die start:2:die",
		" BEGIN m0 m1 m2 m3 m4 m5 COMMIT dies",
		" dies",
		oneByOne(0, 1, 2, 3, 4, 5))
	toGrief(t, "and the next one at its BEGIN", "COMMIT:1:die BEGIN:2:die",
		" BEGIN m0 m1 m2 m3 m4 m5 COMMIT dies",
		" BEGIN dies",
		oneByOne(1, 2, 3, 4, 5, 0))
	toGrief(t, "a failure is the answer", "COMMIT:1:fail",
		" BEGIN m0 m1 m2 m3 m4 m5 COMMIT fails"+oneByOne(0, 1, 2, 3, 4, 5))
}

// Among the single messages that follow, one that fails at its COMMIT comes after all others. If there are
// several, they come in one transaction. That one loses messages like the first, and it is repeated whole if
// its COMMIT fails.
func TestPluginDiesAmongSingleMessages(t *testing.T) {
	t.Parallel()
	toGrief(t, "at a COMMIT", "COMMIT:1:die COMMIT:3:die",
		wholeBatch+" dies",
		oneByOne(0, 1)+" dies",
		oneByOne(2, 3, 4, 5, 1))
	toGrief(t, "before a COMMIT", "COMMIT:1:die m1:2:answer",
		wholeBatch+" dies",
		oneByOne(0)+" BEGIN m1 dies",
		oneByOne(2, 3, 4, 5, 1))
	toGrief(t, "at a message", "COMMIT:1:die m1:2:die",
		wholeBatch+" dies",
		oneByOne(0)+" BEGIN m1 dies",
		oneByOne(1, 2, 3, 4, 5))
	toGrief(t, "twice", "COMMIT:1:die COMMIT:3:die COMMIT:5:die",
		wholeBatch+" dies",
		oneByOne(0, 1)+" dies",
		oneByOne(2, 3)+" dies",
		oneByOne(4, 5)+" BEGIN m1 m3 COMMIT")
	toGrief(t, "twice and in mid-transaction", "COMMIT:1:die COMMIT:3:die COMMIT:5:die m1:3:answer",
		wholeBatch+" dies",
		oneByOne(0, 1)+" dies",
		oneByOne(2, 3)+" dies",
		oneByOne(4, 5)+" BEGIN m1 dies",
		oneByOne(3))
	toGrief(t, "twice and at the last COMMIT", "COMMIT:1:die COMMIT:3:die COMMIT:5:die COMMIT:8:die",
		wholeBatch+" dies",
		oneByOne(0, 1)+" dies",
		oneByOne(2, 3)+" dies",
		oneByOne(4, 5)+" BEGIN m1 m3 COMMIT dies",
		" BEGIN m1 m3 COMMIT")
	toGrief(t, "failures are the answers", "COMMIT:1:fail COMMIT:2:fail COMMIT:4:fail",
		wholeBatch+" fails BEGIN m0 COMMIT fails BEGIN m1 COMMIT BEGIN m2 COMMIT fails"+oneByOne(3, 4, 5)+" BEGIN m0 m2 COMMIT")
}

// A batch of a single message loses nothing.
func TestPluginDiesInBatchOfOne(t *testing.T) {
	t.Parallel()
	for griefs, want := range map[string]string{
		"m0:1:answer":                 " BEGIN m0 dies\n" + oneByOne(0),
		"m0:1:die":                    " BEGIN m0 dies\n" + oneByOne(0),
		"m0:1:fail":                   " BEGIN m0 fails" + oneByOne(0),
		"COMMIT:1:die":                " BEGIN m0 COMMIT dies\n" + oneByOne(0),
		"COMMIT:1:fail COMMIT:2:fail": " BEGIN m0 COMMIT fails BEGIN m0 COMMIT fails" + oneByOne(0),
	} {
		t.Run(griefs, func(t *testing.T) {
			t.Parallel()
			r := startRsyslogd(t, preamble+wayIn+toPlugin(griefs, transactions(1)))
			r.say(t, 0, 2)
			r.awaits(t, "m1", "COMMIT")
			r.stop(t)
			wantTranscript(t, r.seen(t), want+oneByOne(1)+" EOF")
		})
	}
}

// Without transactions nothing is lost either; newer releases repeat the batch after two failures in a row.
func TestPluginDiesWithoutTransactions(t *testing.T) {
	t.Parallel()
	for griefs, want := range map[string]string{
		"m2:1:answer": " m0 m1 m2 dies\n m3 m4 m5",
		"m2:1:die":    " m0 m1 m2 dies\n m2 m3 m4 m5",
		"m2:1:fail":   " m0 m1 m2 fails m2 m3 m4 m5",
		"m2:1:fail m2:2:fail": byRelease(t, sendsBatchAgain,
			" m0 m1 m2 fails m2 fails m2 m3 m4 m5", " m0 m1 m2 fails m2 fails m0 m1 m2 m3 m4 m5"),
		"m2:1:answer m3:1:fail": byRelease(t, sendsBatchAgain,
			" m0 m1 m2 dies\n m3 fails m3 m4 m5", " m0 m1 m2 dies\n m3 fails m0 m1 m2 m3 m4 m5"),
	} {
		t.Run(griefs, func(t *testing.T) {
			t.Parallel()
			r := startRsyslogd(t, preamble+wayIn+toPlugin(griefs, batches(6)))
			r.say(t, 0, 12)
			r.awaits(t, "m11")
			r.stop(t)
			wantTranscript(t, r.seen(t), want+" m6 m7 m8 m9 m10 m11 EOF")
		})
	}
}

// At BEGIN nothing is lost, but a message arrives twice: rsyslog delivers it in the transaction that follows
// and also puts it back into its queue. After a second failure the same happens to the second message, and so
// on. If a program dies while it is idle, rsyslog notices at the next BEGIN, which is the same case.
func TestPluginFailsAtBegin(t *testing.T) {
	t.Parallel()
	for griefs, want := range map[string]string{
		"BEGIN:1:die":     " BEGIN dies\n" + oneByOne(0, 0) + " EOF",
		"BEGIN:1:fail":    " BEGIN fails" + oneByOne(0, 0) + " EOF",
		"COMMIT:1:answer": " BEGIN m0 COMMIT dies\n" + oneByOne(1, 1) + " EOF",
	} {
		t.Run(griefs, func(t *testing.T) {
			t.Parallel()
			r := startRsyslogd(t, preamble+wayIn+toPlugin(griefs, transactions(1)))
			last := "m0"
			r.say(t, 0, 1)
			if griefs == "COMMIT:1:answer" {
				r.awaits(t, "dies")
				r.say(t, 1, 2)
				last = "m1"
			}
			r.awaits(t, last, "COMMIT", "BEGIN", last, "COMMIT")
			r.stop(t)
			wantTranscript(t, r.seen(t), want)
		})
	}
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		r := startRsyslogd(t, preamble+wayIn+toPlugin("BEGIN:1:fail BEGIN:2:fail", transactions(6)))
		r.say(t, 0, 6+6-2) // the two repeated messages fill the second batch
		r.awaits(t, "m5", "COMMIT", "BEGIN")
		r.awaits(t, "COMMIT", "BEGIN", "", "", "", "", "", "", "COMMIT")
		r.stop(t)
		_, second, _ := strings.Cut(transcript(r.seen(t)), " BEGIN fails BEGIN fails BEGIN m0 m1 m2 m3 m4 m5 COMMIT BEGIN ")
		got := strings.Fields(second)
		slices.Sort(got) // where the two end up among the new messages is chance
		if want := "COMMIT EOF m0 m1 m6 m7 m8 m9"; strings.Join(got, " ") != want {
			t.Errorf("the plugin saw\n%s", transcript(r.seen(t)))
		}
	})
}
