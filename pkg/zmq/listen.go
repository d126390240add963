package zmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

// Bind listens at an endpoint and returns the endpoint that it got, with the port that was picked for port 0.
// A Unix socket that a dead process has left behind is replaced; one that is in use is not.
func (s *Socket) Bind(text string) (string, error) {
	e, err := endpoint.Bind(text)
	if err != nil {
		return "", err
	}
	l, err := listen.Listen(e.Network, e.Address)
	if err != nil {
		return "", bindError(text, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.Close()
		return "", errClosed
	}
	s.listeners = append(s.listeners, l)
	bound := boundEndpoint(e, l.Addr())
	s.work.Go(func() { s.accept(l, bound) })
	return bound, nil
}

func boundEndpoint(e endpoint.Endpoint, addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return e.String()
	}
	host, _, err := net.SplitHostPort(e.Address)
	if err != nil {
		return e.String() // cannot be: net.Listen took it
	}
	e.Address = net.JoinHostPort(host, fmt.Sprint(tcp.Port))
	return e.String()
}

// accept serves each connection in a goroutine of its own, so that one that says nothing delays no other.
func (s *Socket) accept(l net.Listener, bound string) {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Max: time.Second}
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.log(slog.LevelWarn, "cannot accept a connection", "endpoint", bound, "error", err)
			if !wait.Wait(s.ctx) { // out of descriptors, most often: some will be closed
				return
			}
			continue
		}
		wait.Reset()
		s.work.Go(func() { s.serveAccepted(conn, bound) })
	}
}

func (s *Socket) serveAccepted(conn net.Conn, bound string) {
	remote := remoteEndpoint(conn, bound)
	established, err := s.serve(conn, bound, false)
	var dropped *dropError
	switch {
	case errors.As(err, &dropped):
		s.log.log(slog.LevelWarn, "peer dropped", "endpoint", bound, "peer", remote, "reason", err)
	case established:
		s.log.log(slog.LevelInfo, "peer disconnected", "endpoint", bound, "peer", remote, "reason", err)
	case s.ctx.Err() == nil:
		s.log.log(slog.LevelWarn, "connection refused", "endpoint", bound, "peer", remote, "reason", err)
	}
}

// Connect keeps a connection to an endpoint: it dials, and dials again when the connection was lost, with
// growing waits. It does not block. A name whose members are looked up has a connection to each of them, for as long as it is
// a member, and one only for all such names that lead to it.
func (s *Socket) Connect(text string) error {
	e, err := endpoint.Connect(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	if e.Lookup != "" {
		s.work.Go(func() { s.follow(e) })
	} else {
		s.work.Go(func() { s.keepConnected(s.ctx, e, nil) })
	}
	return nil
}

// maxReasons is how many different reasons are logged for one outage.
const maxReasons = 8

// keepConnected dials until ctx ends, and returns when the last connection has ended. It logs each reason once in an outage, not
// every attempt. m is nil where the endpoint was not looked up.
func (s *Socket) keepConnected(ctx context.Context, e endpoint.Endpoint, m *member) {
	log := s.cfg.Logger.With("endpoint", e.String())
	wait := backoff.Backoff{First: s.cfg.Reconnect, Max: s.cfg.ReconnectMax}
	var said []string
	for ctx.Err() == nil {
		began := time.Now()
		established, err := s.dialAndServe(ctx, e, m)
		if ctx.Err() != nil {
			return
		}
		if s.cfg.OnUnreachable != nil && unreachable(established, err) {
			s.cfg.OnUnreachable(e.String())
		}
		stood := time.Since(began)
		if established && stood > s.cfg.Reconnect {
			wait.Reset() // one that is dropped as soon as it stands would be dialled in a tight loop
		}
		if established && stood > s.cfg.ReconnectMax {
			said = said[:0] // another outage
		}
		err = cause(err)
		reason := fmt.Sprint(established, err)
		switch {
		case slices.Contains(said, reason) || len(said) >= maxReasons:
			log.Debug("still no lasting connection", "reason", err)
		case established:
			log.Warn("connection lost; dialling again", "reason", err)
			said = append(said, reason)
		default:
			log.Warn("no connection; will go on trying", "reason", err)
			said = append(said, reason)
		}
		if !wait.Wait(ctx) {
			return
		}
	}
}

// unreachable tells that the peer is not likely to be reached by dialling at once: it was not just now, it was silent, or we
// have ended the connection ourselves.
func unreachable(established bool, err error) bool {
	var dropped *dropError
	return !established || errors.Is(err, errSilent) || errors.As(err, &dropped)
}

// cause is what went wrong without our own address, whose port is another one each time.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}

// dialAndServe makes one attempt, and returns when its connection is gone.
func (s *Socket) dialAndServe(ctx context.Context, e endpoint.Endpoint, m *member) (established bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.HandshakeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, e.Network, e.Address)
	if err != nil {
		return false, err
	}
	if m != nil && !s.begin(m, conn) {
		conn.Close()
		return false, errLeft
	}
	return s.serve(conn, e.String(), true)
}
