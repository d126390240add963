package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// A journal that was being made when its maker died is removed: an empty file, or one whose header is not written yet,
// or the whole journal without its name. One that may still be in the making is not, and nothing else is.
func TestUnfinishedJournals(t *testing.T) {
	page := make([]byte, journal.HeaderSize)
	journal.WriteHeader(page, newID(), journal.Owner{})
	for _, c := range []struct {
		what string
		name string // "": as ours
		text []byte
		make func(path string) error // what is there instead of a file
		age  time.Duration
		gone bool
	}{
		{what: "empty", age: 2 * time.Minute, gone: true},
		{what: "without a header", text: make([]byte, 2*journal.HeaderSize), age: 2 * time.Minute, gone: true},
		{what: "whole", text: page, age: 2 * time.Minute, gone: true},
		{what: "in the making", age: 0},
		{what: "somebody's text", text: []byte("what I must not forget"), age: 2 * time.Minute},
		{what: "somebody's file", name: "notes.new", age: 2 * time.Minute},
		{what: "another number", name: "01ab.new", age: 2 * time.Minute},
		{what: "no number", name: strings.Repeat("xy", journal.IDSize) + newSuffix, age: 2 * time.Minute},
		{what: "a folder", make: func(path string) error { return os.Mkdir(path, 0o700) }, age: 2 * time.Minute},
		{what: "a link", make: func(path string) error { return os.Symlink("/dev/null", path) }},
		{what: "a pipe", make: func(path string) error { return unix.Mkfifo(path, 0o600) }, age: 2 * time.Minute},
	} {
		path := t.TempDir()
		name, err := unfinished(path, newID()), error(nil)
		if c.name != "" {
			name = filepath.Join(path, c.name)
		}
		if c.make != nil {
			err = c.make(name)
		} else {
			err = os.WriteFile(name, c.text, 0o600)
		}
		if then := time.Now().Add(-c.age); err == nil && c.age > 0 {
			err = os.Chtimes(name, then, then)
		}
		if err != nil {
			t.Fatal(err)
		}
		f, _ := open(t, path)
		own(t, f).Remove()
		if left := files(t, path, ""); (len(left) == 0) != c.gone || len(left) > 1 {
			t.Errorf("%s: left %q, want it gone: %v", c.what, left, c.gone)
		}
	}
}

// A maker that was stopped for long still has its lock.
func TestJournalThatIsStillBeingMade(t *testing.T) {
	path := t.TempDir()
	file, err := os.Create(unfinished(path, newID()))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	then := time.Now().Add(-time.Hour)
	if err := errors.Join(lock(file), os.Chtimes(file.Name(), then, then)); err != nil {
		t.Fatal(err)
	}
	f, _ := open(t, path)
	own(t, f).Remove()
	if left := files(t, path, ""); len(left) != 1 {
		t.Errorf("left: %q, want %s", left, file.Name())
	}
}
