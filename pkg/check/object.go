package check

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
)

// number returns a parameter's number; fallback if it is not there, or none that can be read.
func number(o *rsyslogconf.Object, name string, fallback int64) int64 {
	v, there := o.Params[name]
	if !there || v.Unknown {
		return fallback
	}
	text, unit := strings.ToLower(v.Text), int64(1)
	for i, suffix := range "kmg" {
		if digits, found := strings.CutSuffix(text, string(suffix)); found {
			text, unit = digits, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fallback
	}
	return n * unit
}

// milliseconds returns a parameter's time.
func milliseconds(o *rsyslogconf.Object, name string, fallback time.Duration) time.Duration {
	return time.Duration(number(o, name, int64(fallback/time.Millisecond))) * time.Millisecond
}

// modules checks that the module is loaded, once. A file that another one includes may rely on that one.
func (c *configured) modules() {
	loads := 0
	for _, o := range c.config.Find("module") {
		if moduleName(o) != c.program.Module {
			continue
		}
		if loads++; loads > 1 {
			c.Warn(LoadedTwice, o.Place, "%s", c.program.Module)
		}
	}
	switch {
	case loads > 0:
	case c.whole:
		c.Wrong(NotLoaded, c.path, "%s", c.program.Module)
	default:
		c.Note("%s is not loaded here: the configuration that includes this file has to load it", c.program.Module)
	}
}

// asAt is between what two objects have and the place of the other one.
const asAt = ", as at "

// queueFiles checks that queues on disk have a folder, and files of their own.
func (c *configured) queueFiles() {
	_, folder := c.config.Global("workdirectory")
	seen := map[string]rsyslogconf.Place{}
	for i := range c.config.Objects {
		o := &c.config.Objects[i]
		name := o.Text("queue.filename")
		if name == "" {
			continue
		}
		if c.whole && !folder && !o.Has("queue.spooldirectory") {
			c.Wrong(NoWorkFolder, o.At("queue.filename"), "%s", name)
			folder = true // said once
		}
		name = filepath.Join(o.Text("queue.spooldirectory"), name)
		if first, taken := seen[name]; taken {
			c.Wrong(SameQueueFile, o.At("queue.filename"), "%s"+asAt+"%v", o.Text("queue.filename"), first)
			continue
		}
		seen[name] = o.At("queue.filename")
	}
}

// binary checks the program and its flags. It returns what these ask for, or what is usual if they cannot be parsed.
func (c *configured) binary(o *rsyslogconf.Object) *Subject {
	usual := &Subject{guessed: true, Owes: true, Linger: 4 * time.Second, Marks: [2]string{omprog.DefaultBeginMark, omprog.DefaultCommitMark}}
	at := o.At("binary")
	if o.Params["binary"].Unknown {
		c.Note("%v: binary= is only known to rsyslogd, so that its flags are not tried", at)
		return usual
	}
	args, quoted := split(o.Text("binary"))
	if quoted {
		c.Warn(DoubleQuotes, at, "")
	}
	c.executable(at, args[0])
	subject, err := c.program.Parse(args[1:])
	if err == nil && subject.Checks {
		err = errors.New("--check tests and ends: leave it out there")
	}
	if err != nil {
		c.Wrong(FlagsRefused, at, "%v", err)
		return usual
	}
	return subject
}

// executable checks that rsyslog can start a program.
func (c *configured) executable(at rsyslogconf.Place, program string) {
	if !filepath.IsAbs(program) {
		c.Wrong(NotAbsolute, at, "%s", program)
		return
	}
	info, err := os.Stat(program)
	switch {
	case errors.Is(err, unix.EACCES):
		c.Wrong(NotExecutable, at, "%v", err)
	case err != nil:
		c.Wrong(NotThere, at, "%v", err)
	case !info.Mode().IsRegular():
		c.Wrong(NotExecutable, at, "%s is no file", program)
	case info.Mode().Perm()&0o111 == 0 || unix.Faccessat(unix.AT_FDCWD, program, unix.X_OK, unix.AT_EACCESS) != nil:
		c.Wrong(NotExecutable, at, "%s has mode %04o", program, info.Mode().Perm())
	default:
		c.OK("%s can be executed", program)
	}
}

// sharedJournal compares an object with those before it: one folder of journals is for one destination.
func (c *configured) sharedJournal(s started) {
	for _, other := range c.before {
		if s.subject.Journal == "" || filepath.Clean(other.subject.Journal) != filepath.Clean(s.subject.Journal) {
			continue
		}
		ours, theirs := slices.Sorted(slices.Values(s.subject.Endpoints)), slices.Sorted(slices.Values(other.subject.Endpoints))
		if !slices.Equal(ours, theirs) {
			c.Wrong(SharedJournal, s.At("binary"), "%s"+asAt+"%v", s.subject.Journal, other.At("binary"))
			break
		}
	}
	c.before = append(c.before, s)
}

// improg checks an input that starts the program.
func (c *configured) improg(o *rsyslogconf.Object, s *Subject) {
	if !o.On("confirmmessages", true) {
		c.Warn(NotConfirmed, o.At("confirmmessages"), "")
	}
	c.closing(o, s, 200*time.Millisecond)
}

// closing checks that the program has the time to finish.
func (c *configured) closing(o *rsyslogconf.Object, s *Subject, usual time.Duration) {
	if timeout := milliseconds(o, "closetimeout", usual); timeout <= s.Linger {
		c.Warn(ShortClose, o.At("closetimeout"), "%v and %v", timeout, s.Linger)
	}
}

// beside checks what sends to the program, or what it sends to, by RELP. It returns how many objects it has found.
func (c *configured) beside(own *Subject) (found int) {
	_, port, err := net.SplitHostPort(own.RELP)
	if err != nil {
		return 0
	}
	const usualTimeout = 90 // seconds; omrelp.c
	for i := range c.config.Objects {
		o := &c.config.Objects[i]
		if o.Text("port") != port {
			continue
		}
		switch kind := o.Kind + " " + strings.ToLower(o.Text("type")); {
		case kind == "input imrelp" && c.program.Object == "input":
			found++
			c.Heading("%v: the input that takes what %s sends", o.Place, c.program.Name)
			if flow := o.Text("flowcontrol"); !strings.EqualFold(flow, "full") {
				c.Warn(DropsWhenFull, o.At("flowcontrol"), "%s", flow)
			}
		case kind == "action omrelp" && c.program.Object == "action":
			found++
			c.Heading("%v: the action that sends to %s", o.Place, c.program.Name)
			timeout := time.Duration(number(o, "timeout", usualTimeout)) * time.Second
			if timeout <= own.SendTimeout {
				c.Wrong(ShortTimeout, o.At("timeout"), "%v and %v", timeout, own.SendTimeout)
			}
			c.queue(o, own)
			c.retries(o, own)
		}
	}
	if found > 0 {
		c.queueFiles()
	}
	return found
}

// lost reports a fault that can lose messages: it is wrong where rsyslog's OK means that they are stored, and else a
// warning.
func (c *configured) lost(s *Subject, k Kind, at rsyslogconf.Place, detail string, args ...any) {
	if s.Stored {
		c.Wrong(k, at, "%s", fmt.Sprintf(detail, args...))
		return
	}
	c.Warn(k, at, "%s", fmt.Sprintf(detail, args...))
}
