package zcert

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// clients is a folder of clients under test. What is written to it counts as settled unless late is set.
type clients struct {
	t *testing.T
	*Folder
	dir  string
	log  bytes.Buffer
	late bool
}

// openClients makes a folder, which fill fills, and opens it.
func openClients(t *testing.T, fill func(dir string)) *clients {
	t.Helper()
	c := &clients{t: t, dir: filepath.Join(t.TempDir(), "clients")}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fill(c.dir)
	var err error
	c.Folder, err = OpenFolder(c.dir, slog.New(slog.NewTextHandler(&c.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time {
		if c.late {
			return time.Time{}
		}
		return time.Now().Add(time.Hour)
	}
	return c
}

// reread reads the folder again and returns what was logged.
func (c *clients) reread(changed bool) string {
	c.t.Helper()
	c.log.Reset()
	if got := c.Reread(false); got != changed {
		c.t.Errorf("changed: %v, want %v; log: %s", got, changed, c.log.String())
	}
	return c.log.String()
}

// want checks that these may connect, and nobody else.
func (c *clients) want(names ...string) {
	c.t.Helper()
	var got []string
	for key := range *c.admitted.Load() {
		name, ok := c.Admit(key)
		if !ok {
			c.t.Error("a key of the list may not connect")
		}
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, names) {
		c.t.Errorf("%q may connect, want %q", got, names)
	}
}

// client writes a new client's public certificate, whose name is that of the file.
func client(t *testing.T, path string) curve.Key {
	t.Helper()
	c := newCertificate(t, filepath.Base(path))
	write(t, path, c.text("a test", time.Time{}, false), 0o644)
	return c.Public
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantLine(t *testing.T, log string, parts ...string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return
		}
	}
	t.Errorf("no line with %q in the log:\n%s", parts, log)
}
