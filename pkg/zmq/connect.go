package zmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// Connect keeps a connection to an endpoint: it dials, and dials again after the connection was lost, with
// growing waits. It does not block. A name whose members are looked up gets a connection to each member for as
// long as it is one. Names that lead to the same member share its connection.
func (s *Socket) Connect(text string) error {
	e, err := endpoint.Connect(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.publishes() {
		name := e.String()
		if e.Lookup != "" {
			name = ""
		}
		s.newcomers.expect(name, s.cfg.Reaching)
	}
	if e.Lookup != "" {
		s.work.Go(func() { s.follow(e) })
	} else {
		s.work.Go(func() { s.keepConnected(s.ctx, e, nil) })
	}
	return nil
}

// standbyWait is the longest wait before a receiver is asked again that stands by: should the other one die, it serves.
const standbyWait = time.Second

// maxReasons is how many different reasons are logged for one outage.
const maxReasons = 8

// keepConnected dials until ctx ends, and returns when the last connection has ended. It logs each reason once
// in an outage rather than every attempt. m is nil if the endpoint was not looked up.
func (s *Socket) keepConnected(ctx context.Context, e endpoint.Endpoint, m *member) {
	log := s.cfg.Logger.With("endpoint", e.String())
	wait := backoff.Backoff{First: s.cfg.Reconnect, Max: s.cfg.ReconnectMax}
	var logged []string // reasons
	var key int         // index of the server's key that was right last
	s.endpoints.set(e.String(), false, false, nil)
	defer func() {
		if s.ctx.Err() == nil { // nothing leads there any more
			s.endpoints.forget(e.String())
		}
	}()
	for ctx.Err() == nil {
		began := time.Now()
		established, err := s.tryKeys(ctx, e, m, &key)
		if ctx.Err() != nil {
			return
		}
		s.endpoints.set(e.String(), false, false, cmp.Or(err, io.EOF))
		if s.cfg.OnUnreachable != nil && unreachable(established, err) {
			s.cfg.OnUnreachable(e.String())
		}
		stood := time.Since(began)
		if established && stood > s.cfg.Reconnect {
			wait.Reset() // not for one that is dropped at once: it would be dialled in a tight loop
		}
		if established && stood > s.cfg.ReconnectMax {
			logged = logged[:0] // this is another outage
		}
		err = cause(err)
		reason := fmt.Sprint(established, err)
		switch {
		case slices.Contains(logged, reason) || len(logged) >= maxReasons:
			log.Debug("still no lasting connection", "reason", err)
		case errors.Is(err, errElsewhere):
			log.Info("no connection; will go on trying", "reason", err)
			logged = append(logged, reason)
		case established:
			log.Warn("connection lost; dialling again", "reason", err)
			logged = append(logged, reason)
		default:
			log.Warn("no connection; will go on trying", "reason", err)
			logged = append(logged, reason)
		}
		pause := &wait
		if errors.Is(err, errElsewhere) {
			wait.Reset()
			pause = &backoff.Backoff{First: standbyWait, Max: standbyWait}
		}
		if !pause.Wait(ctx) {
			return
		}
	}
}

// unreachable reports whether dialling at once is unlikely to reach the peer: dialling has just failed, the
// peer was silent, or we have ended the connection ourselves.
func unreachable(established bool, err error) bool {
	var dropped *dropError
	return !established || errors.Is(err, errSilent) || errors.As(err, &dropped)
}

// cause returns what went wrong without our own address, whose port differs each time.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}

// errItself is no peer's: the kernel picked the port that was dialled for our own end (see listen.Yield).
var errItself = errors.New("nothing listens there: the connection has reached itself")

func reachesItself(conn net.Conn) bool {
	return conn.LocalAddr().Network() == "tcp" && conn.LocalAddr().String() == conn.RemoteAddr().String()
}

// tryKeys is dialAndServe with each of the keys that the server may have, beginning with *key, until one is right.
func (s *Socket) tryKeys(ctx context.Context, e endpoint.Endpoint, m *member, key *int) (established bool, err error) {
	keys := s.serverKeys(true)
	for range keys {
		established, err = s.dialAndServe(ctx, e, m, *key)
		if !errors.Is(err, errWrongServerKey) {
			break
		}
		*key = (*key + 1) % keys
	}
	return established, err
}

// dialAndServe makes one attempt, and returns when its connection is gone.
func (s *Socket) dialAndServe(ctx context.Context, e endpoint.Endpoint, m *member, key int) (established bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.HandshakeTimeout)
	defer cancel()
	conn, err := s.cfg.dial(ctx, e.Network, e.Address)
	if err != nil {
		return false, err
	}
	if reachesItself(conn) {
		conn.Close()
		return false, errItself
	}
	if m != nil && !s.begin(m, conn) {
		conn.Close()
		return false, errLeft
	}
	s.cfg.Gate.Own(1)
	defer s.cfg.Gate.Own(-1)
	return s.serve(conn, e.String(), nil, true, key)
}
