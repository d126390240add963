package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

func TestJournalIsTakenUpAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journals")
	f, _ := open(t, path)
	j := own(t, f)
	id := j.Log.ID()
	if len(j.Records) > 0 || !j.Log.Empty() || j.Log.Next() != 1 || id[0] != 1 {
		t.Fatalf("a new journal: %d records, next %d, id %x", len(j.Records), j.Log.Next(), id)
	}
	if want := filepath.Join(path, fmt.Sprintf("%x.journal", id)); j.Path() != want {
		t.Errorf("it is at %s, want %s", j.Path(), want)
	}
	keep(t, j, 1, "a", "", "ccc")
	j.Release()

	f, _ = open(t, path)
	j = own(t, f)
	want(t, j.Records, 1, "a", "", "ccc")
	if j.Log.ID() != id || j.Log.Empty() {
		t.Errorf("id %x, want %x; empty %v", j.Log.ID(), id, j.Log.Empty())
	}
	j.Log.Reset(4)
	j.Release()

	f, _ = open(t, path)
	j = own(t, f)
	if len(j.Records) > 0 || j.Log.Next() != 4 || j.Log.ID() != id {
		t.Errorf("%d records, next %d, id %x, want 0, 4, %x", len(j.Records), j.Log.Next(), j.Log.ID(), id)
	}
	keep(t, j, 4, "d")
	j.Release()
	j = own(t, f)
	want(t, j.Records, 4, "d")
	j.Remove()
	if left := files(t, path, ""); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestNobodyElseMayLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journals")
	f, _ := open(t, path)
	j := own(t, f)
	defer j.Release()
	for name, want := range map[string]fs.FileMode{path: 0o700 | fs.ModeDir, j.Path(): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	for _, name := range files(t, path, "") {
		if !strings.HasSuffix(name, suffix) {
			t.Errorf("left behind: %s", name)
		}
	}
}

