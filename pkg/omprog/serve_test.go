package omprog

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog/lines"
)

const patience = 20 * time.Second

// slowAccount confirms when the test says so.
type slowAccount struct {
	mu sync.Mutex
	fakeLedger
	changed chan struct{}
}

func (a *slowAccount) Ready() error { a.mu.Lock(); defer a.mu.Unlock(); return a.ready }
func (a *slowAccount) Outcome() (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.settled, a.err
}
func (a *slowAccount) Poll()                    {}
func (a *slowAccount) Changed() <-chan struct{} { return a.changed }

func (a *slowAccount) set(ready error, settled bool, err error) {
	a.mu.Lock()
	a.ready, a.settled, a.err = ready, settled, err
	a.mu.Unlock()
	a.changed <- struct{}{}
}

// talk is a conversation over real pipes, with the test as rsyslog.
type talk struct {
	in      *os.File // what rsyslog writes to
	out     *bufio.Reader
	replies *os.File
	account *slowAccount
	stop    context.CancelFunc // SIGTERM, or what Ended does
	giveUp  context.CancelFunc // the end of --linger
	stopped context.Context
	log     bytes.Buffer // complete once the server has ended
	ended   chan error
}

func startTalk(t *testing.T) *talk {
	t.Helper()
	stdin, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader, err := lines.NewReader(int(stdin.Fd()), 1000)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := lines.NewWriter(int(stdout.Fd()), patience)
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{in: in, out: bufio.NewReader(out), replies: out, account: &slowAccount{changed: make(chan struct{}, 10)}, ended: make(chan error, 1)}
	k.account.settled = true
	k.stopped, k.stop = context.WithCancel(t.Context())
	draining, giveUp := context.WithCancel(t.Context())
	k.giveUp = giveUp
	server := &Server{
		In: reader, Out: writer, Account: k.account, Ended: k.stop, Logger: slog.New(slog.NewTextHandler(&k.log, nil)),
		Machine: NewMachine(Config{BeginMark: DefaultBeginMark, CommitMark: DefaultCommitMark, SendTimeout: time.Hour, MaxLine: 1000, Truncated: func(int) {}}, k.account),
	}
	go func() {
		k.ended <- server.Run(k.stopped, draining)
		reader.Close()
		writer.Close()
		stdin.Close()
		stdout.Close()
	}()
	t.Cleanup(func() { in.Close(); out.Close() })
	k.expect(t, "OK")
	return k
}

func (k *talk) write(t *testing.T, text string) {
	t.Helper()
	if _, err := k.in.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func (k *talk) expect(t *testing.T, want string) {
	t.Helper()
	k.replies.SetReadDeadline(time.Now().Add(patience))
	if got, err := k.out.ReadString('\n'); err != nil || got != want+"\n" {
		t.Fatalf("reply %q, %v; want %q", got, err, want)
	}
}

func (k *talk) expectEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-k.ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("did not end")
	}
}

func TestServeEndsWithEOF(t *testing.T) {
	k := startTalk(t)
	k.write(t, "BEGIN TRANSACTION\none\nunfinished")
	k.expect(t, "OK")
	k.expect(t, "DEFER_COMMIT")
	k.in.Close()
	k.expectEnd(t)
	if want := []journal.Pipes{journal.PipesOpen, journal.PipesClosed}; !slices.Equal(k.account.pipes, want) {
		t.Errorf("the pipes: %v, want %v", k.account.pipes, want)
	}
}

// rsyslog writes a line only after the reply to the last one, unless a message has a line feed in it.
func TestServeNoticesALineFeedInAMessage(t *testing.T) {
	for name, c := range map[string]struct {
		writes []string
		want   int
	}{
		"one line":         {[]string{"one\n", "two\n"}, 0},
		"two lines, twice": {[]string{"one\ntwo\n", "", "three\nfour\n", ""}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			k := startTalk(t)
			for _, text := range c.writes {
				k.write(t, text)
				k.expect(t, "OK")
			}
			k.in.Close()
			k.expectEnd(t)
			if n := strings.Count(k.log.String(), "has a line feed in it"); n != c.want {
				t.Errorf("logged %d times, want %d", n, c.want)
			}
		})
	}
}

