// Package flags is what the command lines of all programs have in common: endpoints, queues, timing and logging.
// Each flag is documented by its own usage text.
package flags

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Common holds the values of the flags that every program has.
type Common struct {
	Arguments Arguments // what arguments that are no flags mean

	Connect, Bind []string
	DNSServer     string // "": the system's
	HWM           int
	MaxMessage    Size
	Reconnect     time.Duration
	ReconnectMax  time.Duration
	Heartbeat     time.Duration
	Linger        time.Duration
	LogLevel      string
	LogFormat     string
}

// Arguments is what arguments that are no flags mean.
type Arguments int

// The meanings.
const (
	NoArguments      Arguments = iota // a mistake
	ConnectArguments                  // endpoints to connect to
	BindArguments                     // endpoints to bind
)

// NewSet makes the flag set of a program with the common flags in it. summary says what the program does, one line.
func NewSet(program, summary string, c *Common) *pflag.FlagSet {
	fs := newSet(program)
	fs.StringArrayVar(&c.Connect, "connect", nil, "connect to this `endpoint`: tcp://host:port, tcp://[v6]:port, ipc:///path; dns+tcp://name:port, every "+
		"address of the name, and srv+tcp://_service._tcp.name, every target of its SRV records, looked up again as they change (repeatable)")
	fs.StringArrayVar(&c.Bind, "bind", nil, "bind this `endpoint`: tcp://*:port, tcp://127.0.0.1:port, ipc:///path; port 0 picks one and logs it (repeatable)")
	addFlags(fs, summary, c)
	return fs
}

// NewSetOfOwn makes a flag set without --connect and --bind, for a program that has other names for its endpoints and validates them.
func NewSetOfOwn(program, summary string, c *Common) *pflag.FlagSet {
	fs := newSet(program)
	addFlags(fs, summary, c)
	return fs
}