// The error says what is wrong with the folder, and names it.
func TestUnusableFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "no", "parent"), file, filepath.Join(file, "below"), "/proc", ""} {
		if _, err := Open(path, newID, nil); err == nil || !strings.Contains(err.Error(), "--journal "+path+": ") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// A user who may write to the folder could cut off a journal that is in use, or put one there.
func TestFolderOpenToOthers(t *testing.T) {
	path := t.TempDir()
	for mode, usable := range map[os.FileMode]bool{0o770: false, 0o707: false, 0o755: true, 0o777 | fs.ModeSticky: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, newID, nil)
		if usable != (err == nil) || err != nil && !strings.Contains(err.Error(), "chmod go-w") {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

// The owner of a folder may change what is in it, whatever the journals' own modes.
func TestFolderOfAnotherUser(t *testing.T) {
	path, us, other := t.TempDir(), os.Geteuid(), os.Geteuid()+1
	if us == 0 { // a folder of root's is safe for everybody
		if err := os.Chown(path, other, -1); err != nil {
			t.Fatal(err)
		}
		us, other = other, us
	}
	if err := safe(path, us); err != nil {
		t.Errorf("our own: %v", err)
	}
	if err := safe("/", us); err != nil {
		t.Errorf("root's: %v", err)
	}
	if err := safe(path, other); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("chown it to the user that omzmq runs as (uid %d)", other)) {
		t.Errorf("another user's: %v", err)
	}
}

// A link is resolved once: what was checked is what is used.
func TestLinkToFolder(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	f, _ := open(t, link)
	if err := errors.Join(os.Remove(link), os.Symlink(t.TempDir(), link)); err != nil {
		t.Fatal(err)
	}
	j := own(t, f)
	defer j.Remove()
	if filepath.Dir(j.Path()) != dir {
		t.Errorf("the journal is at %s, want %s", j.Path(), dir)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(link), os.Symlink(dir, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, newID, nil); err == nil || !strings.Contains(err.Error(), "--journal "+link+": users other") {
		t.Errorf("a link to a folder that is open to others: %v", err)
	}
}

// Links, and what is not a file, are not followed or waited for.
func TestLinksAreNotFollowed(t *testing.T) {
	path, elsewhere := t.TempDir(), t.TempDir()
	f, _ := open(t, elsewhere)
	leave(t, f, journal.Owner{}, time.Hour)
	left := files(t, elsewhere, suffix)[0]
	if err := os.Symlink(left, filepath.Join(path, "link"+suffix)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(path, "fifo"+suffix), 0o600); err != nil {
		t.Fatal(err)
	}
	f, said := open(t, path)
	if n := len(f.Orphans(9)); n > 0 || said.about("link"+suffix) != 1 || said.about("fifo"+suffix) != 1 {
		t.Errorf("%d adopted; said: %s", n, said.text.String())
	}
}

// Two processes at once have a journal each, which the lock protects.
func TestLiveJournalsAreLeftAlone(t *testing.T) {
	path := t.TempDir()
	first, _ := open(t, path)
	second, _ := open(t, path)
	one, two := own(t, first), own(t, second)
	keep(t, one, 1, "one")
	keep(t, two, 1, "two")
	for _, f := range []*Folder{first, second} {
		if found := f.Orphans(9); len(found) > 0 || one.Path() == two.Path() {
			t.Fatalf("%d live journals were adopted", len(found))
		}
	}
	one.Release()
	found := second.Orphans(9)
	if len(found) != 1 || found[0].Log.ID() != one.Log.ID() {
		t.Fatalf("%d adopted, want the one that was given up", len(found))
	}
	want(t, found[0].Records, 1, "one")
	if found[0].Records[0].Fate == journal.Again {
		t.Error("an orphan's line should come again")
	}
	if again := first.Orphans(9); len(again) > 0 {
		t.Errorf("%d adopted twice", len(again))
	}
	third := own(t, first)
	if third.Path() == two.Path() || len(third.Records) > 0 {
		t.Errorf("somebody's journal was taken: %d records", len(third.Records))
	}
}

// A dead process's empty journal is removed when orphan journals are looked for. No more are taken over than asked for.
func TestOrphans(t *testing.T) {
	path := t.TempDir()
	f, _ := open(t, path)
	ids := orphans(t, path, 5)
	empty := own(t, f)
	journal.SetOwner(empty.storage.Header(), journal.Owner{})
	empty.Release()
	var found []*Journal
	for _, most := range []int{0, 2, 0, 9} {
		before := len(found)
		found = append(found, f.Orphans(most)...)
		if got := len(found) - before; got > most {
			t.Errorf("%d adopted, want at most %d", got, most)
		}
	}
	for _, j := range found {
		want(t, j.Records, 1, "owed")
		delete(ids, j.Path())
		j.Remove()
	}
	if len(found) != 5 || len(ids) > 0 {
		t.Errorf("%d adopted, left %v", len(found), ids)
	}
	if left := files(t, path, ""); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// The folder is not listed anew for each few journals that are taken over.
func TestOrphansGoesOnWhereItWas(t *testing.T) {
	path := t.TempDir()
	f, _ := open(t, path)
	orphans(t, path, 5)
	first := f.Orphans(2)
	late := journal.Owner{}
	f.newID = func() (id [journal.IDSize]byte) { return id } // its name comes first
	leave(t, f, late, time.Hour)
	rest := f.Orphans(3)
	if len(first) != 2 || len(rest) != 3 {
		t.Fatalf("%d and %d adopted, want 2 and 3", len(first), len(rest))
	}
	for _, j := range append(first, rest...) {
		if j.Log.ID() == [journal.IDSize]byte{} {
			t.Error("the folder was listed again")
		}
	}
	if last := f.Orphans(9); len(last) != 1 || last[0].Log.ID() != [journal.IDSize]byte{} {
		t.Errorf("%d adopted, want the one that came late", len(last))
	}
}

// orphans leaves n journals of dead processes with one line each.
func orphans(t *testing.T, path string, n int) map[string]bool {
	t.Helper()
	f, _ := open(t, path)
	paths := make(map[string]bool)
	for range n {
		j, err := f.create()
		if err != nil {
			t.Fatal(err)
		}
		journal.SetOwner(j.storage.Header(), journal.Owner{})
		keep(t, j, 1, "owed")
		paths[j.Path()] = true
		j.Release()
	}
	return paths
}

// Of several journals that a worker has left, its next process goes on with the one that was written last. The
// others are orphans.
func TestOwnTakesTheNewest(t *testing.T) {
	path := t.TempDir()
	f, _ := open(t, path)
	for _, age := range []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute} {
		j, err := f.create()
		if err != nil {
			t.Fatal(err)
		}
		keep(t, j, 1, age.String())
		j.timer.Stop()
		journal.SetBeat(j.storage.Header(), Now()-int64(age))
		j.Release()
	}
	j := own(t, f)
	want(t, j.Records, 1, time.Minute.String())
	rest := f.Orphans(9)
	slices.SortFunc(rest, func(a, b *Journal) int { return strings.Compare(string(a.Records[0].Line), string(b.Records[0].Line)) })
	if len(rest) != 2 {
		t.Fatalf("%d orphans, want 2", len(rest))
	}
	want(t, rest[0].Records, 1, (2 * time.Minute).String())
	want(t, rest[1].Records, 1, (3 * time.Minute).String())
}
