package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
)

const (
	// verifyTime is how long rsyslogd -N1 may take.
	verifyTime = 20 * time.Second
	// maxSaid is how many bytes of its output are read, and maxErrors how many of its errors are shown.
	maxSaid   = 64 << 10
	maxErrors = 5
)

// configuration reads a configuration, or those of a folder. It returns nil if there is none that can be read.
func configuration(r *Report, p Program, name string) *configured {
	path, err := filepath.Abs(name)
	if err != nil {
		r.Wrong(Unreadable, name, "%v", err)
		return nil
	}
	c := &configured{Report: r, program: p, path: path}
	files := rsyslogconf.Files{Read: readFile, Glob: filepath.Glob, Env: os.LookupEnv}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		c.folder = true
		if c.config = rsyslogconf.ReadAll(c.included(), files); len(c.config.Files)+len(c.config.Problems) == 0 {
			r.Wrong(Unreadable, path, "there is no *.conf in this folder")
			return nil
		}
	} else if c.config, err = rsyslogconf.Read(path, files); err != nil {
		r.Wrong(Unreadable, path, "%v", err)
		return nil
	}
	c.whole = !c.folder && (len(c.config.Files) > 1 || filepath.Base(path) == "rsyslog.conf")
	r.OK("files that were read: %d", len(c.config.Files))
	for _, p := range c.config.Problems {
		r.Warn(NotRead, p.Place, "%s", p.Text)
	}
	return c
}

// included is what another configuration includes to read this one.
func (c *configured) included() string {
	if c.folder {
		return filepath.Join(c.path, "*.conf")
	}
	return c.path
}

// verify lets rsyslogd read the configuration, where it is installed. What was found already is not said again.
func (c *configured) verify(ctx context.Context) {
	rsyslogd, err := exec.LookPath("rsyslogd")
	if err != nil {
		rsyslogd = "/usr/sbin/rsyslogd" // which is not in everybody's PATH
		if _, err = os.Stat(rsyslogd); err != nil {
			c.Note("rsyslogd is not on this host, and cannot say what it thinks of the configuration")
			return
		}
	}
	checked := c.path
	if !c.whole {
		wrapper, err := c.wrap()
		if err != nil {
			c.Note("rsyslogd was not asked: %v", err)
			return
		}
		defer os.RemoveAll(filepath.Dir(wrapper))
		checked = wrapper
	}
	said, err := ask(ctx, rsyslogd, "-N1", "-f", checked)
	causes := complaints(said)
	switch {
	case err == nil && len(causes) == 0:
		c.OK("rsyslogd accepts the configuration")
	case err == nil:
		c.Note("rsyslogd accepts the configuration, and says: %s", strings.Join(causes, "; "))
	case errors.As(err, new(*exec.ExitError)) && len(causes) > 0 && ctx.Err() == nil:
		c.refused(causes)
	default:
		c.Note("rsyslogd was asked, and did not answer: %v", err)
	}
}

// refused says why rsyslogd refuses the configuration.
func (c *configured) refused(causes []string) {
	known := c.findings()
	causes = slices.DeleteFunc(causes, func(cause string) bool {
		return slices.ContainsFunc(known, func(f told) bool { return f.echoed(cause) })
	})
	if len(causes) == 0 {
		c.Note("rsyslogd refuses the configuration, for what is said above")
	}
	for _, cause := range causes[:min(len(causes), maxErrors)] {
		c.Wrong(RsyslogdRefuses, "rsyslogd -N1", "%s", cause)
	}
}

// echoed reports whether a complaint of rsyslogd's is about what was found here. All are of the same form in releases
// from 8.2302 on: they quote a name.
func (f told) echoed(complaint string) bool {
	said, known := map[Kind]string{
		NoTemplate:    "Could not find template",
		NotLoaded:     "module name",
		LoadedTwice:   "already in this config",
		SameQueueFile: "already used",
	}[f.kind]
	name, _, _ := strings.Cut(f.detail, asAt)
	return known && strings.Contains(complaint, said) && strings.Contains(complaint, "'"+name+"'")
}

var (
	// around says no more than where the complaint before it comes from.
	around = regexp.MustCompile(`(?:errors|warnings) occurr?ed in file '.*' around line \d+`)
	// consequence is what rsyslogd adds to complaints.
	consequence = regexp.MustCompile(`^(there are no active actions configured|run failed with error )`)
)

// complaints returns what is wrong of what rsyslogd says, each thing once, with its place. What follows from it is left
// out, if there is anything else.
func complaints(said string) (causes []string) {
	var rest []string
	placed := true // what follows needs no place
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "rsyslogd:"))
		where := around.FindString(line)
		switch {
		case line == "" || strings.HasPrefix(line, "version ") || strings.HasPrefix(line, "End of config validation"):
		case consequence.MatchString(line):
			rest = append(rest, line)
		case where == "" || len(causes) == 0:
			causes = append(causes, line)
			placed = where != "" || strings.Contains(line, "on or before line")
		case !placed:
			causes[len(causes)-1] += "; " + where
			placed = true
		}
	}
	if len(causes) == 0 {
		return rest
	}
	return causes
}

// wrap makes a whole configuration of what is only a part of one, in a folder that the caller removes: with the
// modules that the file needs and does not load, and an action, because rsyslogd refuses one without.
func (c *configured) wrap() (name string, err error) {
	file := c.included()
	if strings.ContainsAny(file, "\"\\\n") {
		return "", errors.New("there are quotes, backslashes or line feeds in the file's name")
	}
	folder, err := os.MkdirTemp("", "check-")
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, module := range needed(c.config) {
		fmt.Fprintf(&text, "module(load=%q)\n", module)
	}
	fmt.Fprintf(&text, "include(file=\"%s\")\naction(type=\"omfile\" file=\"/dev/null\")\n", file)
	name = filepath.Join(folder, "rsyslog.conf")
	return name, os.WriteFile(name, []byte(text.String()), 0o600)
}

// needed returns the modules that actions and inputs need, and that are not loaded or built in.
func needed(config *rsyslogconf.Config) (modules []string) {
	have := map[string]bool{"omfile": true, "omfwd": true, "omusrmsg": true, "ompipe": true, "omdiscard": true, "omshell": true, "": true}
	for _, o := range config.Find("module") {
		have[moduleName(o)] = true
	}
	for _, kind := range []string{"input", "action"} {
		for _, o := range config.Find(kind) {
			if name := strings.ToLower(o.Text("type")); !have[name] && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
				have[name] = true
				modules = append(modules, name)
			}
		}
	}
	return modules
}

// moduleName is the name of a module, which may be loaded by its path.
func moduleName(o *rsyslogconf.Object) string {
	return strings.ToLower(strings.TrimSuffix(filepath.Base(o.Text("load")), ".so"))
}

// ask runs a program and returns what it says.
func ask(ctx context.Context, path string, args ...string) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	out := &capped{}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, out, time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out.String(), err
}

// capped keeps the first maxSaid bytes.
type capped struct{ bytes.Buffer }

func (c *capped) Write(b []byte) (int, error) {
	c.Buffer.Write(b[:min(len(b), maxSaid-c.Len())])
	return len(b), nil
}
