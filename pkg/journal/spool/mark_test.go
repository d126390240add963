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

// playReplier accepts lines and answers them as fast as it can, in batches that it commits, until it is killed.
func playReplier(arguments []string) error {
	f, err := Open(arguments[0], newID, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	j, err := f.Own(false)
	if err != nil {
		return err
	}
	out, err := lines.NewWriter(int(os.Stdout.Fd()), time.Minute)
	if err != nil {
		return err
	}
	replies := j.Log.Replies(out)
	for seq := uint64(1); ; seq++ {
		if _, _, err := j.Log.Append(seq, fmt.Appendf(nil, "line %d", seq)); err != nil {
			return err
		}
		if _, err := io.WriteString(replies, "DEFER_COMMIT\n"); err != nil {
			return err
		}
	}
}

// Whenever a process is killed, its journal knows which replies have left it: those that are in the pipe. Only in the few
// instructions between the mark and the system call is it told of one reply too many, which is the safe side.
func TestMarkAgreesWithThePipe(t *testing.T) {
	const kills = 200
	between := 0
	for range kills {
		path := t.TempDir()
		a := play(t, "replier", path)
		lived := time.NewTimer(time.Duration(1+rand.IntN(8)) * time.Millisecond)
		replies := int(a.replies(t, 1+rand.IntN(400), lived.C))
		f, _ := open(t, path)
		f.owner, f.started = writer(t, path), Now()+int64(time.Hour) // its worker's next, as if rsyslog had paused
		j, err := f.Own(false)
		if err != nil {
			t.Fatal(err)
		}
		n := len(j.Records)
		if replies != n && replies != n-1 {
			t.Fatalf("%d replies and %d records", replies, n)
		}
		for i, r := range j.Records {
			last := i == n-1
			if r.Seq != uint64(i+1) || r.Again && (!last || replies == n) || !r.Again && !r.Batch {
				t.Fatalf("%d replies, record %d of %d: %+v", replies, i+1, n, r)
			}
			if last && replies < n && !r.Again {
				between++
			}
		}
		j.Remove()
	}
	t.Logf("%d of %d died between the mark and the reply", between, kills)
	if between > kills/10 {
		t.Errorf("%d of %d died between the mark and the reply", between, kills)
	}
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

// replies reads at least some replies, kills the actor, and reads the rest. It returns how many there were.
func (a *actor) replies(t *testing.T, least int, lived <-chan time.Time) (n int) {
	t.Helper()
	for range least {
		if a.next(t) != "DEFER_COMMIT" {
			t.Fatalf("it said %q", a.stdout.Text())
		}
		n++
	}
	<-lived
	if err := a.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for a.stdout.Scan() {
		if a.stdout.Text() != "DEFER_COMMIT" {
			t.Fatalf("it said %q", a.stdout.Text())
		}
		n++
	}
	a.Wait() //nolint:errcheck // it was killed
	return n
}
