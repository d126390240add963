package destination

import (
	"context"
	"errors"
	"fmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/improg"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// arenaSize is how much encoded text is gathered before it is sent; a batch of more is sent in parts.
const arenaSize = 4 << 20

// texts is a destination that takes one text per message.
type texts struct {
	format Format
	lines  bool // a text is a line, and must not break

	// send brings the texts of messages to where they belong, as Store does.
	send  func(ctx context.Context, batch []message.Message, texts [][]byte, settled func(i int, refusal error)) error
	done  <-chan struct{}
	close func(ctx context.Context) error

	arena   []byte   // what was encoded; scratch
	encoded [][]byte // parts of arena and of payloads; scratch
}

// newFrames stores texts as RELP frames, which may hold anything.
func newFrames(client *relp.Client, format Format) *texts {
	return &texts{
		format: format,
		close:  client.Close,
		send: func(ctx context.Context, _ []message.Message, texts [][]byte, settled func(int, error)) error {
			return client.Send(ctx, texts, settled)
		},
	}
}

// newStored stores texts in Redis, which may hold anything.
func newStored(writer *redis.Writer, format Format) *texts {
	return &texts{format: format, send: writer.Store, close: func(context.Context) error { return writer.Close() }}
}

// newLines stores texts as lines. over is what it means when conn stops.
func newLines(conn *improg.Conn, format Format, over string) *texts {
	return &texts{
		format: format,
		lines:  true,
		done:   conn.Done(),
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

func (t *texts) Store(ctx context.Context, batch []message.Message, settled func(i int, refusal error)) error {
	defer t.release()
	for from := 0; from < len(batch); from += len(t.encoded) {
		t.encode(batch[from:])
		if err := t.send(ctx, batch[from:from+len(t.encoded)], t.encoded, func(i int, refusal error) { settled(from+i, refusal) }); err != nil {
			return err
		}
	}
	return nil
}

// encode fills encoded with the texts of the first messages of batch: one at least, all unless the
// arena fills up.
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
		// When the arena grows, what was taken from it before stays where it is.
		t.encoded = append(t.encoded, t.arena[from:])
	}
}

// release lets go of the batch's memory, and of an arena that one great message made too large.
func (t *texts) release() {
	clear(t.encoded[:cap(t.encoded)])
	if cap(t.arena) > 2*arenaSize {
		t.arena = nil
	}
}
