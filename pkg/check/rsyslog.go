package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// readConfig reads a configuration, and lets rsyslogd verify it. It returns nil if it cannot be read.
func readConfig(ctx context.Context, r *Report, file string) *rsyslogconf.Config {
	file, err := filepath.Abs(file)
	if err != nil {
		r.Wrong(Unreadable, file, "%v", err)
		return nil
	}
	config, err := rsyslogconf.Read(file, rsyslogconf.Files{Read: readFile, Glob: filepath.Glob, Env: os.LookupEnv})
	if err != nil {
		r.Wrong(Unreadable, file, "%v", err)
		return nil
	}
	r.OK("files that were read: %d", len(config.Files))
	for _, p := range config.Problems {
		r.Warn(NotRead, p.Place, "%s", p.Text)
	}
	verify(ctx, r, file, config)
	return config
}

// verify lets rsyslogd read the configuration, where it is installed.
func verify(ctx context.Context, r *Report, file string, config *rsyslogconf.Config) {
	rsyslogd, err := exec.LookPath("rsyslogd")
	if err != nil {
		rsyslogd = "/usr/sbin/rsyslogd" // which is not in everybody's PATH
		if _, err = os.Stat(rsyslogd); err != nil {
			r.Note("rsyslogd is not on this host, and cannot say what it thinks of the configuration")
			return
		}
	}
	checked := file
	if !whole(file, config) {
		wrapper, err := wrap(file, config)
		if err != nil {
			r.Note("rsyslogd was not asked: %v", err)
			return
		}
		defer os.RemoveAll(filepath.Dir(wrapper))
		checked = wrapper
	}
	said, err := ask(ctx, rsyslogd, "-N1", "-f", checked)
	var complaints []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "rsyslogd:"))
		if line != "" && !strings.HasPrefix(line, "version ") && !strings.HasPrefix(line, "End of config validation") {
			complaints = append(complaints, line)
		}
	}
	complaints = complaints[:min(len(complaints), maxErrors)]
	switch {
	case err == nil && len(complaints) == 0:
		r.OK("rsyslogd accepts the configuration (rsyslogd -N1)")
	case err == nil:
		r.Note("rsyslogd accepts the configuration, and says: %s", strings.Join(complaints, "; "))
	case errors.As(err, new(*exec.ExitError)) && len(complaints) > 0 && ctx.Err() == nil:
		for _, line := range complaints {
			r.Wrong(RsyslogdRefuses, "rsyslogd -N1", "%s", line)
		}
	default:
		r.Note("rsyslogd was asked, and did not answer: %v", err)
	}
}

// wrap makes a whole configuration of a file that is only a part of one, in a folder that the caller removes: with the
// modules that the file needs and does not load, and an action, because rsyslogd refuses one without.
func wrap(file string, config *rsyslogconf.Config) (name string, err error) {
	if strings.ContainsAny(file, "\"\\\n") {
		return "", errors.New("there are quotes, backslashes or line feeds in the file's name")
	}
	folder, err := os.MkdirTemp("", "check-")
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, module := range needed(config) {
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
