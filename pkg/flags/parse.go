package flags

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
)

// Parse parses the arguments and validates the shared flags. It prints help or version to stdout and then returns
// ErrHelp. A command line that cannot be obeyed is a *UsageError.
func (c *Common) Parse(fs *pflag.FlagSet, version string, args []string, stdout io.Writer) error {
	if c.program.Plugin {
		if err := checkQuotes(args); err != nil {
			return err
		}
	}
	c.version = version
	if err := fs.Parse(args); err != nil {
		return wrongFlags(fs, err)
	}
	if err := c.printed(fs, stdout); err != nil {
		return err
	}
	if fs.Changed("name") {
		if err := zcert.CheckName(c.Name); err != nil {
			return Usage("--name: %w", err)
		}
	}
	if fs.Changed("curve-keygen") {
		return c.makeKey(fs, stdout)
	}
	if err := c.takeArguments(fs, args); err != nil {
		return err
	}
	if fs.Lookup("connect") != nil && !fs.Changed(c.program.Offline) && !c.onlyFile() {
		if err := c.validateEndpoints(); err != nil {
			return err
		}
		if err := c.CheckRoles(c.Bind, c.Connect); err != nil {
			return err
		}
	}
	if !fs.Changed("reconnect-max") {
		c.ReconnectMax = max(c.ReconnectMax, c.Reconnect)
	}
	return c.validate()
}

// unexpected is the error of an argument that is no flag. Where it may be meant as the value of the flag before it,
// the error says how that is written.
func unexpected(fs *pflag.FlagSet, args []string, arg string) error {
	for i, after := range args[1:] {
		f := fs.Lookup(strings.TrimPrefix(args[i], "--"))
		if after != arg || f == nil || f.NoOptDefVal == "" {
			continue
		}
		if _, err := strconv.ParseBool(arg); err == nil || optional(f) != "" {
			return Usage("unexpected argument %q: the value of --%s comes after a =: --%s=%s", arg, f.Name, f.Name, zcert.Quote(arg))
		}
	}
	return Usage("unexpected argument %q: every setting is a flag", arg)
}

// takeArguments takes the arguments that are not flags.
func (c *Common) takeArguments(fs *pflag.FlagSet, all []string) error {
	args := fs.Args()
	if c.TakesFile {
		if len(args) == 0 || args[0] == "" {
			return Usage("no file: its name is the first argument")
		}
		c.File, args = args[0], args[1:]
	}
	switch c.Arguments {
	case ConnectArguments:
		c.Connect = append(c.Connect, args...)
	case BindArguments:
		c.Bind = append(c.Bind, args...)
	default:
		if len(args) > 0 {
			return unexpected(fs, all, args[0])
		}
	}
	return nil
}

// printed prints help, manual page, completion or version, if that was asked for, and then returns ErrHelp.
func (c *Common) printed(fs *pflag.FlagSet, stdout io.Writer) error {
	asked := func(name string) bool { yes, _ := fs.GetBool(name); return yes }
	switch {
	case asked("help"):
		c.printHelp(fs, stdout)
	case asked(manualFlag):
		c.printManual(fs, c.version, stdout)
	case fs.Changed(referenceFlag):
		what, _ := fs.GetString(referenceFlag)
		c.printReference(fs, what == "shared", stdout)
	case fs.Changed(completionFlag):
		shell, _ := fs.GetString(completionFlag)
		return c.printCompletion(fs, shell, stdout)
	case asked("version"):
		fmt.Fprintln(stdout, fs.Name(), c.version)
	default:
		return nil
	}
	return ErrHelp
}

// checkQuotes refuses arguments that begin or end with a quote. No shell takes quotes away where rsyslog starts a
// program: rsyslog 8.2302 hands those in binary= on as part of the argument. A quote alone may be meant.
func checkQuotes(args []string) error {
	for _, arg := range args {
		value := arg
		if strings.HasPrefix(arg, "--") {
			_, value, _ = strings.Cut(arg, "=")
		}
		if text := strings.Trim(value, `"'`); len(value) > 1 && text != value {
			if looksLikeKey(text) {
				arg = strings.TrimSuffix(arg, value) + "…"
			}
			return Usage("argument %s begins or ends with a quote: rsyslog hands quotes in binary= on as part of the argument; "+
				"leave them out", arg)
		}
	}
	return nil
}

func (c *Common) validateEndpoints() error {
	switch {
	case len(c.Connect)+len(c.Bind) > 0 || c.NoEndpoint:
	case c.Arguments != NoArguments:
		return Usage("no endpoint: give at least one endpoint, such as tcp://127.0.0.1:5556")
	default:
		return Usage("no endpoint: give at least one --connect or --bind")
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

// CheckConnect checks all endpoints to connect to, which the flag of this name gave, and --dns, which needs one that is
// looked up.
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

// maxPrefix is how many bytes a prefix to subscribe to may have. A publisher takes it in one command, whose length it
// limits (pkg/zmq: 8 KiB).
const maxPrefix = 4 << 10

// CheckPrefixes checks the prefixes to subscribe to, which the flag of this name gave.
func CheckPrefixes(name string, prefixes []string) error {
	var set prefix.Set
	for _, p := range prefixes {
		if len(p) > maxPrefix {
			return Usage("--%s: a prefix of %d bytes; at most %d are allowed", name, len(p), maxPrefix)
		}
		if _, err := set.Add([]byte(p)); err != nil {
			return Usage("--%s: %w", name, err)
		}
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
		return Usage("--dns needs an endpoint to connect to of the form dns+tcp://name:port or " +
			"srv+tcp://_service._tcp.name: nothing else is looked up there")
	}
	return nil
}

// leastStatsInterval keeps a typing error from filling a disk.
const leastStatsInterval = 100 * time.Millisecond

func (c *Common) validate() error {
	if c.ReconnectMax < c.Reconnect {
		return Usage("--reconnect %v and --reconnect-max %v: the longest wait cannot be shorter than the first",
			c.Reconnect, c.ReconnectMax)
	}
	if c.StatsInterval > 0 && c.StatsInterval < leastStatsInterval {
		return Usage("--stats-interval %v: write %v or more, or 0 for no statistics", c.StatsInterval, leastStatsInterval)
	}
	if c.Metrics != "" {
		if _, _, err := listen.Address(c.Metrics); err != nil {
			return Usage("--metrics %q: %w", c.Metrics, err)
		}
	}
	if _, err := logLevel(c.LogLevel); err != nil {
		return err
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return Usage("--log-format %q: write text or json", c.LogFormat)
	}
	if err := c.security.check(); err != nil {
		return err
	}
	return c.Limit(0)
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
