package relp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is an account in the hands of a test, and its first stream. The others settle nothing.
type ledger struct {
	mu        sync.Mutex
	changed   chan struct{}
	unready   error
	asked     int // how often, while unready
	accepted  []string
	settled   int // of them
	answered  int
	refusal   string // the next one after settled is refused
	ended     []bool // whether each ended stream comes again
	opened    int
	timedOut  int
	refused   int
	reclaimed int
	retried   chan struct{}
}

func (l *ledger) locked(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

func (l *ledger) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unready != nil {
		l.asked++
	}
	return l.unready
}

func (l *ledger) Changed() <-chan struct{} { return l.changed }
func (l *ledger) Poll()                    {}
func (l *ledger) Reclaim()                 { l.locked(func() { l.reclaimed++ }) }
func (l *ledger) TimedOut()                { l.locked(func() { l.timedOut++ }) }
func (l *ledger) Retry()                   { close(l.retried) }

func (l *ledger) Refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

func (l *ledger) open() Stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened++; l.opened > 1 {
		return unsettled{l}
	}
	return l
}

type unsettled struct{ *ledger }

func (unsettled) Settled() (int, bool, string) { return 0, false, "" }

func (l *ledger) Accept(messages [][]byte) {
	l.locked(func() {
		for _, m := range messages {
			l.accepted = append(l.accepted, string(m))
		}
	})
}

func (l *ledger) Settled() (confirmed int, refused bool, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	confirmed, l.answered = l.settled-l.answered, l.settled
	reason, l.refusal = l.refusal, ""
	return confirmed, reason != "", reason
}

func (l *ledger) End(again bool) { l.locked(func() { l.ended = append(l.ended, again) }) }

// settle settles n more messages, and refuses the one after them if there is a reason.
func (l *ledger) settle(n int, refusal string) {
	l.locked(func() { l.settled, l.refusal = l.settled+n, refusal })
	l.notify()
}

func (l *ledger) notify() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// await waits until a condition holds, which is looked at under the lock.
func (l *ledger) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		held := false
		if l.locked(func() { held = condition() }); held {
			return
		}
	}
	t.Fatalf("waited for: %s", what)
}

// served is a server that runs.
type served struct {
	*ledger
	*Server
	t       *testing.T
	address string
	log     *bytes.Buffer
	stop    context.CancelFunc
	abandon context.CancelFunc
	over    chan error
}

func serve(t *testing.T, change func(*ServerConfig)) *served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, address: listener.Addr().String(), log: &bytes.Buffer{}, over: make(chan error, 1),
		ledger: &ledger{changed: make(chan struct{}, 1), retried: make(chan struct{})}}
	cfg := ServerConfig{MaxMessage: 1000, SendTimeout: patience, Account: s.ledger, Open: s.open,
		Logger: slog.New(slog.NewTextHandler(s.log, nil))}
	if change != nil {
		change(&cfg)
	}
	s.Server = NewServer(cfg)
	ctx, stop := context.WithCancel(t.Context())
	draining, abandon := context.WithCancel(t.Context())
	s.stop, s.abandon = stop, abandon
	go func() { s.over <- s.Run(ctx, draining, listener) }()
	t.Cleanup(func() {
		abandon()
		stop()
	})
	return s
}

// wait waits for the server's end.
func (s *served) wait() {
	s.t.Helper()
	select {
	case err := <-s.over:
		if err != nil {
			s.t.Error(err)
		}
	case <-time.After(patience):
		s.t.Fatal("the server does not end")
	}
}

// rawClient is a client that says what the test wants.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (s *served) dial() *rawClient {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &rawClient{s.t, conn, bufio.NewReader(conn)}
}

func (c *rawClient) say(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.conn, format, args...); err != nil {
		c.t.Error(err)
	}
}

// hear wants these lines.
func (c *rawClient) hear(lines ...string) {
	c.t.Helper()
	for _, want := range lines {
		if got, err := c.in.ReadString('\n'); err != nil || strings.TrimSuffix(got, "\n") != want {
			c.t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
}

// ends wants the end of the connection.
func (c *rawClient) ends() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Errorf("%q, %v in place of the end", rest, err)
	}
}

// session dials and opens a session.
func (s *served) session() *rawClient {
	s.t.Helper()
	c := s.dial()
	c.say("1 open %d %s\n", len(offers), offers)
	c.hear(fmt.Sprintf("1 rsp %d 200 OK", len("200 OK\n"+offers)), "relp_version=0", "relp_software=rsyslog-zeromq", "commands=syslog")
	return c
}

