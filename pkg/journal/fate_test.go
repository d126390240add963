package journal

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The moments at which a process can die, what rsyslog 8.2302 does then, and what the successor learns about each
// line. The rows are those of docs/delivery.md, "What the next omzmq knows". Tests in integration/ show that
// rsyslog does so.
func TestFateOfEachLine(t *testing.T) {
	const (
		beat   = int64(time.Hour)
		paused = beat + int64(Pause)
		atOnce = beat + int64(200*time.Millisecond)
	)
	// unanswered is a transaction of which the last line is not answered; answered is one with only COMMIT to come.
	unanswered := func(t *testing.T, l *Log) (refs []Ref) {
		l.Opened(1)
		for i, line := range []string{"a", "b", "c"} {
			if i > 0 {
				l.Answering(Deferred)
			}
			refs = append(refs, appended(t, l, uint64(i+1), line))
		}
		return refs
	}
	answered := func(t *testing.T, l *Log) []Ref {
		refs := unanswered(t, l)
		l.Answering(Deferred)
		return refs
	}
	rows := map[string]bool{}
	for _, c := range []struct {
		row, name string
		died      func(t *testing.T, l *Log)
		by        Successor // Same unless another is meant
		another   bool
		want      string // the lines in order: ! sent again, ? sent again if the next COMMIT fails, . orphan; + confirmed
	}{
		{row: "in mid-transaction, the last line not answered", want: "a? b? c!",
			died: func(t *testing.T, l *Log) { unanswered(t, l) }},
		{row: "in mid-transaction, the last line not answered", name: "the reply could not be written", want: "a? b? c!",
			died: func(t *testing.T, l *Log) { answered(t, l); l.Answering(NoReply) }},
		{row: "in mid-transaction, the last line not answered", name: "the pipes were closed, and the process went on", by: Successor{Started: atOnce}, want: "a? b? c!",
			died: func(t *testing.T, l *Log) { unanswered(t, l); l.Pipes(PipesClosed) }},
		{row: "in mid-transaction, the last line not answered", name: "as many lines as in the transaction before", want: "x? y!",
			died: func(t *testing.T, l *Log) {
				l.Opened(1)
				appended(t, l, 1, "w")
				l.Answering(Deferred)
				l.Closing(0)
				l.Answering(Committed)
				l.Reset(2)
				l.Opened(1)
				appended(t, l, 2, "x")
				l.Answering(Deferred)
				appended(t, l, 3, "y")
			}},
		{row: "in mid-transaction, the last line not answered", name: "it failed and is sent again", want: "a? b!",
			died: func(t *testing.T, l *Log) {
				l.Opened(1)
				appended(t, l, 1, "a")
				l.Answering(Deferred)
				b := appended(t, l, 2, "b")
				b.Wait() // the failure is written and leaves no mark: that of a still stands
				l.Take(b)
			}},
		{row: "in mid-transaction, the last line not answered", name: "one of an earlier failure has not come again",
			want: "a! b? c!", died: func(t *testing.T, l *Log) { unanswered(t, l)[0].Wait() }},
		{row: "in mid-transaction, the last line not answered", name: "or outside a transaction", want: "a!",
			died: func(t *testing.T, l *Log) { appended(t, l, 1, "a") }},

		{row: "in mid-transaction, the last line answered", want: "a? b? c?",
			died: func(t *testing.T, l *Log) { answered(t, l) }},
		{row: "in mid-transaction, the last line answered", name: "the pipes were closed, and the process went on", by: Successor{Started: atOnce}, want: "a? b? c?",
			died: func(t *testing.T, l *Log) { answered(t, l); l.Pipes(PipesClosed) }},
		{row: "in mid-transaction, the last line answered", name: "one of an earlier failure has not come again", want: "a! b? c?",
			died: func(t *testing.T, l *Log) { answered(t, l)[0].Wait() }},

		{row: "in mid-transaction, for the second time in a row, and rsyslog is 8.2508 or later", want: "a! b! c!",
			by: Successor{Splits: func() bool { return true }}, died: func(t *testing.T, l *Log) { answered(t, l); l.breaks(resuming) }},
		{row: "in mid-transaction, for the second time in a row, and rsyslog is 8.2508 or later", name: "the pipes were closed at a line", want: "a! b! c!",
			by: Successor{Splits: func() bool { return true }}, died: func(t *testing.T, l *Log) { unanswered(t, l); l.breaks(resuming); l.Pipes(PipesClosed) }},
		{row: "in mid-transaction, the last line answered", name: "for the second time, and rsyslog is older", want: "a? b? c?",
			by: Successor{Splits: func() bool { return false }}, died: func(t *testing.T, l *Log) { answered(t, l); l.breaks(resuming) }},
		{row: "in mid-transaction, the last line answered", name: "for the second time, but rsyslog had said nothing to it", want: "a? b? c?",
			by: Successor{Splits: func() bool { return true }}, died: func(t *testing.T, l *Log) { answered(t, l); l.breaks(broke) }},
		{row: "in mid-transaction, the last line answered", name: "for the second time, and a line was answered since", want: "a? b? c?",
			by: Successor{Splits: func() bool { return true }}, died: func(t *testing.T, l *Log) {
				l.breaks(resuming)
				answered(t, l)
			}},

		{row: "at COMMIT: read, or only COMMIT left", name: "only COMMIT was left to write", by: Successor{Started: atOnce}, want: "a! b! c!",
			died: func(t *testing.T, l *Log) { answered(t, l) }},
		{row: "at COMMIT: read, or only COMMIT left", name: "COMMIT read", by: Successor{Started: atOnce}, want: "a! b! c!",
			died: func(t *testing.T, l *Log) { answered(t, l); l.Closing(0) }},
		{row: "at COMMIT: read, or only COMMIT left", name: "COMMIT read, and the successor is slow to start", want: "a! b! c!",
			died: func(t *testing.T, l *Log) { answered(t, l); l.Closing(0) }},
		{row: "at COMMIT: read, or only COMMIT left", name: "COMMIT read, and the pipes were closed", want: "a! b! c!",
			died: func(t *testing.T, l *Log) { answered(t, l); l.Closing(0); l.Pipes(PipesClosed) }},
		{row: "at COMMIT: read, or only COMMIT left", name: "some lines are confirmed", want: "a!+ b! c!+",
			died: func(t *testing.T, l *Log) {
				refs := answered(t, l)
				refs[0].Confirm()
				l.Closing(0)
				refs[2].Confirm()
			}},
		{row: "at COMMIT: read, or only COMMIT left", name: "its OK could not be written", want: "a! b! c!",
			died: func(t *testing.T, l *Log) {
				answered(t, l)
				l.Closing(0)
				l.Answering(Committed)
				l.Answering(NoReply)
			}},
		{row: "at COMMIT: read, or only COMMIT left", name: "a failure was written", want: "a! b! c!",
			died: func(t *testing.T, l *Log) {
				refs := answered(t, l)
				l.Closing(0)
				for _, ref := range refs {
					ref.Wait()
				}
			}},

		{row: "after the OK", name: "to COMMIT", want: "",
			died: func(t *testing.T, l *Log) { answered(t, l); l.Closing(0); l.Answering(Committed) }},
		{row: "after the OK", name: "one of an earlier failure has not come again", want: "a!",
			died: func(t *testing.T, l *Log) { answered(t, l)[0].Wait(); l.Closing(0); l.Answering(Committed) }},
		{row: "after the OK", name: "outside a transaction", want: "",
			died: func(t *testing.T, l *Log) { appended(t, l, 1, "a"); l.Answering(Confirmed) }},

		{row: "not the same worker, or rsyslog reads no replies", name: "no replies", want: "a. b. c.",
			died: func(t *testing.T, l *Log) { unanswered(t, l); l.Pipes(PipesUnread) }},
		{row: "not the same worker, or rsyslog reads no replies", name: "no replies, and some lines are confirmed", want: "a. c.",
			died: func(t *testing.T, l *Log) { unanswered(t, l)[1].Confirm(); l.Pipes(PipesUnread) }},
		{row: "not the same worker, or rsyslog reads no replies", name: "another worker, and a failure was written", another: true, want: "a. b. c.",
			died: func(t *testing.T, l *Log) { unanswered(t, l)[2].Wait() }},
		{row: "not the same worker, or rsyslog reads no replies", name: "another worker, and what failed is confirmed", another: true, want: "a. b.",
			died: func(t *testing.T, l *Log) {
				ref := unanswered(t, l)[2]
				ref.Wait()
				ref.Confirm()
				l.Pipes(PipesClosed)
			}},

		{row: "several workers on one pipe, the last line not answered", by: Successor{Shared: true}, want: "a. b. c!",
			died: func(t *testing.T, l *Log) { unanswered(t, l) }},
		{row: "several workers on one pipe, the last line not answered", name: "earlier", want: "a. b. c!",
			died: func(t *testing.T, l *Log) { l.Opened(2); l.Opened(1); unanswered(t, l) }},

		{row: "several workers on one pipe, the last line not answered", name: "one of an earlier failure has not come again",
			by: Successor{Shared: true}, want: "a! b. c!", died: func(t *testing.T, l *Log) { unanswered(t, l)[0].Wait() }},

		{row: "several workers on one pipe", name: "after the reply", by: Successor{Shared: true}, want: "a. b. c.",
			died: func(t *testing.T, l *Log) { answered(t, l) }},
		{row: "several workers on one pipe", name: "two transactions are open", want: "a. b. c.",
			died: func(t *testing.T, l *Log) { unanswered(t, l); l.Opened(2) }},
		{row: "several workers on one pipe", name: "COMMIT of one of two transactions", want: "a. b. c.",
			died: func(t *testing.T, l *Log) { answered(t, l); l.Closing(1) }},
		{row: "several workers on one pipe", name: "a failure was written", want: "a! b. c.",
			died: func(t *testing.T, l *Log) { unanswered(t, l)[0].Wait(); l.Opened(2) }},
	} {
		rows[c.row] = true
		t.Run(c.row+"/"+c.name, func(t *testing.T) {
			m := newMemory(1024)
			SetBeat(m.header, beat)
			c.died(t, New(m, nil))
			if c.by.Started == 0 {
				c.by.Started = paused
			}
			c.by.Same = !c.another
			records, l := recovered(t, m.snapshot(), c.by)
			if got := strings.Join(fatesOf(records), " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if c.want == "" && !l.Empty() {
				t.Error("the journal is not empty")
			}
		})
	}
	if want := documented(t); !maps.Equal(rows, want) {
		t.Errorf("the rows are %v, those of docs/delivery.md %v", rows, want)
	}
}

