package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// A machine and its clone, which has the same journal and thus the same sender id; and strangers who use an id that is
// not theirs. The test is in rsyslog's place.

// twins are omzmqs with equal journals, in folders of their own: dir/a/journal, dir/b/journal, …
type twins struct {
	dir   string
	flags []string
}

// What both ends log.
const (
	twoSenders = "two machines have this sender id"
	usedUp     = "the sender id has been used by another sender"
	otherOwner = "the sender id belongs to another key"
)

// newTwins also makes the test look like a worker of rsyslogd to omzmq: see startJournalSetup.
func newTwins(t *testing.T, flags ...string) *twins {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	w := &twins{dir: folder(t), flags: append(flags, "--journal", "journal", "--reconnect-max", "500ms")}
	return w
}

// drive starts the omzmq of a twin. All have the same command line: a clone has.
func (w *twins) drive(t *testing.T, name string, flags ...string) *driver {
	t.Helper()
	w.mkdir(t, name)
	cmd := exec.Command(program("omzmq"), append(w.flags[:len(w.flags):len(w.flags)], flags...)...)
	cmd.Dir = filepath.Join(w.dir, name)
	d := driveCommand(t, cmd)
	d.expect(t, ok)
	return d
}

func (w *twins) mkdir(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(w.dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
}

// clone copies the journal of a twin to another.
func (w *twins) clone(t *testing.T, from, to string) {
	t.Helper()
	w.mkdir(t, to)
	copied := exec.Command("cp", "-a", filepath.Join(w.dir, from, "journal"), filepath.Join(w.dir, to))
	if code := start(t, "cp", copied).exit(t); code != 0 {
		t.Fatalf("cp ended with %d", code)
	}
}

// renew gives a twin a sender id of its own.
func (w *twins) renew(t *testing.T, name string) {
	t.Helper()
	said := output(t, "omzmq", "--journal", filepath.Join(w.dir, name, "journal"), "--new-sender-id")
	if !strings.HasPrefix(said, "1 journal in ") {
		t.Errorf("--new-sender-id says %q", said)
	}
}

// refused sends a line in a transaction, whose commit must fail for a reason, which omzmq also logs.
func (d *driver) refused(t *testing.T, reason, line string) {
	t.Helper()
	if r := d.transaction(t, line); !strings.HasPrefix(r.text, "omzmq: a receiver refused a message: "+reason) {
		t.Fatalf("the commit of %q was answered %q", line, r.text)
	}
	d.logged(t, `msg="a receiver refuses messages" .*`+reason)
}

// Both twins are refused while both are there, whatever happens to imzmq meanwhile. When one has left and has an id of
// its own, everything of both arrives, once.
func TestClone(t *testing.T) {
	port := freePort(t)
	w := newTwins(t, "--connect", "tcp://127.0.0.1:"+port)
	open := func() *receiver { return startPrinter(t, "--bind", "tcp://127.0.0.1:"+port) }
	imzmq := open()
	a := w.drive(t, "a")
	a.commits(t, "<13>before")
	imzmq.expect(t, "<13>before")
	w.clone(t, "a", "b")
	b := w.drive(t, "b")
	imzmq.logged(t, twoSenders+`.* --new-sender-id" sender=01`)
	a.refused(t, twoSenders, "<13>of a")
	b.refused(t, twoSenders, "<13>of b")

	imzmq.kill()
	imzmq = open()
	imzmq.logged(t, twoSenders)
	a.refused(t, twoSenders, "<13>of a")
	b.refused(t, twoSenders, "<13>of b")

	wantExit(t, b, 0)
	w.renew(t, "b")
	a.delivers(t, "<13>of a")
	imzmq.expect(t, "<13>of a")
	b = w.drive(t, "b")
	b.commits(t, "<13>of b")
	imzmq.expect(t, "<13>of b")
	a.commits(t, "<13>more of a")
	imzmq.expect(t, "<13>more of a")
	for _, d := range []*driver{a, b} {
		wantExit(t, d, 0)
	}
	imzmq.stop(t)
	wantNothingMore(t, imzmq)
}

// The twin that stays is refused as well if the other one has used its numbers: it would be taken for the other. It
// keeps what it has, and delivers that under an id of its own.
func TestCloneAfterItsTwin(t *testing.T) {
	imzmq := startPrinter(t, "--bind", here)
	w := newTwins(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	a := w.drive(t, "a")
	a.commits(t, "<13>before")
	w.clone(t, "a", "b")
	a.commits(t, "<13>of a", "<13>more of a")
	a.kill()
	b := w.drive(t, "b")
	b.refused(t, usedUp, "<13>of b")
	imzmq.logged(t, `msg="a sender is refused" sender=01.*`+usedUp)
	wantExit(t, b, 0)
	w.renew(t, "b")
	b = w.drive(t, "b")
	b.commits(t, "<13>of b")
	imzmq.expect(t, "<13>before", "<13>of a", "<13>more of a", "<13>of b")
	wantExit(t, b, 0)

	a = w.drive(t, "a") // the successor of the one that was killed goes on under its id
	a.commits(t, "<13>last of a")
	imzmq.expect(t, "<13>last of a")
}

// What was refused for its sender id stays in the journal. Whoever takes that over finds lower numbers used by the twin
// than its own new ones: it is admitted, and must not have the twin's messages acknowledged as its own.
func TestCloneIsTakenOver(t *testing.T) {
	imzmq := startPrinter(t, "--bind", here)
	w := newTwins(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	a := w.drive(t, "a")
	a.commits(t, "<13>before")
	w.clone(t, "a", "b")
	w.clone(t, "a", "c")
	a.commits(t, "<13>of a")
	a.kill()
	b := w.drive(t, "b")
	b.refused(t, usedUp, "<13>of b")
	b.kill()
	b = w.drive(t, "b") // its worker's next one
	b.logged(t, "delivered under a new one")
	b.delivers(t, "<13>of b")
	imzmq.expect(t, "<13>before", "<13>of a", "<13>of b")
	wantExit(t, b, 0)

	c := w.drive(t, "c")
	c.refused(t, usedUp, "<13>of c")
	wantExit(t, c, 0)
	c = w.drive(t, "c", "--hwm", "999") // another worker's: an orphan
	imzmq.expect(t, "<13>of c")
	wantExit(t, c, 0)
	imzmq.stop(t)
	wantNothingMore(t, imzmq)
}

// The twins of two imzmq on one Redis do not see each other. The numbers in Redis do.
func TestCloneThroughRedis(t *testing.T) { redistest.Each(t, testCloneThroughRedis) }

func testCloneThroughRedis(t *testing.T, redisServer string) {
	server := redistest.StartProgram(t, redisServer)
	w := newTwins(t, "--connect", "ipc:///proc/self/cwd/socket") // the same words lead to another imzmq each
	open := func(name string) *process {
		w.mkdir(t, name)
		at := "ipc://" + filepath.Join(w.dir, name, "socket")
		return startImzmq(t, "--bind", at, "--to", "redis://"+server.Addr()+"/0?list=logs")
	}
	first, second := open("a"), open("b")
	a := w.drive(t, "a")
	a.commits(t, "<13>before")
	w.clone(t, "a", "b")
	b := w.drive(t, "b")
	a.commits(t, "<13>of a")
	b.refused(t, usedUp, "<13>of b")
	second.logged(t, `msg="a sender is refused" sender=01.*`+usedUp)

	first.kill()
	second.kill()
	open("a")
	second = open("b")
	a.delivers(t, "<13>more of a")
	b.refused(t, usedUp, "<13>of b")
	second.logged(t, `msg="a sender is refused" sender=01.*`+usedUp)
	wantExit(t, b, 0)
	w.renew(t, "b")
	b = w.drive(t, "b")
	b.commits(t, "<13>of b")
	if got := server.List("logs"); strings.Join(got, ",") != "<13>before,<13>of a,<13>more of a,<13>of b" {
		t.Errorf("stored %q", got)
	}
}

// A stranger with a certificate of its own and another's sender id gets nothing stored, and the owner loses nothing
// when its key is changed: its certificate keeps its name.
func TestTakeoverIsRefused(t *testing.T) {
	c := makeKeyring(t, "server", "web1", "thief")
	c.allow(t, "web1", "thief")
	port := freePort(t)
	open := func() *receiver {
		return startPrinter(t, with(c.serves("server"), "--bind", "tcp://127.0.0.1:"+port, "--format", "json")...)
	}
	imzmq := open()
	w := newTwins(t, "--connect", "tcp://127.0.0.1:"+port, "--curve-server-key", c.path("server"), "--curve-key", "key_secret")
	w.key(t, c, "a", "web1")
	a := w.drive(t, "a")
	a.commits(t, "<13>of a")
	w.clone(t, "a", "b")
	w.key(t, c, "b", "thief")
	b := w.drive(t, "b")
	b.refused(t, otherOwner, "<13>stolen")
	imzmq.logged(t, `msg="a sender is refused" sender=01.* user=thief owner=web1 .*`+otherOwner)
	a.begin(t)
	a.accept(t, "<13>more of a")
	a.signal(t, syscall.SIGKILL)
	<-a.ended

	renewed := makeKeyring(t, "web1")
	c.write(t, "clients/web1.new", renewed.read(t, "web1"))
	w.key(t, renewed, "a", "web1")
	a = w.drive(t, "a")
	a.commits(t, "<13>last of a")
	b.refused(t, otherOwner, "<13>stolen")
	for _, text := range []string{"<13>of a", "<13>more of a", "<13>last of a"} {
		if line := imzmq.next(t); !strings.Contains(line, `"message":"`+text+`"`) || !strings.Contains(line, `"user":"web1"`) {
			t.Errorf("stored %s, want %q of web1", line, text)
		}
	}
}

// key gives a twin a certificate, in a file of one name for all.
func (w *twins) key(t *testing.T, c *keyring, twin, name string) {
	t.Helper()
	w.mkdir(t, twin)
	file := filepath.Join(w.dir, twin, "key_secret")
	if err := os.WriteFile(file, []byte(c.read(t, name+"_secret")), 0o600); err != nil {
		t.Fatal(err)
	}
}
