package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// encoding is the form in which a stream is written. Each method appends to dst.
type encoding interface {
	begin(dst []byte) []byte
	// status says which publishers there are. before is what the reader knows; nil: nothing.
	status(dst []byte, now, before *tap.Status) []byte
	message(dst []byte, m *tap.Message) []byte
	// pieces yields dst, and what message would append to it, in pieces that are valid until the next one.
	pieces(dst []byte, m *tap.Message) iter.Seq[[]byte]
	missed(dst []byte, n, total uint64) []byte
	gap(dst []byte, g *tap.Gap) []byte
	// end is the last that a reader gets whose token was taken away.
	end(dst []byte, reason string) []byte
	heartbeat(dst []byte) []byte
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// encoding returns the form that a request asks for.
func (s *Server) encoding(q *request) encoding {
	restricted := !q.who.Everything()
	switch {
	case q.events && s.cfg.Tenants != nil:
		return eventStream{s.ids(q.who), q.who, restricted}
	case q.events:
		return eventStream{s.ids(q.who), nil, restricted}
	}
	return plainText{q.raw, restricted}
}

// eventStream is Server-Sent Events.
type eventStream struct {
	ids
	who        *tenant.Tenant // whom the reader is told that it is; nil: it is not
	restricted bool           // the reader may know whether there are publishers, and no more of them
}

// retry is how long a browser's EventSource waits before it connects again, in milliseconds.
const retry = "2000"

func (e eventStream) begin(dst []byte) []byte {
	if dst = append(dst, "retry: "+retry+"\n\n"...); e.who == nil {
		return dst
	}
	return appendEvent(dst, "access", struct {
		Name   string   `json:"name"`
		Topics []string `json:"topics,omitempty"`
	}{e.who.Name, e.who.Prefixes()})
}

func (e eventStream) status(dst []byte, now, before *tap.Status) []byte {
	text := now.JSON()
	if e.restricted {
		text = now.RestrictedJSON()
	}
	if before != nil && (e.restricted && now.Up == before.Up || bytes.Equal(text, before.JSON())) {
		return dst
	}
	return fmt.Appendf(dst, "event: status\ndata: %s\n\n", text)
}

func (e eventStream) message(dst []byte, m *tap.Message) []byte {
	return append(append(e.head(dst, m), m.JSON()...), "\n\n"...)
}

// head appends what precedes a message's JSON.
func (e eventStream) head(dst []byte, m *tap.Message) []byte {
	return append(e.ids.append(append(dst, "id: "...), m.ID), "\ndata: "...)
}

func (e eventStream) pieces(dst []byte, m *tap.Message) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		_ = yield(e.head(dst, m)) && yield(m.JSON()) && yield([]byte("\n\n"))
	}
}

func (eventStream) missed(dst []byte, n, total uint64) []byte {
	return appendEvent(dst, "missed", struct {
		Count uint64 `json:"count"`
		Total uint64 `json:"total"`
	}{n, total})
}

func (eventStream) gap(dst []byte, g *tap.Gap) []byte {
	return appendEvent(dst, "gap", struct {
		Publisher string `json:"publisher,omitempty"`
		Count     uint64 `json:"count,omitempty"`
		Reason    string `json:"reason"`
		Time      string `json:"time"`
	}{g.Publisher, g.Count, g.Reason, g.Time.In(time.UTC).Format(message.ReceivedLayout)})
}

func (eventStream) end(dst []byte, reason string) []byte {
	return appendEvent(dst, "end", struct {
		Reason string `json:"reason"`
	}{reason})
}

func (eventStream) heartbeat(dst []byte) []byte { return append(dst, ":\n\n"...) }

// appendEvent appends an event with a name, whose data is JSON.
func appendEvent(dst []byte, name string, data any) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		return dst // impossible: these types can be marshalled
	}
	return fmt.Appendf(dst, "event: %s\ndata: %s\n\n", name, text)
}