// documented returns the first column of the table in docs/delivery.md.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### What the next omzmq knows\n")
	section, _, _ = strings.Cut(section, "\n#")
	rows := map[string]bool{}
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.TrimSpace(cells[1]) != "omzmq died" && cells[1] != "---" {
			rows[strings.TrimSpace(cells[1])] = true
		}
	}
	return rows
}

func fatesOf(records []Record) (fates []string) {
	sign := map[Fate]string{Again: "!", AgainIfCommitFails: "?", Orphan: "."}
	for _, r := range records {
		fate := string(r.Line) + sign[r.Fate]
		if r.Confirmed {
			fate += "+"
		}
		fates = append(fates, fate)
	}
	return fates
}

// The mark of a line that is gone says nothing about a new one, whichever process counts.
func TestMarkOfAnEarlierLine(t *testing.T) {
	m := newMemory(1024)
	l := New(m, nil)
	appended(t, l, 1, "a").Confirm() // outside a transaction
	l.Answering(Confirmed)
	l.Reset(2)
	_, l = recovered(t, m, Successor{Same: true})
	appended(t, l, 2, "b")
	records, _ := recovered(t, m.snapshot(), Successor{Same: true, Started: int64(time.Hour)})
	if got := fatesOf(records); !slices.Equal(got, []string{"b!"}) {
		t.Errorf("%v", got)
	}
}

// A process that takes a journal over may die at once, before rsyslog has sent it anything.
func TestSuccessorDiesAtOnce(t *testing.T) {
	m := newMemory(1024)
	l, refs := written(t, m, "a", "b", "c")
	l.Closing(0)
	refs[0].Confirm()
	for range 3 {
		m = m.snapshot()
		records, _ := recovered(t, m, Successor{Same: true, Started: int64(time.Hour)})
		if got := fatesOf(records); !slices.Equal(got, []string{"a!+", "b!", "c!"}) {
			t.Fatalf("%v", got)
		}
	}
}
