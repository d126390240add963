package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

func size(t *testing.T, j *Journal) int64 {
	t.Helper()
	info, err := os.Stat(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A journal grows with what is in it, gives most of the room back when it is empty, and can be recovered at any size.
func TestGrowth(t *testing.T) {
	path := t.TempDir()
	f, _ := open(t, path)
	j := own(t, f)
	lines := append(numbered(40, 100_000), strings.Repeat("x", 3<<20), "", "last")
	keep(t, j, 1, lines...)
	if size(t, j) < recordsAt+7<<20 {
		t.Errorf("it has %d bytes", size(t, j))
	}
	j.Release()
	f, _ = open(t, path)
	j = own(t, f)
	want(t, j.Records, 1, lines...)
	keep(t, j, 44, numbered(30, 100_000)...) // after what was there
	j.Log.Reset(74)
	if got := size(t, j); got != recordsAt+modestSize {
		t.Errorf("an empty journal has %d bytes", got)
	}
	keep(t, j, 74, numbered(60, 100_000)...)
	j.Release()
	f, _ = open(t, path)
	j = own(t, f)
	want(t, j.Records, 74, numbered(60, 100_000)...)
	j.Remove()
}

// A file that was cut off is extended to a whole page again, so that the journal can go on in it.
func TestCutOff(t *testing.T) {
	path := t.TempDir()
	f, _ := open(t, path)
	j := own(t, f)
	keep(t, j, 1, "first")
	file := j.Path()
	j.Release()
	if err := os.Truncate(file, recordsAt+1001); err != nil {
		t.Fatal(err)
	}
	f, _ = open(t, path)
	j = own(t, f)
	want(t, j.Records, 1, "first")
	keep(t, j, 2, numbered(40, 100_000)...)
	j.Release()
	f, _ = open(t, path)
	j = own(t, f)
	want(t, j.Records, 1, append([]string{"first"}, numbered(40, 100_000)...)...)
	j.Remove()
}

// What is not a journal is left as it is, and logged once.
func TestStrangeFiles(t *testing.T) {
	path := t.TempDir()
	page := make([]byte, journal.HeaderSize)
	journal.WriteHeader(page, newID(), journal.Owner{})
	page[8]++ // the version
	for name, text := range map[string]string{"a": "", "b": "not a journal", "c": strings.Repeat("x", 8192), "d": string(page)} {
		if err := os.WriteFile(filepath.Join(path, name+suffix), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, said := open(t, path)
	for range 3 {
		own(t, f).Remove()
		if n := len(f.Orphans(9)); n > 0 {
			t.Errorf("%d of them were taken over", n)
		}
	}
	if left := files(t, path, suffix); len(left) != 4 {
		t.Errorf("left: %q", left)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		if n := said.about(filepath.Join(path, name+suffix)); n != 1 {
			t.Errorf("%s was told of %d times", name, n)
		}
	}
	if said.about("another version") != 1 {
		t.Error("the version was not told of")
	}
}

// Of a file of any size, as much is mapped as a journal can have, or none.
func TestFileOfAnySize(t *testing.T) {
	for size, usable := range map[int64]bool{
		0: false, 1: false, journal.HeaderSize - 1: false, journal.HeaderSize: false, recordsAt - 1: false,
		recordsAt: true, recordsAt + 1: true, recordsAt + granule - 1: true, recordsAt + extentSize: true, recordsAt + extentSize + 7: true,
		recordsAt + maxSize: true, recordsAt + maxSize + 1: false, 1 << 32: false, recordsAt + 1<<32: false, 1<<32 + recordsAt + granule: false, 1 << 40: false,
	} {
		path := t.TempDir()
		file := filepath.Join(path, "a"+suffix)
		page := make([]byte, journal.HeaderSize)
		journal.WriteHeader(page, newID(), journal.Owner{})
		if err := errors.Join(os.WriteFile(file, page, 0o600), os.Truncate(file, size)); err != nil {
			t.Fatal(err)
		}
		f, said := open(t, path)
		j, err := f.Own(true, "COMMIT TRANSACTION")
		if err != nil {
			t.Fatal(err)
		}
		if got := j.Path() == file; got != usable || (said.about(file) > 0) == usable {
			t.Errorf("size %d: usable %v, want %v; said: %s", size, got, usable, said.text.String())
		}
		keep(t, j, 1, "a line")
		j.Remove()
	}
}

// A damaged record ends a journal. What is before it is safe, and the damage is logged.
func TestDamage(t *testing.T) {
	path := t.TempDir()
	f, _ := open(t, path)
	j := own(t, f)
	keep(t, j, 1, "first", "second", "third")
	file := j.Path()
	j.Release()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text[strings.Index(string(text), "second")] ^= 1
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, said := open(t, path)
	j = own(t, f)
	want(t, j.Records, 1, "first")
	if said.about("cut off") != 1 {
		t.Error("nothing was logged")
	}
	keep(t, j, 4, "after")
	j.Release()
	f, _ = open(t, path)
	j = own(t, f)
	if len(j.Records) != 2 || j.Records[1].Seq != 4 {
		t.Errorf("%d records afterwards", len(j.Records))
	}
	j.Remove()
}

// playAdopter takes over what it can until nothing is left, and prints what that was.
func playAdopter(arguments []string) error {
	f, err := Open(arguments[0], newID, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	for {
		found := f.Orphans(2)
		for _, j := range found {
			fmt.Println(j.Path())
			j.Remove()
		}
		if left, err := filepath.Glob(arguments[0] + "/*" + suffix); err != nil || len(left) == 0 {
			fmt.Println("done")
			return err
		}
	}
}

// Many processes at once take over each orphan journal exactly once.
func TestAdoptedOnce(t *testing.T) {
	path := t.TempDir()
	paths := orphans(t, path, 40)
	var actors []*actor
	for range 4 {
		a := play(t, "adopter", path)
		a.next(t)
		actors = append(actors, a)
	}
	for _, a := range actors {
		if _, err := a.stdin.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range actors {
		for said := a.next(t); said != "done"; said = a.next(t) {
			if !paths[said] {
				t.Errorf("%s was taken over again", said)
			}
			delete(paths, said)
		}
	}
	if len(paths) > 0 {
		t.Errorf("no process took %v over", paths)
	}
}

// playFiller has a small disk of its own, which is full when it starts.
func playFiller(arguments []string) error {
	dir := arguments[0]
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=2m"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	full := filepath.Join(dir, "full")
	if err := os.WriteFile(full, make([]byte, 2<<20), 0o600); err != nil && !errors.Is(err, unix.ENOSPC) {
		return err
	}
	for _, path := range []string{dir, filepath.Join(dir, "new")} {
		if err := Room(path); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "needs 1088 KiB and an inode") ||
			!strings.Contains(err.Error(), "free KiB: 0, free inodes: ") {
			return fmt.Errorf("room on a full disk: %w", err)
		}
	}
	f, err := Open(dir, newID, slog.New(slog.NewTextHandler(os.Stdout, nil)))
	if err != nil {
		return err
	}
	j, err := f.Own(false, "COMMIT TRANSACTION")
	if err != nil {
		return err
	}
	id := j.Log.ID()
	if _, ref, err := j.Log.Append(1, []byte("x")); !errors.Is(err, unix.ENOSPC) || ref.Journaled() || j.Path() != "" {
		return fmt.Errorf("a line on a full disk: %w", err)
	}
	if err := os.Remove(full); err != nil {
		return err
	}
	if err := Room(dir); err != nil {
		return fmt.Errorf("room: %w", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		return fmt.Errorf("left behind: %v, %w", left, err)
	}
	tick := time.NewTicker(lookAgain / 4)
	defer tick.Stop()
	for n := 0; err != nil || n == 0; n++ {
		if _, _, err = j.Log.Append(2, []byte("y")); err != nil && n > 40 {
			return fmt.Errorf("there is room: %w", err)
		}
		<-tick.C
	}
	if _, _, err := j.Log.Append(3, make([]byte, 2<<20)); !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("a line larger than the disk: %w", err)
	}
	if _, _, err := j.Log.Append(4, []byte("z")); err != nil {
		return err
	}
	j.Release()
	if j, err = f.Own(false, "COMMIT TRANSACTION"); err != nil {
		return err
	}
	few := filepath.Join(dir, "few")
	if err := errors.Join(os.Mkdir(few, 0o700), unix.Mount("none", few, "tmpfs", 0, "size=8m,nr_inodes=1")); err != nil {
		return err
	}
	if err := Room(few); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "free KiB: 8192, free inodes: 0") {
		return fmt.Errorf("room without inodes: %w", err)
	}
	fmt.Println("found", j.Log.ID() == id, len(j.Records), j.Records[0].Seq, j.Records[1].Seq, j.Log.Next())
	return nil
}

// A full disk costs no more than the journal, which is used again when there is room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), roleVariable+"=filler")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a mount namespace of its own (which root, or a kernel with user namespaces, allows): %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "found true 2 2 4 "+strconv.Itoa(5)) {
		t.Errorf("%s", out)
	}
}
