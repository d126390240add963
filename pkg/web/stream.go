package web

import (
	"context"
	"net/http"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// stream answers with the live stream until the reader disconnects or the server ends.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if s.clients.Add(1) > int64(s.cfg.MaxClients) {
		s.clients.Add(-1)
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many readers: --http-clients", http.StatusServiceUnavailable)
		return
	}
	defer s.clients.Add(-1)
	q, err := s.parse(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("Cross-Origin-Resource-Policy", "same-origin") // CORS admits other origins
	h.Set("X-Accel-Buffering", "no")                     // nginx
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if q.events {
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	if r.Method == http.MethodHead {
		return
	}
	c := &client{server: s, request: q, out: w, control: http.NewResponseController(w),
		encoding: newEncoding(s.instance, q.events)}
	began := time.Now()
	c.serve(r)
	log := s.cfg.Logger.Debug
	if c.missed > 0 {
		log = s.cfg.Logger.Info
	}
	log("reader gone", "client", r.RemoteAddr, "sent", c.sent, "missed", c.missed,
		"for", time.Since(began).Round(time.Millisecond))
}

// client is one connected reader.
type client struct {
	server   *Server
	request  request
	reader   *tap.Reader
	out      http.ResponseWriter
	control  *http.ResponseController
	encoding encoding

	sent, missed uint64 // messages
}

// serve writes until the reader disconnects or the server ends.
func (c *client) serve(r *http.Request) {
	c.reader = c.server.cfg.Stream.Join(c.request.interest)
	defer c.reader.Close()
	first := c.encoding.begin(nil)
	if c.request.stranger {
		first = c.encoding.gap(first, &tap.Gap{Time: time.Now(),
			Reason: "zmqtap was restarted: what was published meanwhile is missing"})
	}
	if c.write(first) != nil {
		return
	}
	beat := time.NewTicker(c.server.cfg.Heartbeat)
	defer beat.Stop()
	var waiting []tap.Delivery
	for { // select chooses at random: a busy stream that the filter suppresses hides neither a disconnect nor the end
		select {
		case <-c.reader.Ready():
		case <-beat.C:
			if c.write(c.encoding.heartbeat(nil)) != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-c.server.quit:
			c.deliver(r.Context(), c.reader.Take(waiting[:0])) //nolint:errcheck // it is the end either way
			return
		}
		waiting = c.reader.Take(waiting[:0])
		if c.deliver(r.Context(), waiting) != nil {
			return
		}
		clear(waiting)
	}
}

// maxWrite is how many bytes are encoded before a write.
const maxWrite = 32 << 10

// deliver encodes and writes deliveries.
func (c *client) deliver(ctx context.Context, waiting []tap.Delivery) error {
	defer c.request.filter.rest()
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b := (*buffer)[:0]
	for _, d := range waiting {
		for i := range d.Messages {
			m := &d.Messages[i]
			if matches, err := c.request.filter.match(ctx, m.Payload); err != nil {
				return err
			} else if !matches {
				continue
			}
			b = c.encoding.message(b, m)
			c.sent++
			if len(b) >= maxWrite || c.request.filter.waits() {
				if err := c.write(b); err != nil {
					return err
				}
				b = b[:0]
			}
		}
		if d.Missed > 0 {
			c.missed += d.Missed
			b = c.encoding.missed(b, d.Missed, c.missed)
		}
		if d.Gap != nil {
			b = c.encoding.gap(b, d.Gap)
		}
	}
	if cap(b) <= 4*maxWrite {
		*buffer = b
	}
	return c.write(b)
}

// write sends b to the reader at once, unless it is empty; nil sends the headers.
func (c *client) write(b []byte) error {
	c.request.filter.rest()
	if b == nil {
		return c.control.Flush()
	}
	if len(b) == 0 {
		return nil
	}
	if _, err := c.out.Write(b); err != nil {
		return err
	}
	return c.control.Flush()
}