func TestServeStopsAfterWhatIsThere(t *testing.T) {
	k := startTalk(t)
	k.write(t, "one\n")
	k.expect(t, "OK")
	k.stop()
	k.expectEnd(t)
	if want := []journal.Pipes{journal.PipesOpen}; !slices.Equal(k.account.pipes, want) {
		t.Errorf("the pipes: %v, want %v", k.account.pipes, want)
	}
}

// rsyslog closes the pipe while a commit waits: from then on there is no more time than --linger.
func TestServeNoticesTheEndWhileACommitWaits(t *testing.T) {
	k := startTalk(t)
	k.account.set(nil, false, errors.New("1 message not confirmed"))
	k.write(t, "BEGIN TRANSACTION\none\nCOMMIT TRANSACTION\n")
	k.expect(t, "OK")
	k.expect(t, "DEFER_COMMIT")
	k.in.Close()
	select {
	case <-k.stopped.Done():
	case <-time.After(patience):
		t.Fatal("the end was not noticed")
	}
	k.account.set(nil, true, nil)
	k.expect(t, "OK")
	k.expectEnd(t)
}

func TestServeGivesACommitUpAfterLinger(t *testing.T) {
	k := startTalk(t)
	k.account.set(nil, false, errors.New("1 message not confirmed"))
	k.write(t, "one\n")
	k.stop()
	k.giveUp()
	k.expect(t, "omzmq: told to stop: 1 message not confirmed")
	k.expectEnd(t)
}

func TestServeGivesABeginUpAtOnce(t *testing.T) {
	k := startTalk(t)
	k.account.set(errors.New("no peer is connected"), true, nil)
	k.write(t, "BEGIN TRANSACTION\n")
	k.in.Close()
	k.expect(t, "omzmq: told to stop: no peer is connected")
	k.expectEnd(t)
}

// rsyslog does not read the reply any more: an end like any other.
func TestServeEndsWithABrokenPipe(t *testing.T) {
	k := startTalk(t)
	k.account.set(nil, false, errors.New("1 message not confirmed"))
	k.write(t, "one\n")
	k.replies.Close()
	k.in.Close()
	k.account.set(nil, true, nil)
	k.expectEnd(t)
}

// journalist is a pipe to rsyslog that looks at what the journal knows when a reply is written.
type journalist struct {
	ledger *fakeLedger
	known  []int // replies that the journal had heard of, at each write
	fail   bool
}

func (j *journalist) Write(p []byte) (int, error) {
	j.known = append(j.known, len(j.ledger.answering))
	if j.fail {
		return 0, unix.EPIPE
	}
	return len(p), nil
}

// The journal hears of a reply before the reply is written. Stored afterwards, its mark would be missing for as
// long as the system call takes, and a line would be lost.
func TestJournalHearsOfAReplyBeforeItIsWritten(t *testing.T) {
	account := &slowAccount{}
	account.settled = true
	out := &journalist{ledger: &account.fakeLedger}
	server := &Server{Out: out, Account: account,
		Machine: NewMachine(Config{BeginMark: DefaultBeginMark, CommitMark: DefaultCommitMark, MaxLine: 100}, account)}
	for _, line := range []string{"BEGIN TRANSACTION", "a", "COMMIT TRANSACTION"} {
		reply := server.Machine.Line([]byte(line))
		if server.Machine.Waiting() {
			reply, _ = server.Machine.Poll(start)
		}
		if err := server.reply(reply); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{0, 1, 2}; !slices.Equal(out.known, want) {
		t.Errorf("known at each write: %v, want %v", out.known, want)
	}
	account.expect(t, "accept a", "submit", "committed")
	out.fail = true
	server.Machine.Line([]byte("b"))
	reply, _ := server.Machine.Poll(start)
	if err := server.reply(reply); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the reply that could not be written: %v", err)
	}
	account.expect(t, "accept b", "submit") // and no "committed"
}