func newSet(program string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(program, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(io.Discard)
	return fs
}

func addFlags(fs *pflag.FlagSet, summary string, c *Common) {
	fs.StringVar(&c.DNSServer, "dns", "", "ask this DNS server, a `host:port`, for dns+tcp and srv+tcp endpoints, in place of the system's; e.g. 127.0.0.1:8600 for Consul")
	fs.IntVar(&c.HWM, "hwm", zmq.DefaultHWM, "most `messages` held per peer, and never more than 4 MiB of them, or 256 MiB for all")
	c.MaxMessage = zmq.DefaultMaxMessage
	fs.Var(&c.MaxMessage, "max-message-size", "most `bytes` of all frames of a message together; suffixes KiB and MiB")
	fs.DurationVar(&c.Reconnect, "reconnect", zmq.DefaultReconnect, "first wait between dials, doubling")
	fs.DurationVar(&c.ReconnectMax, "reconnect-max", zmq.DefaultReconnectMax, "longest wait between dials")
	fs.DurationVar(&c.Heartbeat, "heartbeat", 10*time.Second, "ZMTP PING interval; a peer silent for 3 of them is dropped; 0: off")
	fs.DurationVar(&c.Linger, "linger", 4*time.Second, "how long to drain at the end")
	fs.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", "text", "text or json")
	fs.Bool("version", false, "print the version")
	fs.BoolP("help", "h", false, "print this help")
	fs.SetAnnotation("help", summaryKey, []string{summary}) //nolint:errcheck // the flag is there
}

const summaryKey = "summary"

// Parse parses the arguments and validates the common ones. Help and version go to stdout and end with ErrHelp.
func (c *Common) Parse(fs *pflag.FlagSet, version string, args []string, stdout io.Writer) error {
	if err := fs.Parse(args); err != nil {
		return &UsageError{err}
	}
	if help, _ := fs.GetBool("help"); help {
		usage := fs.Name() + " [flags]"
		if c.Arguments != NoArguments {
			usage += " ENDPOINT..."
		}
		fmt.Fprintf(stdout, "Usage: %s\n\n%s\n\n%s", usage, fs.Lookup("help").Annotations[summaryKey][0], fs.FlagUsages())
		return ErrHelp
	}
	if v, _ := fs.GetBool("version"); v {
		fmt.Fprintln(stdout, fs.Name(), version)
		return ErrHelp
	}
	switch c.Arguments {
	case ConnectArguments:
		c.Connect = append(c.Connect, fs.Args()...)
	case BindArguments:
		c.Bind = append(c.Bind, fs.Args()...)
	default:
		if fs.NArg() > 0 {
			return Usage("unexpected argument %q: every setting is a flag", fs.Arg(0))
		}
	}
	if fs.Lookup("connect") != nil {
		if err := c.validateEndpoints(); err != nil {
			return err
		}
	}
	return c.validate()
}

func (c *Common) validateEndpoints() error {
	switch {
	case len(c.Connect)+len(c.Bind) > 0:
	case c.Arguments != NoArguments:
		return Usage("nobody to talk to: give at least one endpoint, such as tcp://127.0.0.1:5556")
	default:
		return Usage("nobody to talk to: give at least one --connect or --bind")
	}
	if err := c.CheckConnect("--connect", c.Connect); err != nil {
		return err
	}
	for _, text := range c.Bind {
		if _, err := endpoint.Bind(text); err != nil {
			return Usage("--bind: %w", err)
		}
	}
	return nil
}

// CheckConnect checks endpoints to connect to, all that there are, and --dns, which is for some of them. name is their flag.
func (c *Common) CheckConnect(name string, endpoints []string) error {
	lookups := false
	for _, text := range endpoints {
		e, err := endpoint.Connect(text)
		if err != nil {
			return Usage("%s: %w", name, err)
		}
		lookups = lookups || e.Lookup != ""
	}
	return checkDNSServer(c.DNSServer, lookups)
}

func (c *Common) validate() error {
	switch {
	case c.HWM < 1:
		return Usage("--hwm %d: at least 1 message must be held", c.HWM)
	case c.Reconnect <= 0 || c.ReconnectMax < c.Reconnect:
		return Usage("--reconnect %v and --reconnect-max %v: the first wait must be positive, and the longest not shorter", c.Reconnect, c.ReconnectMax)
	case c.Heartbeat < 0 || c.Linger < 0:
		return Usage("--heartbeat and --linger cannot be negative")
	}
	if _, err := logLevel(c.LogLevel); err != nil {
		return err
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return Usage("--log-format %q: write text or json", c.LogFormat)
	}
	return nil
}

func checkDNSServer(server string, lookups bool) error {
	if server == "" {
		return nil
	}
	if _, err := endpoint.Connect("tcp://" + server); err != nil {
		return Usage("--dns %q: write host:port, such as 127.0.0.1:53 or [::1]:53", server)
	}
	if !lookups {
		return Usage("--dns needs an endpoint to connect to of the form dns+tcp://name:port or srv+tcp://_service._tcp.name: nothing else is looked up there")
	}
	return nil
}

func logLevel(text string) (slog.Level, error) {
	switch text {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, Usage("--log-level %q: write debug, info, warn or error", text)
}

// Logger makes the program's logger; the flags have been validated.
func (c *Common) Logger(stderr io.Writer) *slog.Logger {
	level, _ := logLevel(c.LogLevel)
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(stderr, options))
	}
	return slog.New(slog.NewTextHandler(stderr, options))
}

// Socket returns the part of a socket's configuration that the common flags decide.
func (c *Common) Socket(typ zmq.Type, logger *slog.Logger) zmq.Config {
	return zmq.Config{
		Type:         typ,
		HWM:          c.HWM,
		MaxMessage:   int(c.MaxMessage),
		Reconnect:    c.Reconnect,
		ReconnectMax: c.ReconnectMax,
		Heartbeat:    c.Heartbeat,
		DNSServer:    c.DNSServer,
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

// Dial connects a socket to the endpoints to connect to.
func (c *Common) Dial(s *zmq.Socket) error {
	for _, text := range c.Connect {
		if err := s.Connect(text); err != nil {
			return err
		}
	}
	return nil
}

// Endpoints are those to connect to, as a socket names them, without those that are looked up, which nobody knows at the start:
// what a dead process had given to one is held for nobody, and goes to whoever is there.
func (c *Common) Endpoints() (names []string) {
	for _, text := range c.Connect {
		if e, err := endpoint.Connect(text); err == nil && e.Lookup == "" {
			names = append(names, e.String())
		}
	}
	return names
}

// Lingering returns a context that lasts for --linger longer than ctx: the time for draining.
func (c *Common) Lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(c.Linger, cancel) })
	return longer, func() { stop(); cancel() }
}

// StopSignals are the signals that end a program. SIGINT is not among them when it was ignored at the start, as rsyslog
// ignores it in its children on purpose: to be notified would undo that.
func StopSignals(ignored func(os.Signal) bool, interrupt, terminate os.Signal) []os.Signal {
	if ignored(interrupt) {
		return []os.Signal{terminate}
	}
	return []os.Signal{interrupt, terminate}
}
