// Package flags holds what the command lines of all programs share: the flags for endpoints, queues, timing and
// logging, the help, and the exit codes. The usage text of each flag documents it.
package flags

import (
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Common holds the values of the shared flags.
type Common struct {
	Arguments  Arguments // what arguments that are not flags mean
	TakesFile  bool      // the first of them is a file
	NoEndpoint bool      // there may be no endpoint

	File          string // the argument, if TakesFile is set
	Connect, Bind []string
	DNSServer     string // "": the system's
	HWM           int
	MaxMessage    Size
	Reconnect     time.Duration
	ReconnectMax  time.Duration
	BindRetry     time.Duration // how long an address that cannot be bound is tried again; ForEver: without end
	Heartbeat     time.Duration
	Linger        time.Duration
	Name          string        // stands in each log line; "": none
	Metrics       string        // the address of --metrics; "": none
	StatsInterval time.Duration // between lines of statistics; 0: there are none
	LogLevel      string
	LogFormat     string
	Check         Check

	program  Program
	version  string
	shared   *pflag.FlagSet
	limits   limits
	unready  *countdown // endpoints that are not yet bound, and the program itself: see Report
	security *security
}

// Arguments is what arguments that are not flags mean.
type Arguments int

// usage is how the arguments are written in a usage line.
func (c *Common) usage() string {
	if c.TakesFile {
		return " FILE" + c.Arguments.usage()
	}
	return c.Arguments.usage()
}

// usage is how arguments of that meaning are written in a usage line.
func (a Arguments) usage() string {
	switch a {
	case NoArguments:
		return ""
	case AddressArguments:
		return " [ADDRESS]..."
	}
	return " ENDPOINT..."
}

// The meanings.
const (
	NoArguments      Arguments = iota // a mistake
	ConnectArguments                  // endpoints to connect to
	BindArguments                     // endpoints to bind
	AddressArguments                  // addresses of --metrics; there may be none
)

// What endpoints begin with, for completion.
var (
	ToConnect = []string{"tcp://", "ipc:///", "dns+tcp://", "srv+tcp://"}
	ToBind    = []string{"tcp://", "ipc:///"}
)

// NewSet returns a program's flag set, with the shared flags in it. The program adds its own flags, then calls Parse.
func NewSet(p Program, c *Common) *pflag.FlagSet {
	c.shared = newSet(p.Name)
	c.shared.StringArrayVar(&c.Connect, "connect", nil,
		"connect to this `endpoint`: tcp://host:port, tcp://[v6]:port or ipc:///path; dns+tcp://name:port for every "+
			"address of the name, srv+tcp://_service._tcp.name for every target of its SRV records; names are looked "+
			"up again as they change (repeatable)")
	c.shared.StringArrayVar(&c.Bind, "bind", nil,
		"bind this `endpoint`: tcp://*:port, tcp://127.0.0.1:port or ipc:///path; port 0 picks a free port "+
			"and logs it (repeatable)")
	Beginnings(c.shared, "connect", ToConnect...)
	Beginnings(c.shared, "bind", ToBind...)
	return c.newSet(p)
}

// NewSetWithoutEndpoints is NewSet without --connect and --bind, for a program that names its endpoints otherwise and
// validates them itself.
func NewSetWithoutEndpoints(p Program, c *Common) *pflag.FlagSet {
	c.shared = newSet(p.Name)
	return c.newSet(p)
}

// Default gives a shared flag another default in one command, before Parse.
func Default(fs *pflag.FlagSet, name, value string) {
	f := fs.Lookup(name)
	if err := f.Value.Set(value); err != nil {
		panic(err)
	}
	f.DefValue = f.Value.String()
	fs.SetAnnotation(name, ownDefault, nil) //nolint:errcheck // it is there
}

// ownDefault is the annotation of a shared flag with a default of this command.
const ownDefault = "own default"

func newSet(name string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(io.Discard)
	return fs
}

// addStandard adds the flags that every command has.
func addStandard(s *pflag.FlagSet) {
	s.Bool("version", false, "print the version")
	s.BoolP("help", "h", false, "print this help")
	s.Bool(manualFlag, false, "print the manual page")
	s.MarkHidden(manualFlag) //nolint:errcheck // it is there
	s.String(referenceFlag, "", "print the program's part of the reference")
	s.MarkHidden(referenceFlag) //nolint:errcheck // likewise
	s.Lookup(referenceFlag).NoOptDefVal = "own"
	s.String(completionFlag, "", "print a script for the completion in this shell")
	s.MarkHidden(completionFlag) //nolint:errcheck // likewise
}

// newSet adds the shared flags other than endpoints to c.shared and returns a set that holds them all.
func (c *Common) newSet(p Program) *pflag.FlagSet {
	c.program, c.unready = p, newCountdown()
	s := c.shared
	s.StringVar(&c.DNSServer, "dns", "",
		"DNS server, `host:port`, for dns+tcp and srv+tcp endpoints, instead of the system's; "+
			"for example 127.0.0.1:8600 for Consul")
	Count(s, &c.HWM, "hwm", zmq.DefaultHWM, 1, MaxCount,
		"most `messages` held per peer; their bytes are limited, too: 4 MiB per peer, and a part of --max-memory")
	c.MaxMessage = zmq.DefaultMaxMessage
	s.Var(&c.MaxMessage, "max-message-size", "most `bytes` in all frames of a message together, which is cut there; suffixes KiB and MiB")
	c.limits.add(s)
	Duration(s, &c.Reconnect, "reconnect", zmq.DefaultReconnect, time.Millisecond, MaxDuration,
		"first wait between dials; doubles with each failure")
	Duration(s, &c.ReconnectMax, "reconnect-max", zmq.DefaultReconnectMax, time.Millisecond, MaxDuration,
		"longest wait between dials")
	Duration(s, &c.BindRetry, "bind-retry", 0, 0, MaxDuration,
		"how long an address that cannot be bound, because another process holds it or the host does not have it yet, "+
			"is tried again; 0: not at all")
	Duration(s, &c.Heartbeat, "heartbeat", 10*time.Second, 0, MaxDuration,
		"ZMTP PING interval; a peer that is silent for 3 intervals is dropped; 0: off")
	Duration(s, &c.Linger, "linger", 4*time.Second, 0, MaxDuration, "longest time to drain at the end")
	s.StringVar(&c.Name, "name", "", "`name` of this program: stands in each log line, and in the certificate of --curve-keygen")
	c.security = &security{}
	c.security.add(s)
	s.StringVar(&c.Metrics, "metrics", "",
		"serve Prometheus's /metrics, and /healthz, at this `address`: host:port, or unix:/path; "+
			"processes with the same address share it")
	Duration(s, &c.StatsInterval, "stats-interval", 0, 0, MaxDuration,
		"write a line of counters to standard error this often, as JSON in the shape of rsyslog's impstats; 0: never")
	s.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	Values(s, "log-level", "debug", "info", "warn", "error")
	s.StringVar(&c.LogFormat, "log-format", "text", "text or json")
	Values(s, "log-format", "text", "json")
	c.Check.add(s, p.Plugin)
	addStandard(s)

	fs := newSet(p.Name)
	fs.AddFlagSet(s)
	return fs
}
