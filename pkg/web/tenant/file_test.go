package tenant

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
)

// opened is a File and what it has logged.
type opened struct {
	*File
	t    *testing.T
	path string

	mu  sync.Mutex
	log bytes.Buffer
}

func (o *opened) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(p)
}

// logged returns what was logged since the last call.
func (o *opened) logged() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.log.Reset()
	return o.log.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, text string, share *budget.Share) *opened {
	t.Helper()
	o := &opened{t: t, path: filepath.Join(t.TempDir(), "tokens")}
	write(t, o.path, text)
	var err error
	o.File, err = Open(Config{Path: o.path, Budget: share,
		Logger: slog.New(slog.NewTextHandler(o, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// reload looks at the file as often as it takes to read it.
func (o *opened) reload() {
	o.look()
	o.look()
}

// has checks whose tokens are in use: those with these numbers.
func (o *opened) has(numbers ...int) {
	o.t.Helper()
	for _, n := range numbers {
		if o.List().Find(token(n)) == nil {
			o.t.Errorf("token %d is not in use", n)
		}
	}
	if got := o.List().Len(); got != len(numbers) {
		o.t.Errorf("%d tokens are in use, want %v", got, numbers)
	}
}

// line returns a line for a token.
func line(n int) string { return fmt.Sprintf("tenant-%d %s topic-%d/\n", n, token(n), n) }

// A change in place is read at the second look that finds it; one by another file at the first.
func TestChanges(t *testing.T) {
	o := open(t, line(1), nil)
	o.has(1)
	write(t, o.path, "") // it is being written
	o.look()
	o.has(1)
	write(t, o.path, line(1)+line(2))
	o.look()
	o.has(1)
	o.look()
	o.has(1, 2)

	next := o.path + ".new"
	write(t, next, line(3))
	if err := os.Rename(next, o.path); err != nil {
		t.Fatal(err)
	}
	o.look()
	o.has(3)

	if err := os.Chtimes(o.path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	write(t, o.path, strings.ToUpper(line(4))) // of the same size
	o.look()
	o.look()
	if o.List().Find(strings.ToUpper(token(4))) == nil {
		t.Error("a change that leaves the size is not seen")
	}
	write(t, o.path, line(5))
	o.reload() // at once
	o.has(5)
	if log := o.logged(); strings.Count(log, "msg=\"tokens read\"") != 5 || strings.Contains(log, "0123456789") || !strings.Contains(log, "tokens=1 removed=1 changed=0") {
		t.Errorf("logged: %s", log)
	}
}

// A symbolic link that leads to another file is a change.
func TestSymbolicLink(t *testing.T) {
	o := open(t, line(1), nil)
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	write(t, filepath.Join(dir, "two"), line(2))
	if err := os.Symlink(o.path, link); err != nil {
		t.Fatal(err)
	}
	linked, err := Open(Config{Path: link, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("two", link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	linked.look()
	if linked.List().Find(token(2)) == nil || linked.List().Find(token(1)) != nil {
		t.Error("the old file is still in use")
	}
}

// looks looks several times at a file that cannot be used, which is logged once, with want.
func (o *opened) looks(want string) {
	o.t.Helper()
	for range 5 {
		o.look()
	}
	o.has(1)
	log := o.logged()
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=ERROR") || !strings.Contains(log, want) || strings.Contains(log, "0123456789") {
		o.t.Errorf("logged %q, want one line with %q", log, want)
	}
}

// A file that cannot be used changes nothing. It is logged once, with its line, until it is usable.
func TestBrokenFile(t *testing.T) {
	o := open(t, line(1), nil)
	who := o.List().Find(token(1))
	o.logged()
	write(t, o.path, line(1)+line(2)+"umbrella "+token(3)+"\n")
	o.looks("line 3: write NAME TOKEN PREFIX")
	o.reload()
	if log := o.logged(); log != "" {
		t.Errorf("the same again: %s", log)
	}
	write(t, o.path, line(1)+"x\n")
	o.looks("line 2: write NAME")
	if err := os.Remove(o.path); err != nil {
		t.Fatal(err)
	}
	o.looks("no such file or directory")
	if err := os.Mkdir(o.path, 0o700); err != nil {
		t.Fatal(err)
	}
	o.looks("it is not a regular file")
	if err := os.Remove(o.path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(o.path, 0o600); err != nil {
		t.Fatal(err)
	}
	o.reload()
	if log := o.logged(); log != "" {
		t.Errorf("a FIFO is the same: %s", log)
	}
	select {
	case <-who.Ended():
		t.Error("what has not changed has ended")
	default:
	}
}

// A change of the mode alone is a change, too. What is wrong is logged again once it was right in between.
func TestBrokenMode(t *testing.T) {
	o := open(t, line(1), nil)
	who := o.List().Find(token(1))
	o.logged()
	for range 2 {
		if err := os.Chmod(o.path, 0o602); err != nil {
			t.Fatal(err)
		}
		o.looks("every user of this host may read it or write to it (mode 0602): chmod o-rw " + o.path)
		if err := os.Chmod(o.path, 0o600); err != nil {
			t.Fatal(err)
		}
		o.look()
		o.look()
		o.logged()
	}
	select {
	case <-who.Ended():
		t.Error("what has not changed has ended")
	default:
	}
}

// A file that is unusable from the beginning is an error, which has its path.
func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tokens")
	for _, test := range []struct {
		text string
		mode os.FileMode
		want string
	}{
		{"x", 0o600, "line 1: write NAME"}, {line(1), 0o602, "(mode 0602): chmod o-rw " + path}, {line(1), 0o644, "(mode 0644): chmod o-rw " + path},
		{"x " + digestOf(secret) + " *", 0o604, "chmod o-rw"}, {strings.Repeat("#", MaxFile+1), 0o600, "longer than 4 MiB"},
	} {
		write(t, path, test.text)
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(Config{Path: path, Logger: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "--http-tokens "+path+": ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
		os.Remove(path)
	}
	for _, path := range []string{path, dir, "/dev/null", "/dev/zero"} {
		if _, err := Open(Config{Path: path, Logger: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%s is a file of tokens", path)
		}
	}
}

// The group may read the file: root's, for a user that is not root. A file without a token is logged as unwise.
func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{line(1): "", "# none\n": "there is no token in the file"} {
		o := open(t, line(9), nil)
		o.logged()
		write(t, o.path, text)
		if err := os.Chmod(o.path, 0o660); err != nil {
			t.Fatal(err)
		}
		o.reload()
		log := o.logged()
		if strings.Contains(log, "level=WARN") != (want != "") || !strings.Contains(log, want) || strings.Contains(log, "level=ERROR") {
			t.Errorf("%q: logged %s, want %q", text, log, want)
		}
	}
}

// A list takes its memory out of the budget, and gives it back. One that takes too much is refused.
func TestListTakesMemory(t *testing.T) {
	b := budget.New(budget.Least, 0)
	o := open(t, textOf(many(t, 4000)), &b.Out)
	large := o.List().cost
	if b.Out.Used() != large || large < 1<<20 {
		t.Errorf("a list of %d bytes takes %d", large, b.Out.Used())
	}
	write(t, o.path, line(1))
	o.reload()
	if o.has(1); b.Out.Used() != o.List().cost {
		t.Errorf("a list of %d bytes takes %d", o.List().cost, b.Out.Used())
	}
	write(t, o.path, textOf(many(t, 10_000)))
	o.reload()
	o.has(1)
	if log := o.logged(); !strings.Contains(log, "KiB of memory: raise --max-memory") || b.Out.Used() != o.List().cost {
		t.Errorf("%d bytes are taken, logged: %s", b.Out.Used(), log)
	}
	b = budget.New(budget.Default, 0)
	o = open(t, textOf(many(t, 10_000)), &b.Out)
	if o.List().Len() != 10_000 || b.Out.Used() > b.Out.Limit()/costShare {
		t.Errorf("10,000 tokens take %d bytes of %d", b.Out.Used(), b.Out.Limit())
	}
}
