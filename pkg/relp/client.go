// Package relp speaks RELP, rsyslog's Reliable Event Logging Protocol: a codec without I/O (Parse,
// AppendFrame, ParseAnswer) and a Client that brings messages into imrelp and learns of each one
// whether imrelp took it.
//
// It follows librelp's protocol description and what librelp 1.11 does. imrelp answers 200 once it has
// handed the message to rsyslog's queue, and even if a full queue dropped it, unless the input has
// flowControl="full". A message over imrelp's maxDataSize (8,096 bytes) is cut there and answered with 200, unless the
// input has oversizeMode="abort": see oversize.go.
package relp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
)

// Config configures a Client. Only Address and Logger have no default.
type Config struct {
	Address string // host:port of imrelp; every address of the name is tried

	Reconnect    time.Duration  // first wait before another attempt to connect; 0: 100 ms
	ReconnectMax time.Duration  // longest wait, after doubling; 0: 30 s, or Reconnect if that is longer
	Timeout      time.Duration  // a connection that owes an answer is given up after this much silence; 0: 90 s
	Window       int            // most unanswered messages at a time; 0: the whole batch
	Logger       *slog.Logger   // logs that the session is lost and that it works again
	Trouble      *trouble.State // is told of both; nil: is not
}

const (
	// sessionEnd is the highest transaction number of a session. After 999,999,999, librelp counts on to
	// a number that its own parser refuses.
	sessionEnd = 900_000_000
	// dialTimeout bounds one attempt to connect, all addresses of the name together.
	dialTimeout = 10 * time.Second
)

func (c *Config) complete() error {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("relp: address %q: write host:port, as in 127.0.0.1:2514", c.Address)
	}
	if c.Reconnect < 0 || c.ReconnectMax < 0 || c.Timeout < 0 || c.Window < 0 {
		return errors.New("relp: reconnect waits, timeout and window cannot be negative")
	}
	if c.Logger == nil {
		return errors.New("relp: no logger")
	}
	setDefault(&c.Reconnect, 100*time.Millisecond)
	setDefault(&c.ReconnectMax, max(30*time.Second, c.Reconnect))
	setDefault(&c.Timeout, 90*time.Second)
	if c.ReconnectMax < c.Reconnect {
		return fmt.Errorf("relp: the longest wait before reconnecting, %v, is shorter than the first, %v",
			c.ReconnectMax, c.Reconnect)
	}
	return nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Client sends messages to one imrelp. Its connection stays open between batches. It has no goroutine
// of its own unless Send runs. It is not for concurrent use.
type Client struct {
	// Shorten returns the text of message i of the batch in hand with at most limit bytes, or with as few as it can
	// have. nil: texts are cut without an incomplete UTF-8 character at their end.
	Shorten func(i, limit int) []byte

	config Config
	log    *slog.Logger
	dial   func(ctx context.Context, address string) (net.Conn, error)
	last   int // the highest transaction number of a session

	session *session // nil: not connected
	wait    backoff.Backoff
	down    error // the failure that was logged and has not ended; nil: none
	pending []int // scratch of Send: the indices in the batch of unanswered messages, in order
	over    oversize
}

// NewClient checks config and returns a client, which connects when it is first needed.
func NewClient(config Config) (*Client, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout, Control: listen.Yield} // Go sets TCP_NODELAY and TCP keep-alives by default
	return &Client{
		config: config,
		log:    config.Logger.With("address", config.Address),
		dial: func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		},
		last: sessionEnd,
		wait: backoff.Backoff{First: config.Reconnect, Max: config.ReconnectMax},
	}, nil
}

// Refusal is imrelp's answer to a message that it refuses.
type Refusal struct {
	Code int    // usually 500
	Text string // imrelp's words
}

func (e *Refusal) Error() string { return fmt.Sprintf("relp: refused with %d: %s", e.Code, e.Text) }

