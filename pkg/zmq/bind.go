package zmq

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Bind listens at an endpoint and returns the endpoint that it got: port 0 is replaced by the port that was
// picked. A Unix socket that a dead process has left is replaced; one that is in use is not.
func (s *Socket) Bind(text string) (string, error) {
	e, err := endpoint.Bind(text)
	if err != nil {
		return "", err
	}
	l, err := listen.Listen(e.Network, e.Address)
	if err != nil {
		err = bindError(text, err)
		s.endpoints.set(text, true, false, err)
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.Close()
		return "", ErrClosed
	}
	s.listeners = append(s.listeners, l)
	bound := boundEndpoint(e, l.Addr())
	s.endpoints.forget(text)
	s.endpoints.set(bound, true, true, nil)
	s.work.Go(func() { s.accept(l, bound) })
	return bound, nil
}

// BindLater binds an endpoint in the background as patiently as p says, and calls done once, with Bind's result. It
// does not if the socket is closed before. done must not call Close.
func (s *Socket) BindLater(text string, p listen.Patience, done func(bound string, err error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.work.Go(func() {
		var bound string
		err := p.Try(s.ctx, text, func() (err error) {
			bound, err = s.Bind(text)
			return err
		})
		if s.ctx.Err() == nil {
			done(bound, err)
		}
	})
}

// bindError says what to do about an address that is taken.
func bindError(endpoint string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot bind %s: another process holds it: %w", endpoint, err)
	}
	return fmt.Errorf("cannot bind %s: %w", endpoint, err)
}

func boundEndpoint(e endpoint.Endpoint, addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return e.String()
	}
	host, _, err := net.SplitHostPort(e.Address)
	if err != nil {
		return e.String() // impossible: net.Listen has accepted it
	}
	e.Address = net.JoinHostPort(host, fmt.Sprint(tcp.Port))
	return e.String()
}

// accept serves each connection in a goroutine of its own, so that a silent one delays no other.
func (s *Socket) accept(l net.Listener, bound string) {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Max: time.Second}
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.strangers.Write(slog.LevelWarn, "cannot accept a connection", "endpoint", bound, "error", acceptError(err))
			if !wait.Wait(s.ctx) {
				return
			}
			continue
		}
		wait.Reset()
		guest, err := s.cfg.Gate.Admit(conn)
		if err != nil {
			conn.Close() // the gate logs it
			continue
		}
		s.work.Go(func() { s.serveAccepted(conn, guest, bound) })
	}
}

// acceptError says what to do about the most frequent error.
func acceptError(err error) error {
	if errors.Is(err, syscall.EMFILE) {
		_, limit := listen.Descriptors()
		return fmt.Errorf("all %d file descriptors of this process are in use: lower --max-peers, or raise the limit "+
			"(ulimit -n; LimitNOFILE= of systemd): %w", limit, err)
	}
	return err
}

func (s *Socket) serveAccepted(conn net.Conn, guest *listen.Guest, bound string) {
	remote := remoteEndpoint(conn, bound)
	key := s.acceptKey.Load()
	established, err := s.serve(conn, bound, guest, false, int(key))
	if errors.Is(err, errWrongServerKey) {
		s.acceptKey.CompareAndSwap(key, (key+1)%uint32(s.serverKeys(false))) // the server will come again
	}
	s.noteRefused(remote, err)
	guest.Leave()
	if reason := guest.Ended(); reason != nil {
		err = &dropError{reason}
	}
	var dropped *dropError
	switch {
	case errors.As(err, &dropped):
		s.dropped.Write(slog.LevelWarn, "peer dropped", "endpoint", bound, "peer", remote, "reason", err)
	case established && errors.As(err, new(*zmtp.TooLongError)):
		s.dropped.Write(slog.LevelWarn, "peer dropped", "endpoint", bound, "peer", remote, "reason", err)
	case established:
		s.strangers.Write(slog.LevelInfo, "peer disconnected", "endpoint", bound, "peer", remote, "reason", err)
	case errors.Is(err, errElsewhere):
		s.cfg.Logger.Debug("connection refused", "endpoint", bound, "peer", remote, "reason", err)
	case s.ctx.Err() == nil:
		s.strangers.Write(slog.LevelWarn, "connection refused", "endpoint", bound, "peer", remote, "reason", err)
	}
}
