package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// fake is a cluster of three brokers in this process, for tests in a synctest bubble.
type fake struct {
	*kfake.Cluster
	t   *testing.T
	net kfake.VirtualNetwork
}

func newFake(t *testing.T, partitions int32, options ...kfake.Opt) *fake {
	t.Helper()
	f := &fake{t: t}
	options = append([]kfake.Opt{kfake.Ports(9092, 9093, 9094), kfake.ListenFn(f.net.Listen),
		kfake.SeedTopics(partitions, "data")}, options...)
	var err error
	if f.Cluster, err = kfake.NewCluster(options...); err != nil {
		t.Fatal(err)
	}
	return f
}

// end ends the cluster. It comes last in the bubble.
func (f *fake) end() { f.Cluster.Close() }

// fate is what becomes of a request.
type fate int

const (
	arrives   fate = iota
	lost           // the connection ends before a broker has it
	forgotten      // the connection ends before the answer is read
)

// line is what all connections of a client go through.
type line struct {
	to *kfake.VirtualNetwork

	mu    sync.Mutex
	conns map[*lineConn]struct{}
	held  chan struct{} // nothing gets through before it is closed; nil: everything does
	down  bool          // nobody is reached any more
	fate  func(kmsg.Request) fate
}

func (l *line) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if down {
		return nil, errors.New("the client is dead")
	}
	conn, err := l.to.DialContext(ctx, kind, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &lineConn{Conn: conn, line: l, ended: make(chan struct{}), forget: make(map[int32]bool)}
	l.conns[c] = struct{}{}
	return c, nil
}

// set changes what becomes of requests.
func (l *line) set(fate func(kmsg.Request) fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fate = fate
}

// freeze holds everything that the client sends or is sent.
func (l *line) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(chan struct{})
	}
}

func (l *line) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// cut ends all connections; for ever if the client is dead.
func (l *line) cut(dead bool) {
	l.mu.Lock()
	conns := l.conns
	l.conns, l.down = make(map[*lineConn]struct{}), l.down || dead
	l.mu.Unlock()
	for c := range conns {
		c.Close()
	}
}

// lineConn is a connection of a line. kgo writes each request with one call.
type lineConn struct {
	net.Conn
	line *line
	once sync.Once
	rest []byte // of an answer

	ended chan struct{}

	mu     sync.Mutex
	forget map[int32]bool // the correlation ids of requests whose answers are forgotten
}

func (c *lineConn) Close() error {
	c.once.Do(func() {
		close(c.ended)
		c.line.mu.Lock()
		delete(c.line.conns, c)
		c.line.mu.Unlock()
	})
	return c.Conn.Close()
}

// pass waits while the line is frozen.
func (c *lineConn) pass() error {
	for {
		c.line.mu.Lock()
		held := c.line.held
		c.line.mu.Unlock()
		if held == nil {
			return nil
		}
		select {
		case <-held:
		case <-c.ended:
			return net.ErrClosed
		}
	}
}

func (c *lineConn) Write(frame []byte) (int, error) {
	if err := c.pass(); err != nil {
		return 0, err
	}
	request, correlation := parseRequest(frame)
	c.line.mu.Lock()
	decide := c.line.fate
	c.line.mu.Unlock()
	if decide != nil && request != nil {
		switch decide(request) {
		case lost:
			c.Close()
			return 0, errors.New("the connection was cut")
		case forgotten:
			c.mu.Lock()
			c.forget[correlation] = true
			c.mu.Unlock()
		}
	}
	return c.Conn.Write(frame)
}

func parseRequest(frame []byte) (kmsg.Request, int32) {
	const fixed = 4 + 2 + 2 + 4 + 2 // size, key, version, correlation id, length of the client id
	if len(frame) < fixed {
		return nil, 0
	}
	request := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame[4:])))
	if request == nil {
		return nil, 0
	}
	request.SetVersion(int16(binary.BigEndian.Uint16(frame[6:])))
	body := frame[fixed+int(binary.BigEndian.Uint16(frame[12:])):]
	if request.IsFlexible() {
		body = body[1:] // no tags
	}
	if request.ReadFrom(body) != nil {
		return nil, 0
	}
	return request, int32(binary.BigEndian.Uint32(frame[8:]))
}

