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
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/lines"
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
	out, err := lines.NewWriter(int(os.Stdout.Fd()))
	if err != nil {
		return err
	}
	replies, err := NewReplies(out, j.Log)
	if err != nil {
		return err
	}
	for seq := uint64(1); ; seq++ {
		if _, _, err := j.Log.Append(seq, fmt.Appendf(nil, "line %d", seq)); err != nil {
			return err
		}
		if _, err := io.WriteString(replies, "DEFER_COMMIT\n"); err != nil {
			return err
		}
	}
}

// Whenever a process is killed, its journal knows exactly which replies have left it: those that are in the pipe.
func TestMarkAgreesWithThePipe(t *testing.T) {
	for range 150 {
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
		for i, r := range j.Records {
			last := i == n-1
			if wrong := r.Again != (last && replies < n); wrong || r.Seq != uint64(i+1) || !r.Again && !r.Batch {
				t.Fatalf("%d replies, record %d of %d: %+v", replies, i+1, n, r)
			}
		}
		if replies != n && replies != n-1 {
			t.Fatalf("%d replies and %d records", replies, n)
		}
		j.Remove()
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

// Every reply reaches a pipe whole, marked or not, and what is no pipe, too.
func TestReplies(t *testing.T) {
	f, _ := open(t, t.TempDir())
	j := own(t, f)
	defer j.Remove()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := lines.NewWriter(int(w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	replies, err := NewReplies(out, j.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer replies.Close()
	said := ""
	say := func(text string) {
		said += text
		if n, err := io.WriteString(replies, text); n != len(text) || err != nil {
			t.Fatalf("%q: %d, %v", text, n, err)
		}
	}
	say("OK\n")
	j.Log.Opened(1)
	say("OK\n")
	for range 3 {
		keep(t, j, 1, "x")
		say("DEFER_COMMIT\n")
	}
	j.Log.Closing(0)
	say(".")
	say("OK\n")
	if position, ok := j.Log.Place("OK\n"); !ok || *j.Log.Mark() != position+3 {
		t.Errorf("the OK at %d left the mark %d", position, *j.Log.Mark())
	}
	j.Log.Closing(0)
	say("omzmq: no\n")
	out.Close()
	w.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != said {
		t.Errorf("%q arrived of %q: %v", got, said, err)
	}
}
