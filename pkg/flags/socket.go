package flags

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Logger returns a logger that writes to stderr as the flags say; Parse has validated them. It also logs how many lines
// stderr had no room for.
func (c *Common) Logger(stderr *log.Writer) *slog.Logger {
	return c.LoggerOf(c.logger(stderr, log.ToJournal(stderr.File(), os.Getenv)).Handler(), stderr)
}

// LoggerOf is Logger with a handler of its own, which writes to stderr, too.
func (c *Common) LoggerOf(h slog.Handler, stderr *log.Writer) *slog.Logger {
	logger := slog.New(h)
	if c.Name != "" {
		logger = logger.With("name", c.Name)
	}
	stderr.OnDropped(func(lines int) {
		logger.Log(context.Background(), max(c.Level(), slog.LevelWarn), "log lines were dropped: nobody read them in time", "lines", lines)
	})
	return logger
}

// Level returns what --log-level says. Parse has validated it.
func (c *Common) Level() slog.Level {
	level, _ := logLevel(c.LogLevel)
	return level
}

// Statistics returns an empty set of numbers for --stats-interval.
func (c *Common) Statistics() *statistics.Set {
	program, _, _ := strings.Cut(c.program.Name, " ") // of zmqtap hub
	return statistics.New(program, cmp.Or(c.Name, c.program.Name))
}

// maxText is how many bytes of an attribute are logged: some texts are a peer's.
const maxText = 1000

// isBuiltIn reports whether an attribute is slog's own time or level.
func isBuiltIn(a slog.Attr) bool {
	if a.Key == slog.TimeKey {
		return a.Value.Kind() == slog.KindTime
	}
	_, level := a.Value.Any().(slog.Level)
	return a.Key == slog.LevelKey && level
}

// logger returns a logger that writes to w. journal: that is systemd's.
func (c *Common) logger(w io.Writer, journal bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level(), ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if journal && len(groups) == 0 && isBuiltIn(a) {
			return slog.Attr{} // the journal has it
		}
		if text := a.Value.String(); len(text) > maxText {
			return slog.String(a.Key, strings.ToValidUTF8(text[:maxText], "")+"…")
		}
		return a
	}}
	handler := func(w io.Writer) slog.Handler {
		if c.LogFormat == "json" {
			return slog.NewJSONHandler(w, options)
		}
		return slog.NewTextHandler(w, options)
	}
	if journal {
		return slog.New(log.Journal(w, handler))
	}
	return slog.New(log.Process(handler(w)))
}

// Socket returns the part of a socket's configuration that the shared flags determine. Secure comes before it.
func (c *Common) Socket(typ zmq.Type, logger *slog.Logger) zmq.Config {
	return zmq.Config{
		Type:         typ,
		HWM:          c.HWM,
		MaxMessage:   int(c.MaxMessage),
		Reconnect:    c.Reconnect,
		ReconnectMax: c.ReconnectMax,
		Heartbeat:    c.Heartbeat,
		DNSServer:    c.DNSServer,
		Security:     c.security.config,
		Budget:       c.Budget(),
		Gate:         c.Gate(logger),
		Lanes:        c.Lanes(),
		Logger:       logger,
	}
}

// ForEver as --bind-retry stands for trying without end.
const ForEver = listen.ForEver

// Open binds and connects a socket to all endpoints. It does not wait: an address that cannot be bound is tried again
// in the background for as long as --bind-retry says. After that the program cannot do its work, so Open calls fail
// with the reason, which Failure returns.
func (c *Common) Open(s *zmq.Socket, logger *slog.Logger, fail context.CancelCauseFunc) error {
	c.security.opened(s)
	for _, text := range c.Bind {
		bound, err := s.Bind(text)
		switch {
		case err == nil:
			logger.Info("listening", "endpoint", bound)
		case c.BindRetry <= 0:
			return err
		default:
			c.unready.add()
			s.BindLater(text, c.Patience(logger), func(bound string, err error) {
				if err != nil {
					fail(&failure{err})
					return
				}
				logger.Info("listening", "endpoint", bound)
				c.unready.done()
			})
		}
	}
	return c.connect(s)
}

// Patience is what --bind-retry asks for.
func (c *Common) Patience(logger *slog.Logger) listen.Patience {
	return listen.Patience{Limit: c.BindRetry, First: c.Reconnect, Max: c.ReconnectMax, Logger: logger}
}

// failure is the cause of a context that Open has ended.
type failure struct{ error }

// Failure returns the reason if Open has ended ctx, and nil if not.
func Failure(ctx context.Context) error {
	var f *failure
	if errors.As(context.Cause(ctx), &f) {
		return f.error
	}
	return nil
}

// Dial is Open for a socket that binds nothing.
func (c *Common) Dial(s *zmq.Socket) error {
	c.security.opened(s)
	return c.connect(s)
}

func (c *Common) connect(s *zmq.Socket) error {
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
