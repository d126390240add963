package journal

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The moments at which a process can die, what rsyslog 8.2302 does then, and what the successor is told of each line. That
// rsyslog does so is shown in integration/.
func TestFateOfEachLine(t *testing.T) {
	const (
		beat   = int64(time.Hour)
		paused = beat + int64(Pause)
		atOnce = beat + int64(200*time.Millisecond)
	)
	transaction := func(t *testing.T, l *Log) (refs []Ref) {
		l.Opened(1)
		for i, line := range []string{"a", "b", "c"} {
			refs = append(refs, appended(t, l, uint64(i+1), line))
			if line != "c" {
				reply(t, l, deferred)
			}
		}
		return refs
	}
	for _, c := range []struct {
		name    string
		died    func(t *testing.T, l *Log)
		by      Successor // Same unless another is meant
		another bool
		want    string // the lines in order: ! comes again, ? if the next COMMIT fails, . does not; + confirmed
	}{
		{name: "before the reply to c", want: "a? b? c!",
			died: func(t *testing.T, l *Log) { transaction(t, l) }},
		{name: "after the reply to c", want: "a? b? c?",
			died: func(t *testing.T, l *Log) { transaction(t, l); reply(t, l, deferred) }},
		{name: "after the reply to c, with only COMMIT to come", by: Successor{Started: atOnce}, want: "a! b! c!",
			died: func(t *testing.T, l *Log) { transaction(t, l); reply(t, l, deferred) }},
		{name: "COMMIT read", by: Successor{Started: atOnce}, want: "a! b! c!",
			died: func(t *testing.T, l *Log) { transaction(t, l); reply(t, l, deferred); l.Closing(0) }},
		{name: "COMMIT read, and the next is a while in starting", want: "a! b! c!",
			died: func(t *testing.T, l *Log) { transaction(t, l); reply(t, l, deferred); l.Closing(0) }},
		{name: "COMMIT read and some are confirmed", want: "a!+ b! c!+",
			died: func(t *testing.T, l *Log) {
				refs := transaction(t, l)
				reply(t, l, deferred)
				refs[0].Confirm()
				l.Closing(0)
				refs[2].Confirm()
			}},
		{name: "after the OK to COMMIT", want: "",
			died: func(t *testing.T, l *Log) {
				transaction(t, l)
				reply(t, l, deferred)
				l.Closing(0)
				reply(t, l, replyOK)
			}},
		{name: "after the OK to COMMIT, and rsyslog's next BEGIN", want: "",
			died: func(t *testing.T, l *Log) {
				for _, ref := range transaction(t, l) {
					ref.Confirm()
				}
				reply(t, l, deferred)
				l.Closing(0)
				reply(t, l, replyOK)
				l.Reset(4)
				l.Opened(1)
			}},
		{name: "the next transaction with the same number of lines", want: "x? y!",
			died: func(t *testing.T, l *Log) {
				l.Opened(1)
				appended(t, l, 1, "w")
				reply(t, l, deferred)
				l.Closing(0)
				reply(t, l, replyOK)
				l.Reset(2)
				l.Opened(1)
				appended(t, l, 2, "x")
				reply(t, l, deferred)
				appended(t, l, 3, "y")
			}},
		{name: "a failure was the reply to COMMIT", want: "a! b! c!",
			died: func(t *testing.T, l *Log) {
				refs := transaction(t, l)
				reply(t, l, deferred)
				l.Closing(0)
				for _, ref := range refs {
					ref.Wait()
				}
			}},
		{name: "a failure to b, which comes again, and the mark of a still stands", want: "a? b!",
			died: func(t *testing.T, l *Log) {
				l.Opened(1)
				appended(t, l, 1, "a")
				reply(t, l, deferred)
				b := appended(t, l, 2, "b")
				b.Wait() // the failure is written, and leaves no mark
				l.Take(b)
			}},
		{name: "no transaction, before the reply", want: "a!",
			died: func(t *testing.T, l *Log) { appended(t, l, 1, "a") }},
		{name: "no transaction, after the reply", want: "",
			died: func(t *testing.T, l *Log) { appended(t, l, 1, "a"); reply(t, l, replyOK) }},
		{name: "rsyslogd had gone", want: "a. b. c.",
			died: func(t *testing.T, l *Log) { transaction(t, l); l.Parted(true) }},
		{name: "rsyslogd had gone and some are confirmed", want: "a. c.",
			died: func(t *testing.T, l *Log) { transaction(t, l)[1].Confirm(); l.Parted(true) }},
		{name: "rsyslogd had gone, the journal is another's, a failure was told", another: true, want: "a. b. c.",
			died: func(t *testing.T, l *Log) { transaction(t, l)[2].Wait() }},
		{name: "other workers use the pipe, before the reply", by: Successor{Shared: true}, want: "a. b. c!",
			died: func(t *testing.T, l *Log) { transaction(t, l) }},
		{name: "other workers use the pipe, after the reply", by: Successor{Shared: true}, want: "a. b. c.",
			died: func(t *testing.T, l *Log) { transaction(t, l); reply(t, l, deferred) }},
		{name: "other workers used the pipe", want: "a. b. c!",
			died: func(t *testing.T, l *Log) { l.Opened(2); l.Opened(1); transaction(t, l) }},
		{name: "two transactions are open", want: "a. b. c.",
			died: func(t *testing.T, l *Log) { transaction(t, l); l.Opened(2) }},
		{name: "one of two transactions is committed", want: "a. b. c.",
			died: func(t *testing.T, l *Log) { transaction(t, l); reply(t, l, deferred); l.Closing(1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory(1024)
			SetBeat(m.header, beat)
			c.died(t, New(m, nil))
			if c.by.Started == 0 {
				c.by.Started = paused
			}
			c.by.Same = !c.another
			records, l := recovered(t, m.snapshot(), c.by)
			if got := strings.Join(fates(records), " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if c.want == "" && !l.Empty() {
				t.Error("the journal is not empty")
			}
		})
	}
}

func fates(records []Record) (fates []string) {
	for _, r := range records {
		fate := string(r.Line)
		switch {
		case r.Again:
			fate += "!"
		case r.Batch:
			fate += "?"
		default:
			fate += "."
		}
		if r.Confirmed {
			fate += "+"
		}
		fates = append(fates, fate)
	}
	return fates
}

// The mark of a line that is gone says nothing of a new one, whoever counts.
func TestMarkOfOld(t *testing.T) {
	m := newMemory(1024)
	l := New(m, nil)
	appended(t, l, 1, "a").Confirm() // outside a transaction
	reply(t, l, replyOK)
	l.Reset(2)
	_, l = recovered(t, m, Successor{Same: true})
	appended(t, l, 2, "b")
	records, _ := recovered(t, m.snapshot(), Successor{Same: true, Started: int64(time.Hour)})
	if got := fates(records); !slices.Equal(got, []string{"b!"}) {
		t.Errorf("%v", got)
	}
}

// A process that takes a journal over may die at once, before rsyslog has said anything to it.
func TestSuccessorDiesAtOnce(t *testing.T) {
	m := newMemory(1024)
	l, refs := written(t, m, "a", "b", "c")
	l.Closing(0)
	refs[0].Confirm()
	for range 3 {
		m = m.snapshot()
		records, _ := recovered(t, m, Successor{Same: true, Started: int64(time.Hour)})
		if got := fates(records); !slices.Equal(got, []string{"a!+", "b!", "c!"}) {
			t.Fatalf("%v", got)
		}
	}
}
