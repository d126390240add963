package web

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// encoding is the form in which a stream is written. Each method appends to dst.
type encoding interface {
	begin(dst []byte) []byte
	message(dst []byte, m *tap.Message) []byte
	// pieces yields dst, and what message would append to it, in pieces that are valid until the next one.
	pieces(dst []byte, m *tap.Message) iter.Seq[[]byte]
	missed(dst []byte, n, total uint64) []byte
	gap(dst []byte, g *tap.Gap) []byte
	heartbeat(dst []byte) []byte
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func newEncoding(instance string, events bool) encoding {
	if events {
		return eventStream{instance}
	}
	return plainText{}
}

// eventStream is Server-Sent Events.
type eventStream struct{ instance string }

// retry is how long a browser's EventSource waits before it connects again, in milliseconds.
const retry = "2000"

func (eventStream) begin(dst []byte) []byte { return append(dst, "retry: "+retry+"\n\n"...) }

func (e eventStream) message(dst []byte, m *tap.Message) []byte {
	return append(append(e.head(dst, m), m.JSON()...), "\n\n"...)
}

// head appends what precedes a message's JSON.
func (e eventStream) head(dst []byte, m *tap.Message) []byte {
	dst = append(append(append(dst, "id: "...), e.instance...), '-')
	return append(strconv.AppendUint(dst, m.ID, 10), "\ndata: "...)
}

func (e eventStream) pieces(dst []byte, m *tap.Message) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		_ = yield(e.head(dst, m)) && yield(m.JSON()) && yield([]byte("\n\n"))
	}
}

func (eventStream) missed(dst []byte, n, total uint64) []byte {
	return fmt.Appendf(dst, "event: missed\ndata: {\"count\":%d,\"total\":%d}\n\n", n, total)
}

func (eventStream) gap(dst []byte, g *tap.Gap) []byte {
	data, err := json.Marshal(struct {
		Publisher string `json:"publisher,omitempty"`
		Count     uint64 `json:"count,omitempty"`
		Reason    string `json:"reason"`
		Time      string `json:"time"`
	}{g.Publisher, g.Count, g.Reason, g.Time.In(time.UTC).Format(message.ReceivedLayout)})
	if err != nil {
		return dst // impossible: these types can be marshalled
	}
	return fmt.Appendf(dst, "event: gap\ndata: %s\n\n", data)
}

func (eventStream) heartbeat(dst []byte) []byte { return append(dst, ":\n\n"...) }

// plainText is one payload per line, with a line of its own where something is missing.
type plainText struct{}

func (plainText) begin(dst []byte) []byte { return dst }

func (plainText) message(dst []byte, m *tap.Message) []byte {
	return append(message.AppendLine(dst, m.Payload), '\n')
}

func (plainText) pieces(dst []byte, m *tap.Message) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for part := range slices.Chunk(m.Payload, maxWrite) {
			if dst = message.AppendLine(dst, part); !yield(dst) {
				return
			}
			dst = dst[:0]
		}
		yield(append(dst, '\n'))
	}
}

func (plainText) missed(dst []byte, n, _ uint64) []byte {
	return fmt.Appendf(dst, "zmqtap: %d messages are missing here: this reader is too slow\n", n)
}

func (plainText) gap(dst []byte, g *tap.Gap) []byte {
	return append(message.AppendLine(append(dst, "zmqtap: "...), []byte(g.String())), '\n')
}

// heartbeat appends nothing: a reader would take any line for a payload.
func (plainText) heartbeat(dst []byte) []byte { return dst }