func TestServerAnswersWhatIsSettled(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	c.say("2 syslog 1 a\n3 syslog 2 b\n\n4 syslog 0\n5 syslog 5 c\nd\x00e\n")
	s.await(t, "4 messages", func() bool { return slices.Equal(s.accepted, []string{"a", "b", "", "c\nd\x00e"}) })
	s.settle(2, "")
	c.hear("2 rsp 6 200 OK", "3 rsp 6 200 OK")
	s.settle(2, "")
	c.hear("4 rsp 6 200 OK", "5 rsp 6 200 OK")
	s.await(t, "the account to be reclaimed", func() bool { return s.reclaimed > 0 })
	c.say("6 close 0\n")
	c.hear("6 rsp 0", "0 serverclose 0")
	c.ends()
	s.await(t, "the end of the stream", func() bool { return slices.Equal(s.ended, []bool{false}) })
}

func TestServerCutsLongMessages(t *testing.T) {
	var sizes []int
	s := serve(t, func(cfg *ServerConfig) {
		cfg.MaxMessage = 5
		cfg.Truncated = func(size int) { sizes = append(sizes, size) }
	})
	c := s.session()
	c.say("2 syslog 5 12345\n3 syslog 6 12345\n\n4 syslog 7 123ää\n5 syslog 100 %s\n6 syslog 1 x\n", strings.Repeat("y", 100))
	s.await(t, "5 messages", func() bool { return len(s.accepted) == 5 })
	s.locked(func() {
		if want := []string{"12345", "12345", "123ä", "yyyyy", "x"}; !slices.Equal(s.accepted, want) || !slices.Equal(sizes, []int{7, 100}) {
			t.Errorf("%q, cut from %v bytes", s.accepted, sizes)
		}
	})
}

// A refusal is told, and ends the session. What comes after it on that connection is not accepted.
func TestServerRefuses(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	c.say("2 syslog 1 a\n3 syslog 1 b\n4 syslog 1 c\n")
	s.await(t, "3 messages", func() bool { return len(s.accepted) == 3 })
	s.settle(1, "WRONGTYPE "+strings.Repeat("x", 100))
	c.hear("2 rsp 6 200 OK", "3 rsp 84 500 WRONGTYPE "+strings.Repeat("x", 70), "0 serverclose 0")
	s.await(t, "the end of the stream", func() bool { return slices.Equal(s.ended, []bool{true}) })
	c.say("5 syslog 1 d\n")
	c.ends()
	c.conn.Close()
	s.session().say("2 syslog 1 c\n")
	s.await(t, "what comes again", func() bool { return slices.Equal(s.accepted, []string{"a", "b", "c", "c"}) })
}

func TestServerIsToldWhatItDoesNotKnow(t *testing.T) {
	s := serve(t, nil)
	for _, test := range []struct {
		says  string
		hears []string
	}{
		{"1 open 14 relp_version=0\n", []string{"1 rsp 44 500 required command not supported by client"}},
		{"1 open 14 relp_version=x\n", []string{"1 rsp 32 500 relp_version is not a number"}},
		{"1 open 30 relp_version=x\ncommands=syslog\n", []string{"1 rsp 32 500 relp_version is not a number"}},
		{"1 syslog 1 a\n", nil},
		{"GET / HTTP/1.1\r\n\r\n", nil},
		{"\x16\x03\x01\x02\x00\x01\x00\x01", nil},
	} {
		c := s.dial()
		c.say("%s", test.says)
		c.hear(test.hears...)
		rest, err := io.ReadAll(c.in)
		if err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: %v", test.says, err)
		}
		_ = rest
	}
	c := s.session()
	c.say("2 sing 0\n")
	c.hear("0 serverclose 0")
	s.await(t, "one stream, which comes again", func() bool { return s.opened == 1 && slices.Equal(s.ended, []bool{true}) && len(s.accepted) == 0 })
}

// A client that reads no answers harms no other.
func TestServerAndAClientThatReadsNothing(t *testing.T) {
	s := serve(t, nil)
	deaf := s.session()
	frames := strings.Repeat("2 syslog 0\n", 1000)
	deaf.conn.SetWriteDeadline(time.Time{})
	written := make(chan int, 1)
	go func() {
		total := 0
		for {
			n, err := io.WriteString(deaf.conn, frames)
			total += n
			if err != nil {
				written <- total
				return
			}
		}
	}()
	var unread []int
	for end := time.Now().Add(patience); len(unread) == 0 && time.Now().Before(end); unread = s.unread() {
		s.locked(func() { s.settled = len(s.accepted) })
		s.notify()
	}
	if len(unread) != 1 {
		t.Fatalf("%d sessions have unread answers", len(unread))
	}
	s.session()
	deaf.conn.Close()
	<-written
}

// unread returns how many bytes wait for each client that leaves more than it may unread.
func (s *served) unread() (bytes []int) {
	s.Server.mu.Lock()
	defer s.Server.mu.Unlock()
	for c := range s.Server.sessions {
		c.mu.Lock()
		if n := len(c.answers.out); n > maxUnread {
			bytes = append(bytes, n)
		}
		c.mu.Unlock()
	}
	return bytes
}

