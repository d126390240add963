package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// stream answers with the live stream, as far as the reader may read it, until the reader disconnects, its token is
// taken away, or the server ends.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, who *tenant.Tenant) {
	if s.clients.Add(1) > int64(s.cfg.MaxClients) {
		s.clients.Add(-1)
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many readers: --http-clients", http.StatusServiceUnavailable)
		return
	}
	defer s.clients.Add(-1)
	if !s.cfg.Budget.Out.Take(readerCost) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many readers: --max-memory", http.StatusServiceUnavailable)
		return
	}
	defer s.cfg.Budget.Out.Give(readerCost)
	q, err := s.parse(r, who)
	if errors.Is(err, tenant.ErrForbidden) {
		s.strangers.Write(slog.LevelInfo, "a tenant asks for topics that it may not read", "tenant", who.Name, "client", r.RemoteAddr)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	setHeaders(w.Header(), q.events)
	if r.Method == http.MethodHead {
		return
	}
	c := &client{server: s, request: q, out: w, control: http.NewResponseController(w), encoding: s.encoding(&q)}
	c.guest, _ = r.Context().Value(guestKey{}).(*listen.Guest)
	c.guest.Know()
	c.joinLanes(r)
	began := time.Now()
	c.serve(r)
	log := s.cfg.Logger.With("client", r.RemoteAddr)
	if who.Name != "" {
		log = log.With("tenant", who.Name)
	}
	level := slog.LevelDebug
	if c.missed > 0 {
		level = slog.LevelInfo
	}
	log.Log(r.Context(), level, "reader gone", "sent", c.sent, "missed", c.missed, "for", time.Since(began).Round(time.Millisecond))
}

// joinLanes finds the reader's place in the lanes: that of its connection, unless this has other readers, too.
func (c *client) joinLanes(r *http.Request) {
	c.lane, _ = r.Context().Value(laneKey{}).(*listen.Lane)
	if c.shared = r.ProtoMajor > 1 || c.lane == nil; c.shared {
		c.lane = c.server.cfg.Lanes.Lane()
	}
}

// setHeaders sets the headers of a stream.
func setHeaders(h http.Header, events bool) {
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("Cross-Origin-Resource-Policy", "same-origin") // CORS admits other origins
	h.Set("X-Accel-Buffering", "no")                     // nginx
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if events {
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
	}
}

// client is one connected reader.
type client struct {
	server   *Server
	request  request
	reader   *tap.Reader
	out      http.ResponseWriter
	control  *http.ResponseController
	guest    *listen.Guest
	lane     *listen.Lane // in which what is delivered is encoded, and over HTTP/1 written
	shared   bool         // the connection has other readers: another goroutine writes, in a lane of its own
	encoding encoding

	sent, missed uint64      // messages
	told         *tap.Status // nil: none
}

// serve writes until the reader disconnects, its token is taken away, or the server ends.
func (c *client) serve(r *http.Request) {
	defer c.limit(c.server.stall) // what net/http writes at the end
	defer c.hurry()()
	c.reader = c.server.cfg.Stream.Join(c.request.interest)
	defer c.reader.Close()
	err := c.follow(r)
	c.lane.Leave()
	if errors.Is(err, errTakenAway) {
		c.write(c.encoding.end(nil, c.why())) //nolint:errcheck // it is over
	}
}

// follow writes what the reader gets, until there is an error, the server ends or the reader disconnects.
func (c *client) follow(r *http.Request) error {
	first, changed := c.status(c.encoding.begin(nil))
	if c.request.stranger {
		first = c.encoding.gap(first, &tap.Gap{Time: time.Now(),
			Reason: "zmqtap was restarted: what was published meanwhile is missing"})
	}
	if err := c.write(first); err != nil {
		return err
	}
	beat := time.NewTicker(c.server.cfg.Heartbeat)
	defer beat.Stop()
	var waiting []tap.Delivery
	for { // select chooses at random: a busy stream that the filter suppresses hides neither a disconnect nor the end
		select {
		case <-c.reader.Ready():
		case <-beat.C:
			if err := c.write(c.encoding.heartbeat(nil)); err != nil {
				return err
			}
		case <-changed:
			var err error
			if changed, err = c.tell(); err != nil {
				return err
			}
		case <-c.request.who.Ended():
			return errTakenAway
		case <-r.Context().Done():
			return r.Context().Err()
		case <-c.server.quit:
			for {
				waiting = c.take(waiting)
				if len(waiting) == 0 {
					return nil
				}
				if err := c.deliver(r.Context(), waiting); err != nil {
					return err
				}
			}
		}
		waiting = c.take(waiting)
		if err := c.deliver(r.Context(), waiting); err != nil {
			return err
		}
	}
}