// Send sends every message of the batch as a syslog frame, in order, and returns nil once each has its
// answer. For each answer it calls settled, on the caller's goroutine, with the message's index in the
// batch and nil, or a *Refusal.
//
// When the connection is lost, closed by the server, silent for Timeout, or violates the protocol, Send
// connects again, waiting longer each time, and sends the unanswered messages again: these may arrive
// twice. This goes on until ctx ends. Answers that have arrived by then still count. Send then returns an
// error that wraps ctx.Err() and names the first failure; the fate of the messages that were not settled
// is unknown.
//
// A message at which the server ends session after session is cut: its text in the batch is replaced. Otherwise the
// batch is only read, and not after Send has returned.
func (c *Client) Send(ctx context.Context, batch [][]byte, settled func(i int, refusal error)) error {
	c.pending = c.pending[:0]
	for i := range batch {
		c.pending = append(c.pending, i)
	}
	c.over.begin()
	c.precut(batch)
	for len(c.pending) > 0 {
		again, err := c.round(ctx, batch, settled)
		if err == nil || again || len(c.pending) == 0 {
			continue
		}
		if !c.retry(ctx, err) {
			return c.gaveUp(ctx, len(batch))
		}
	}
	return nil
}

func (c *Client) gaveUp(ctx context.Context, messages int) error {
	err := fmt.Errorf("relp: gave up on %s with %d of %d messages unanswered: %w",
		c.config.Address, len(c.pending), messages, ctx.Err())
	if c.down != nil {
		err = fmt.Errorf("%w (since: %v)", err, c.down) // not %w: its timeout is not the end of ctx
	}
	return err
}

// round sends as much of pending as one session can carry, and removes what was answered. After an
// error there is no session. again reports whether to try again without a wait.
func (c *Client) round(ctx context.Context, batch [][]byte, settled func(int, error)) (again bool, _ error) {
	if c.session != nil && c.session.next > c.last {
		c.end(ctx)
	}
	if err := c.Connect(ctx); err != nil {
		c.unreachable(batch)
		return false, err
	}
	s := c.session
	count := c.portion(batch, min(len(c.pending), c.last-s.next+1))
	t := transfer{
		session: s, batch: batch, pending: c.pending[:count], settled: settled,
		window: c.config.Window, first: s.next, progress: make(chan struct{}, 1),
	}
	if t.window == 0 {
		t.window = count
	}
	err := t.run(ctx)
	if t.answered.Load() > 0 {
		c.recovered()
	}
	if err == nil {
		c.answered(batch, count)
	}
	c.pending = compact(c.pending)
	if err != nil {
		c.drop()
		again = c.ended(batch, int(t.sent.Load()-t.answered.Load()), err)
	}
	return again, err
}

// compact removes the answered messages, which are -1, from pending.
func compact(pending []int) []int {
	left := pending[:0]
	for _, i := range pending {
		if i >= 0 {
			left = append(left, i)
		}
	}
	return left
}

// Connect opens the session if there is none: one attempt, no logging. Send does this by itself; Connect
// is for checking whether the server can be reached.
func (c *Client) Connect(ctx context.Context) error {
	if c.session != nil {
		return nil
	}
	conn, err := c.dial(ctx, c.config.Address)
	if err != nil {
		return fmt.Errorf("relp: connect: %w", err)
	}
	s := newSession(conn, c.config.Timeout)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = s.open()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return fmt.Errorf("relp: open a session with %s: %w", c.config.Address, err)
	}
	c.session = s
	return nil
}

// Close closes the session by the protocol, waiting for the server's answer until ctx ends or for
// Timeout, and closes the connection. A client that is used again connects again.
func (c *Client) Close(ctx context.Context) error {
	if c.session == nil {
		return nil
	}
	if err := c.end(ctx); err != nil {
		return fmt.Errorf("relp: close the session with %s: %w", c.config.Address, err)
	}
	return nil
}

// end closes the session by the protocol and forgets it.
func (c *Client) end(ctx context.Context) error {
	s := c.session
	defer c.drop()
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	return s.close()
}

// drop closes the connection and forgets the session.
func (c *Client) drop() {
	c.session.conn.Close()
	c.session = nil
}

// retry logs the first of several failures and waits before the next attempt. It returns false when ctx
// has ended.
func (c *Client) retry(ctx context.Context, failure error) bool {
	if ctx.Err() != nil {
		return false
	}
	if c.down == nil {
		c.log.Warn("relp: no session; trying again until there is one", "unanswered", len(c.pending), "error", failure)
		c.down = failure
	}
	c.config.Trouble.Away(failure.Error())
	return c.wait.Wait(ctx)
}

// recovered ends a failure. Only the answer to a message shows that the server works again.
func (c *Client) recovered() {
	if c.down != nil {
		c.log.Info("relp: messages are answered again")
		c.down = nil
		c.config.Trouble.Stored()
	}
	c.wait.Reset()
}
