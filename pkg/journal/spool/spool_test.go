package spool

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// The test program is also what these tests start and kill: with a role in its environment it plays the role and
// runs no test.
const roleVariable = "SPOOL_TEST_ROLE"

var roles = map[string]func(arguments []string) error{
	"owner":   playOwner,
	"adopter": playAdopter,
	"replier": playReplier,
	"filler":  playFiller,
}

func TestMain(m *testing.M) {
	unix.Umask(0o022) // a folder that a group can write to is refused
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, role, err)
		os.Exit(1)
	}
}

// actor is a process that plays a role.
type actor struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
}

// play starts a process in a role; it does not outlive the test.
func play(t *testing.T, role string, arguments ...string) *actor {
	t.Helper()
	cmd := exec.Command(os.Args[0], arguments...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &actor{cmd, stdin, bufio.NewScanner(stdout)}
	t.Cleanup(a.kill)
	return a
}

func (a *actor) kill() {
	a.Process.Kill() //nolint:errcheck // it may have ended
	a.Wait()         //nolint:errcheck // it was killed
}

// next is the next line that the actor prints.
func (a *actor) next(t *testing.T) string {
	t.Helper()
	if !a.stdout.Scan() {
		t.Fatalf("the actor has ended: %v", a.stdout.Err())
	}
	return a.stdout.Text()
}

// words is what was logged.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// about counts the logged lines that mention something.
func (w *words) about(what string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(w.text.String()) {
		if strings.Contains(line, what) {
			n++
		}
	}
	return n
}

func newID() (id [journal.IDSize]byte) {
	rand.Read(id[:])
	id[0] = 1
	return id
}

// open opens a folder of journals, and returns what it logs.
func open(t *testing.T, path string) (*Folder, *words) {
	t.Helper()
	w := new(words)
	f, err := Open(path, newID, slog.New(slog.NewTextHandler(w, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return f, w
}

// own returns the process's own journal, which is released at the end of the test, if the test has not done so.
func own(t *testing.T, f *Folder) *Journal {
	t.Helper()
	j, err := f.Own(false, "COMMIT TRANSACTION")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// keep appends lines with the numbers from first on.
func keep(t *testing.T, j *Journal, first uint64, lines ...string) {
	t.Helper()
	for i, line := range lines {
		kept, ref, err := j.Log.Append(first+uint64(i), []byte(line))
		if err != nil || string(kept) != line || !ref.Journaled() {
			t.Fatalf("line %d: %v, %d bytes kept of %d", i, err, len(kept), len(line))
		}
	}
}

// want compares what a journal holds with lines that have the numbers from first on.
func want(t *testing.T, records []journal.Record, first uint64, lines ...string) {
	t.Helper()
	if len(records) != len(lines) {
		t.Fatalf("%d records, want %d", len(records), len(lines))
	}
	for i, r := range records {
		if r.Seq != first+uint64(i) || string(r.Line) != lines[i] {
			t.Fatalf("record %d is %d %.40q, want %d %.40q", i, r.Seq, r.Line, first+uint64(i), lines[i])
		}
	}
}

// numbered are n lines of a size.
func numbered(n, size int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%0*d", size, i)
	}
	return out
}

// files are the names in a folder with this end.
func files(t *testing.T, path, end string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(path, "*"+end))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// eventually polls, and fails the test after a while.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