const (
	// portion is how many bytes of messages, with what storing them costs, are taken at once, if they are not large.
	portion = 32 << 10
	// maxWrite is how many bytes are encoded before a write.
	maxWrite = 32 << 10
)

// take takes the next deliveries in the place of those in waiting. It waits for a lane first, so that what comes
// meanwhile is taken along.
func (c *client) take(waiting []tap.Delivery) []tap.Delivery {
	if c.request.filter.expression == nil { // otherwise its turns bound the work
		c.lane.Enter()
	}
	if waiting = c.reader.TakeSome(waiting[:0], portion); len(waiting) == 0 {
		c.lane.Leave()
	}
	return waiting
}

// deliver encodes and writes deliveries, and clears them before it waits for the reader to read.
func (c *client) deliver(ctx context.Context, waiting []tap.Delivery) error {
	defer c.lane.Leave()
	defer c.request.filter.rest()
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b := (*buffer)[:0]
	for _, d := range waiting {
		for i := range d.Messages {
			m := &d.Messages[i]
			if c.takenAway() {
				return errTakenAway
			}
			if matches, err := c.request.filter.match(ctx, m.Payload); err != nil {
				return err
			} else if !matches {
				continue
			}
			if m.Large() {
				if err := c.deliverLarge(b, m); err != nil {
					return err
				}
				b = b[:0]
				continue
			}
			b = c.encoding.message(b, m)
			c.sent++
			if c.request.filter.waits() {
				if err := c.write(b); err != nil {
					return err
				}
				b = b[:0]
			}
		}
		if d.Missed > 0 {
			b = c.miss(b, d.Missed)
		}
		if d.Gap != nil {
			b = c.encoding.gap(b, d.Gap)
		}
	}
	clear(waiting)
	if cap(b) <= 2*maxWrite {
		*buffer = b
	}
	return c.write(b)
}

// rest is called before what may block.
func (c *client) rest() {
	c.request.filter.rest()
	if c.shared {
		c.lane.Leave()
	}
}

// miss reports that n messages are missing here.
func (c *client) miss(b []byte, n uint64) []byte {
	c.missed += n
	return c.encoding.missed(b, n, c.missed)
}

// write sends b to the reader at once, unless it is empty; nil sends the headers.
func (c *client) write(b []byte) error {
	c.rest()
	if b == nil {
		return c.flush()
	}
	if len(b) == 0 {
		return nil
	}
	if err := c.send(b); err != nil {
		return err
	}
	return c.flush()
}

// flush sends what was given to the connection. After that nothing is due: over HTTP/2, a deadline ends a stream that
// writes nothing.
func (c *client) flush() error {
	err := c.control.Flush()
	c.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // there is none then
	return err
}

// limit makes writes fail that take longer from now on.
func (c *client) limit(d time.Duration) {
	c.control.SetWriteDeadline(time.Now().Add(d)) //nolint:errcheck // there is none then
}

// send gives b to the connection, in pieces that the reader must take in time.
func (c *client) send(b []byte) error {
	for len(b) > 0 {
		c.limit(c.server.stall)
		if c.takenAway() {
			c.limit(lastWords)
		}
		n, err := c.out.Write(b[:min(len(b), maxWrite)])
		if err != nil {
			return err
		}
		c.guest.Touch()
		b = b[n:]
	}
	return nil
}
