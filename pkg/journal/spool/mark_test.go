package spool

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog/lines"
)

// playReplier accepts lines and answers them, in one transaction without end, until it is killed. As rsyslog does,
// the other side sends the next line when it has read the reply, so that at most one reply is in the pipe.
func playReplier(arguments []string) error {
	f, err := Open(arguments[0], newID, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	j, err := f.Own(false, "COMMIT TRANSACTION")
	if err != nil {
		return err
	}
	out, err := lines.NewWriter(int(os.Stdout.Fd()), time.Minute)
	if err != nil {
		return err
	}
	line := make([]byte, len(turn))
	for seq := uint64(1); ; seq++ {
		if _, err := io.ReadFull(os.Stdin, line); err != nil {
			return err
		}
		if _, _, err := j.Log.Append(seq, fmt.Appendf(nil, "line %d", seq)); err != nil {
			return err
		}
		j.Log.Answering(journal.Deferred)
		if _, err := io.WriteString(out, "DEFER_COMMIT\n"); err != nil {
			return err
		}
	}
}

// turn lets the replier accept one line.
const turn = "."

// Whenever a process is killed, its journal knows which replies have left it: those that the other side has read.
// Only in the few instructions between the mark and the system call does it know of one reply too many: that line
// is stored twice, not lost.
func TestMarkAgreesWithThePipe(t *testing.T) {
	const kills = 200
	between := 0
	for range kills {
		path := t.TempDir()
		a := play(t, "replier", path)
		replies := a.replies(t, 1+rand.IntN(100), time.Duration(rand.IntN(300))*time.Microsecond)
		f, _ := open(t, path)
		f.owner, f.started = writer(t, path), Now()+int64(time.Hour) // its worker's next, as if rsyslog had paused
		j, err := f.Own(false, "COMMIT TRANSACTION")
		if err != nil {
			t.Fatal(err)
		}
		n := len(j.Records)
		if replies != n && replies != n-1 {
			t.Fatalf("%d replies and %d records", replies, n)
		}
		for i, r := range j.Records {
			want := journal.AgainIfCommitFails // it was answered
			if i == replies && r.Fate == journal.Again {
				want = journal.Again
			}
			if r.Seq != uint64(i+1) || r.Fate != want {
				t.Fatalf("%d replies, record %d of %d: %+v", replies, i+1, n, r)
			}
			if i == replies && r.Fate != journal.Again {
				between++
			}
		}
		j.Remove()
	}
	t.Logf("%d of %d died between the mark and the reply", between, kills)
}

// writer is the owner of the only journal in a folder.
func writer(t *testing.T, path string) journal.Owner {
	t.Helper()
	found := files(t, path, suffix)
	if len(found) != 1 {
		t.Fatalf("%d journals", len(found))
	}
	_, owner, err := journal.ReadHeader(readFile(found[0]))
	if err != nil {
		t.Fatal(err)
	}
	return owner
}

// replies takes turns with the actor, and kills it a moment after one of them. It returns how many replies there were.
func (a *actor) replies(t *testing.T, turns int, moment time.Duration) (n int) {
	t.Helper()
	for range turns {
		if _, err := io.WriteString(a.stdin, turn); err != nil {
			t.Fatal(err)
		}
		if a.next(t) != "DEFER_COMMIT" {
			t.Fatalf("it said %q", a.stdout.Text())
		}
		n++
	}
	if _, err := io.WriteString(a.stdin, turn); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(moment); time.Now().Before(end); { // a timer is too coarse
	}
	a.Process.Kill() //nolint:errcheck // it has not ended
	for a.stdout.Scan() {
		if a.stdout.Text() != "DEFER_COMMIT" {
			t.Fatalf("it said %q", a.stdout.Text())
		}
		n++
	}
	a.Wait() //nolint:errcheck // it was killed
	return n
}
