package destination

import (
	"context"
	"errors"
	"fmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/improg"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// arenaSize is how many bytes of encoded text are gathered before they are sent. A batch of more is sent in parts.
const arenaSize = 4 << 20

// texts is a destination that stores one text per message.
type texts struct {
	format Format
	lines  bool // texts are lines: AppendLine escapes what would break one

	// send stores the texts of messages, as Store does.
	send  func(ctx context.Context, batch []message.Message, texts [][]byte, settled func(i int, refusal error)) error
	done  <-chan struct{}
	close func(ctx context.Context) error

	truncated func() uint64
	part      []message.Message // what encoded holds the texts of

	arena   []byte   // scratch for encoded texts
	encoded [][]byte // the texts: parts of arena, or payloads as they are
}

// newFrames stores texts as RELP frames, which may hold any bytes.
func newFrames(client *relp.Client, format Format) *texts {
	t := &texts{
		format:    format,
		close:     client.Close,
		truncated: client.Truncated,
		send: func(ctx context.Context, _ []message.Message, texts [][]byte, settled func(int, error)) error {
			return client.Send(ctx, texts, settled)
		},
	}
	client.Shorten = t.shorten
	return t
}

// newStored stores texts in Redis, which may hold any bytes.
func newStored(writer *redis.Writer, format Format) *texts {
	t := &texts{
		format:    format,
		close:     func(context.Context) error { return writer.Close() },
		truncated: writer.Truncated,
		send:      writer.Store,
	}
	writer.Shorten = t.shorten
	return t
}

// produced is a destination in Kafka.
type produced struct {
	*texts
	writer *kafka.Writer
}

// once is one that stores each message once, and therefore may leave senders to another process.
type once struct{ produced }

// newProduced stores texts in Kafka, whose records may hold any bytes.
func newProduced(writer *kafka.Writer, format Format, each bool) Destination {
	t := &texts{format: format, close: writer.Close, truncated: writer.Truncated, send: writer.Store}
	writer.Shorten = t.shorten
	p := produced{t, writer}
	if each {
		return once{p}
	}
	return p
}

// Count implements Counting.
func (p produced) Count(add func(name, about string, value func() uint64)) {
	of := func(name, about string, value func(kafka.Counters) uint64) {
		add("kafka_"+name, about, func() uint64 { return value(p.writer.Counters()) })
	}
	of("produced_total", "records given to Kafka's client, also those that remember what is stored", func(c kafka.Counters) uint64 { return c.Produced })
	of("acknowledged_total", "messages stored", func(c kafka.Counters) uint64 { return c.Acknowledged })
	of("retried_total", "messages produced once more", func(c kafka.Counters) uint64 { return c.Retried })
	of("transactions_total", "transactions begun", func(c kafka.Counters) uint64 { return c.Transactions })
	of("aborted_total", "of these, aborted", func(c kafka.Counters) uint64 { return c.Aborted })
	of("transaction_milliseconds_total", "time in transactions", func(c kafka.Counters) uint64 { return uint64(c.TransactionTime.Milliseconds()) })
	of("store_milliseconds_total", "time until batches were stored", func(c kafka.Counters) uint64 { return uint64(c.Lag.Milliseconds()) })
}

func (o once) Serves(sender string) bool { return o.writer.Serves(sender) }

// newLines stores texts as lines. over is the reason when conn stops.
func newLines(conn *improg.Conn, format Format, over string) *texts {
	return &texts{
		format: format,
		lines:  true,
		done:   conn.Done(),

		truncated: func() uint64 { return 0 },

		send: func(ctx context.Context, _ []message.Message, lines [][]byte, settled func(int, error)) error {
			err := conn.Send(ctx, lines, func(i int) { settled(i, nil) })
			if errors.Is(err, improg.ErrStopped) {
				return fmt.Errorf("%w: %s", ErrOver, over)
			}
			return err
		},
		close: func(context.Context) error {
			conn.Close()
			if err := conn.Err(); !errors.Is(err, improg.ErrStopped) {
				return err
			}
			return nil
		},
	}
}

func (t *texts) Done() <-chan struct{}           { return t.done }
func (t *texts) Close(ctx context.Context) error { return t.close(ctx) }
func (t *texts) Truncated() uint64               { return t.truncated() }

func (t *texts) Store(ctx context.Context, batch []message.Message, settled func(i int, refusal error)) error {
	defer t.release()
	for from := 0; from < len(batch); from += len(t.encoded) {
		t.encode(batch[from:])
		t.part = batch[from : from+len(t.encoded)]
		err := t.send(ctx, t.part, t.encoded, func(i int, refusal error) { settled(from+i, refusal) })
		if err != nil {
			return err
		}
	}
	return nil
}

// encode fills encoded with the texts of the first messages of batch: all of them unless the arena fills up, but at
// least one.
func (t *texts) encode(batch []message.Message) {
	t.arena, t.encoded = t.arena[:0], t.encoded[:0]
	for i := range batch {
		if len(t.arena) >= arenaSize {
			return
		}
		m := &batch[i]
		from := len(t.arena)
		switch {
		case t.format == JSON:
			t.arena = message.AppendJSON(t.arena, m)
		case t.lines && !message.IsLine(m.Payload):
			t.arena = message.AppendLine(t.arena, m.Payload)
		default:
			t.encoded = append(t.encoded, m.Payload)
			continue
		}
		// When the arena grows, earlier texts stay in the old one.
		t.encoded = append(t.encoded, t.arena[from:])
	}
}

// shorten returns the text of message i of the part in hand with at most limit bytes. JSON stays JSON: its payload is
// cut, and if that is not enough, its topic and the frames between are left out. The rest may still be longer.
func (t *texts) shorten(i, limit int) []byte {
	m := t.part[i]
	if t.format != JSON {
		return message.Cut(m.Payload, limit)
	}
	text := message.AppendJSON(nil, &m)
	for len(text) > limit && len(m.Payload) > 0 {
		// As much less of it as the text is too long: bytes that are escaped take up to six of the text.
		m.Payload = message.Cut(m.Payload, int(int64(len(m.Payload))*int64(limit)/int64(len(text))))
		text = message.AppendJSON(text[:0], &m)
	}
	if len(text) > limit {
		m.Topic, m.HasTopic, m.Frames = nil, false, nil
		text = message.AppendJSON(text[:0], &m)
	}
	return text
}

// release drops all references to the batch, and an arena that a large message has grown too much.
func (t *texts) release() {
	t.part = nil
	clear(t.encoded[:cap(t.encoded)])
	if cap(t.arena) > 2*arenaSize {
		t.arena = nil
	}
}