// While nothing can be taken, a session is not opened, and an open one is not read from.
func TestServerWaitsForItsAccount(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	s.locked(func() { s.unready = errors.New("no peer") })
	c.say("2 syslog 1 a\n")
	waiting := s.dial()
	waiting.say("1 open %d %s\n", len(offers), offers)
	s.await(t, "both to wait", func() bool { return s.asked > 3 }) // each asks before it waits, and once more
	s.locked(func() {
		if len(s.accepted) > 0 || s.opened > 1 {
			t.Errorf("accepted %q, %d sessions opened", s.accepted, s.opened)
		}
		s.unready = nil
	})
	s.notify()
	s.await(t, "both to go on", func() bool { return len(s.accepted) == 1 && s.opened == 2 })
	s.settle(1, "")
	c.hear("2 rsp 6 200 OK")
}

// A client that is closing sends nothing again: what it has sent is taken even if nothing else is, and before it is
// told that its session is closed.
func TestServerTakesTheLastMessages(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	s.locked(func() { s.unready = errors.New("no peer") })
	c.say("2 syslog 1 a\n3 close 0\n")
	c.hear("3 rsp 0", "0 serverclose 0")
	s.locked(func() {
		if !slices.Equal(s.accepted, []string{"a"}) {
			t.Errorf("accepted %q", s.accepted)
		}
	})
}

// A session whose messages make no progress is ended, so that rsyslog may use another action.
func TestServerGivesUp(t *testing.T) {
	s := serve(t, func(cfg *ServerConfig) { cfg.SendTimeout = 50 * time.Millisecond })
	c := s.session()
	c.say("2 syslog 1 a\n")
	c.hear("0 serverclose 0")
	c.ends()
	s.await(t, "the end of the stream", func() bool { return slices.Equal(s.ended, []bool{true}) && s.timedOut == 1 })
	s.locked(func() { s.unready = errors.New("no peer") })
	c = s.dial()
	c.say("1 open %d %s\n", len(offers), offers)
	c.hear("0 serverclose 0")
	c.ends()
}

// At its end the server answers what is settled meanwhile.
func TestServerDrains(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	c.say("2 syslog 1 a\n3 syslog 1 b\n")
	s.await(t, "2 messages", func() bool { return len(s.accepted) == 2 })
	s.stop()
	s.settle(1, "")
	c.hear("2 rsp 6 200 OK")
	s.settle(1, "")
	c.hear("3 rsp 6 200 OK", "0 serverclose 0")
	s.wait()
}

func TestServerEndsWithoutAnswers(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	c.say("2 syslog 1 a\n")
	s.await(t, "a message", func() bool { return len(s.accepted) == 1 })
	s.stop()
	s.abandon()
	c.hear("0 serverclose 0")
	s.wait()
	s.await(t, "the end of the stream", func() bool { return slices.Equal(s.ended, []bool{true}) })
}

func TestServerRetries(t *testing.T) {
	// Before the server runs: it has not tried anything yet, and so need not wait for the next attempt.
	s := serve(t, func(cfg *ServerConfig) { cfg.Account.(*ledger).refused = 1 })
	select {
	case <-s.retried:
	case <-time.After(patience):
		t.Error("what was refused is not sent again")
	}
}

// The transaction numbers of a session end before librelp's do.
func TestServerRenewsSessions(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	c.say("%d syslog 1 a\n", sessionEnd)
	c.hear("0 serverclose 0")
	c.ends()
	s.await(t, "the end of the stream", func() bool { return slices.Equal(s.ended, []bool{true}) })
}

// Messages cost no allocation from the socket to the account, nor do their answers back.
func TestServingAllocatesNothingOnceGrown(t *testing.T) {
	const messages = 1000
	account := &counting{}
	s := NewServer(ServerConfig{MaxMessage: 1000, SendTimeout: patience, Account: account, Logger: slog.New(slog.DiscardHandler)})
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	c := newServing(s, ours)
	c.answers.flushing = true // nothing is written
	c.opened, c.stream = true, account
	var stream []byte
	for i := range messages {
		stream = AppendFrame(stream, i+1, "syslog", bytes.Repeat([]byte("x"), 200))
	}
	allocs := testing.AllocsPerRun(20, func() {
		for rest := stream; len(rest) > 0; {
			n := copy(c.in.space(), rest)
			rest = rest[n:]
			c.in.filled(n)
			if _, _, err := c.frames(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := c.accept(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		c.answer(time.Time{})
		c.answers.out = c.answers.out[:0]
	})
	if allocs > 1 {
		t.Errorf("%v allocations for %d messages", allocs, messages)
	}
}

// counting is an account that confirms everything.
type counting struct {
	ledger
	owed int
}

func (c *counting) Accept(messages [][]byte) { c.owed += len(messages) }

func (c *counting) Settled() (confirmed int, refused bool, reason string) {
	confirmed, c.owed = c.owed, 0
	return confirmed, false, ""
}