func (c *lineConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		size := make([]byte, 4)
		if _, err := io.ReadFull(c.Conn, size); err != nil {
			return 0, err
		}
		c.rest = append(size, make([]byte, binary.BigEndian.Uint32(size))...)
		if _, err := io.ReadFull(c.Conn, c.rest[4:]); err != nil {
			return 0, err
		}
		if err := c.pass(); err != nil {
			return 0, err
		}
		c.mu.Lock()
		forgotten := c.forget[int32(binary.BigEndian.Uint32(c.rest[4:]))]
		c.mu.Unlock()
		if forgotten {
			c.Close()
			return 0, errors.New("the connection was cut")
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (f *fake) line() *line { return &line{to: &f.net, conns: make(map[*lineConn]struct{})} }

// writer makes a writer for a target's query. Its log is the test's.
func (f *fake) writer(query string, connected func(sender string) bool) (*Writer, *line) {
	f.t.Helper()
	target, err := ParseTarget("kafka://localhost:9092/data" + query)
	if err != nil {
		f.t.Fatal(err)
	}
	w, err := NewWriter(Config{Target: target, Connected: connected, Logger: slog.New(slog.NewTextHandler(f.t.Output(), nil))})
	if err != nil {
		f.t.Fatal(err)
	}
	l := f.line()
	w.net.reach = l.dial
	return w, l
}

// kill abandons a writer, as if its process had been killed.
func (f *fake) kill(w *Writer, l *line) {
	l.thaw()
	l.cut(true)
	f.close(w, 0)
}

// close closes a writer within a time.
func (f *fake) close(w *Writer, within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		f.t.Error(err)
	}
}

// sender returns a sender id.
func sender(n int) string { return fmt.Sprintf("01%032x", n) }

// batch makes messages of a sender, and their texts.
func batch(n int, seqs ...uint64) (messages []message.Message, texts [][]byte) {
	for _, seq := range seqs {
		text := fmt.Appendf(nil, "%d/%d", n, seq)
		messages = append(messages, message.Message{Sender: sender(n), Seq: seq, Payload: text, Received: time.Now()})
		texts = append(texts, text)
	}
	return messages, texts
}

// store stores messages of a sender and returns what each was settled with: a word, or the refusal's text.
func store(ctx context.Context, w *Writer, n int, seqs ...uint64) (settled []string, err error) {
	messages, texts := batch(n, seqs...)
	settled = make([]string, len(messages))
	err = w.Store(ctx, messages, texts, func(i int, refusal error) {
		switch refusal {
		case nil:
			settled[i] = "stored"
		case ErrRepeat:
			settled[i] = "repeat"
		case message.ErrElsewhere:
			settled[i] = "elsewhere"
		default:
			settled[i] = refusal.Error()
		}
	})
	return settled, err
}

// committed returns the texts of a topic that a reader of committed data gets, by partition, in order.
func (f *fake) committed(topic string) map[int32][]string {
	f.t.Helper()
	ends := make(map[int32]int64)
	for _, p := range f.PartitionInfos(topic) {
		if ends[p.Partition] = p.LastStableOffset; p.LastStableOffset != p.HighWatermark {
			f.t.Errorf("partition %d of %s: a transaction is open", p.Partition, topic)
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers("localhost:9092"), kgo.Dialer(f.net.DialContext), kgo.DisableClientMetrics(),
		kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		f.t.Fatal(err)
	}
	defer client.Close()
	texts := make(map[int32][]string)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		left := 0
		for p, end := range ends {
			if end > 0 {
				left++
			} else {
				delete(ends, p)
			}
		}
		if left == 0 {
			return texts
		}
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			f.t.Fatalf("%s cannot be read to its end: %v", topic, ends)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				texts[r.Partition] = append(texts[r.Partition], string(r.Value))
			}
			if r.Offset+1 >= ends[r.Partition] {
				delete(ends, r.Partition)
			}
		})
	}
}
