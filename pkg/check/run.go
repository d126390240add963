package check

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
)

// wholeTime is how long a whole check may take. What has not been tried by then counts as not tried.
const wholeTime = 2 * time.Minute

// Program is what --check needs to know of a program.
type Program struct {
	Name   string
	Object string // of rsyslog's configuration, that starts the program: "action" or "input"; "": none does
	Module string // its type: "omprog" or "improg"

	// Parse parses a command line that rsyslog would give to the program.
	Parse func(args []string) (*Subject, error)
}

// Subject is a command line that has been parsed.
type Subject struct {
	// Try tries what the flags ask for.
	Try func(ctx context.Context, r *Report)

	ByRsyslog   bool     // rsyslog starts it, rather than a service manager
	Endpoints   []string // all of them
	Binds       bool     // one of them is bound
	Journal     string
	Owes        bool // a message that was taken must arrive: all but a publisher
	Stored      bool // rsyslog's OK means that it was stored
	Checks      bool // --check is among the flags
	Linger      time.Duration
	SendTimeout time.Duration
	Marks       [2]string // before and after a batch
	RELP        string    // host:port that omrelp sends to, or that imrelp listens at; "": none

	guessed bool // the flags could not be parsed
}

// Run checks a command line, a configuration of rsyslog, or both, and writes the report to stdout. file is "" if there
// is no configuration, own is nil if the command line only names one. The error is not nil if something is wrong.
func Run(ctx context.Context, stdout io.Writer, p Program, file string, own *Subject) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wholeTime, errors.New("it took more than "+wholeTime.String()))
	defer cancel()
	r := NewReport(stdout)
	var c *configured
	var config *rsyslogconf.Config
	if file != "" {
		r.Heading("%s", file)
		if c = configuration(r, p, file); c != nil {
			config = c.config
		}
	} else {
		r.Heading("%s --check", p.Name)
	}
	User(r, config, own == nil || own.ByRsyslog)
	if own != nil {
		if file != "" {
			r.Heading("the command line")
		}
		own.Try(ctx, r)
	}
	if c != nil {
		c.check(ctx, own)
		c.Heading("rsyslogd -N1")
		c.verify(ctx)
	}
	return r.End(ctx)
}

// configured checks what a configuration says about a program.
type configured struct {
	*Report
	program Program
	config  *rsyslogconf.Config
	path    string    // of the file or the folder, from the root
	folder  bool      // it is a folder, of whose files rsyslog reads *.conf
	whole   bool      // it is rsyslog's whole one, rather than what another one includes
	before  []started // the objects that were checked before
}

// started is an object that starts the program.
type started struct {
	*rsyslogconf.Object
	subject *Subject
}

func (c *configured) check(ctx context.Context, own *Subject) {
	found := 0
	for _, o := range c.config.Find(c.program.Object) {
		if strings.EqualFold(o.Text("type"), c.program.Module) && c.starts(o) {
			if found++; found == 1 {
				c.modules()
				c.queueFiles()
			}
			c.started(ctx, o)
		}
	}
	if own != nil {
		found += c.beside(own)
	}
	switch {
	case found > 0:
	case own != nil:
		c.Note("the configuration does not start %s", c.program.Name)
	default:
		c.Wrong(NotStarted, c.path, "no %s of %s has %s in binary=", c.program.Object, c.program.Module, c.program.Name)
	}
}

// starts reports whether an object starts the program.
func (c *configured) starts(o *rsyslogconf.Object) bool {
	args, _ := split(o.Text("binary"))
	return len(args) > 0 && filepath.Base(strings.Trim(args[0], `"'`)) == c.program.Name
}

// started checks one object that starts the program.
func (c *configured) started(ctx context.Context, o *rsyslogconf.Object) {
	c.Heading("%v: %s %q", o.Place, o.Kind, o.Text("name"))
	subject := c.binary(o)
	before := len(c.findings())
	if c.program.Object == "action" {
		c.omprog(o, subject)
	} else {
		c.improg(o, subject)
	}
	c.sharedJournal(started{o, subject})
	if len(c.findings()) == before {
		c.OK("the %s's other settings, and what they refer to, have none of the known faults", o.Kind)
	}
	if subject.Try != nil {
		subject.Try(ctx, c.Report)
	}
}

// split splits binary= into program and arguments, as rsyslog does: at spaces. Newer releases take double quotes away,
// and spaces between them do not split; quoted: there were some.
func split(text string) (args []string, quoted bool) {
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		var arg string
		if strings.HasPrefix(text, `"`) {
			if inner, rest, closed := strings.Cut(text[1:], `"`); closed && (rest == "" || rest[0] == ' ') {
				args, text, quoted = append(args, inner), rest, true
				continue
			}
		}
		arg, text, _ = strings.Cut(text, " ")
		args = append(args, arg)
	}
	return args, quoted
}
