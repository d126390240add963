package flags

import (
	"io"
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Logger returns a logger that writes to stderr as the flags say; Parse has validated them.
func (c *Common) Logger(stderr io.Writer) *slog.Logger {
	level, _ := logLevel(c.LogLevel)
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(stderr, options))
	}
	return slog.New(slog.NewTextHandler(stderr, options))
}

// Socket returns the part of a socket's configuration that the shared flags determine.
func (c *Common) Socket(typ zmq.Type, logger *slog.Logger) zmq.Config {
	return zmq.Config{
		Type:         typ,
		HWM:          c.HWM,
		MaxMessage:   int(c.MaxMessage),
		Reconnect:    c.Reconnect,
		ReconnectMax: c.ReconnectMax,
		Heartbeat:    c.Heartbeat,
		DNSServer:    c.DNSServer,
		Budget:       c.Budget(),
		Gate:         c.Gate(logger),
		Logger:       logger,
	}
}

// Open binds and connects a socket to all endpoints.
func (c *Common) Open(s *zmq.Socket, logger *slog.Logger) error {
	for _, text := range c.Bind {
		bound, err := s.Bind(text)
		if err != nil {
			return err
		}
		logger.Info("listening", "endpoint", bound)
	}
	return c.Dial(s)
}

// Dial connects a socket to the endpoints of --connect.
func (c *Common) Dial(s *zmq.Socket) error {
	for _, text := range c.Connect {
		if err := s.Connect(text); err != nil {
			return err
		}
	}
	return nil
}

// Endpoints returns the endpoints of --connect, as a socket names them. Those that are looked up are left out, because
// their addresses are not known at the start: what a dead process had sent to such an address is not held for it, and
// goes to any peer.
func (c *Common) Endpoints() (names []string) {
	for _, text := range c.Connect {
		if e, err := endpoint.Connect(text); err == nil && e.Lookup == "" {
			names = append(names, e.String())
		}
	}
	return names
}
