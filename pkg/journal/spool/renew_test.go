package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// A journal gets another sender id, and keeps what is in it under its numbers.
func TestRenew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journals")
	f, _ := open(t, path)
	j := own(t, f)
	before := j.Log.ID()
	keep(t, j, 1, "a", "", "ccc")
	if n, err := f.Renew(); err == nil || n != 0 || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("of a journal that is held: %d, %v", n, err)
	}
	j.Release()
	if n, err := f.Renew(); n != 1 || err != nil {
		t.Fatalf("%d journals, %v", n, err)
	}
	f, _ = open(t, path)
	j = own(t, f)
	want(t, j.Records, 1, "a", "", "ccc")
	if id := j.Log.ID(); id == before || id[0] != 1 || j.Log.Next() != 4 {
		t.Errorf("id %x, before %x, next %d", id, before, j.Log.Next())
	}
	if name := filepath.Join(path, fmt.Sprintf("%x.journal", j.Log.ID())); j.Path() != name {
		t.Errorf("it is at %s, want %s", j.Path(), name)
	}
	j.Remove()
	if n, err := f.Renew(); n != 0 || err != nil {
		t.Errorf("of an empty folder: %d, %v", n, err)
	}
	if err := os.WriteFile(filepath.Join(path, "x.journal"), []byte("no journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Renew(); err == nil {
		t.Error("of what is no journal: no error")
	}
}

// A journal whose sender id was refused gets another one when it is taken over, once: by the next process of its
// worker, and by one that finds it as an orphan.
func TestDisputedJournalsAreRenewed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journals")
	f, _ := open(t, path)
	j := own(t, f)
	keep(t, j, 1, "a", "b")
	first := j.Log.ID()
	j.Dispute()
	if j.Log.ID() != first {
		t.Error("it changes while its writer lives")
	}
	j.Release()
	f, _ = open(t, path)
	j = own(t, f)
	want(t, j.Records, 1, "a", "b")
	second := j.Log.ID()
	if name := filepath.Join(path, fmt.Sprintf("%x.journal", second)); second == first || j.Path() != name || j.Log.Next() != 3 {
		t.Errorf("id %x after %x at %s, next %d", second, first, j.Path(), j.Log.Next())
	}
	j.Release()
	f, _ = open(t, path)
	if j = own(t, f); j.Log.ID() != second {
		t.Error("it is renewed again")
	}
	j.Dispute()
	rebooted(j)
	j.Release()
	f, _ = open(t, path)
	orphans := f.Orphans(1)
	if len(orphans) != 1 || orphans[0].Log.ID() == second {
		t.Fatalf("%d orphans", len(orphans))
	}
	want(t, orphans[0].Records, 1, "a", "b")
	orphans[0].Remove()
	if left := f.list(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// rebooted makes a journal one of an earlier boot.
func rebooted(j *Journal) {
	j.timer.Stop()
	owner := j.owner
	owner.Boot++
	journal.SetOwner(j.storage.Header(), owner)
	journal.SetBeat(j.storage.Header(), Now()+int64(time.Hour))
}

// After the machine has died, or records were lost, no number is given out that may have been given out before: what
// the disk has may be older than the last of them. Otherwise numbers go on without a gap.
func TestNumbersAreSkippedAfterACrash(t *testing.T) {
	for name, test := range map[string]struct {
		harm func(j *Journal)
		gap  bool
	}{
		"killed":                    {func(*Journal) {}, false},
		"another boot":              {rebooted, true},
		"nobody knows which boot":   {func(j *Journal) { journal.SetOwner(j.storage.Header(), journal.Owner{}) }, true},
		"the last record is broken": {func(j *Journal) { j.storage.Extents()[0][2*40] ^= 0xff }, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journals")
			f, _ := open(t, path)
			j := own(t, f)
			keep(t, j, 1, "a", "b")
			test.harm(j)
			j.Release()
			f, _ = open(t, path)
			if j = own(t, f); name != "killed" && len(j.Records) == 0 { // of another boot: an orphan
				j.Remove()
				orphans := f.Orphans(1)
				if len(orphans) != 1 {
					t.Fatal("it is not taken over")
				}
				j = orphans[0]
			}
			if next := j.Log.Next(); next > 1<<32 != test.gap || next < 3 && !test.gap {
				t.Errorf("the next number is %d", next)
			}
			j.Release()
		})
	}
}
