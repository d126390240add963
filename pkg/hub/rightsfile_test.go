package hub_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub/rights"
)

// followed is a file that is being followed in a bubble of synctest.
type followed struct {
	t     *testing.T
	path  string
	again chan os.Signal

	mu  sync.Mutex
	log strings.Builder
	got []*rights.Rights // what has come into force
}

func (d *followed) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(b)
}

// follow calls f with a file of rights in which a may publish x.
func follow(t *testing.T, f func(*followed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &followed{t: t, path: filepath.Join(t.TempDir(), "topics"), again: make(chan os.Signal, 1)}
		d.write("a publish x\n")
		file := &hub.RightsFile{Path: d.path, Logger: slog.New(slog.NewTextHandler(d, nil))}
		if _, err := file.Read(); err != nil {
			t.Fatal(err)
		}
		go file.Follow(t.Context(), d.again, func(r *rights.Rights) int {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.got = append(d.got, r)
			return 7
		})
		f(d)
	})
}

func (d *followed) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// logged waits, and expects so many changes and so many lines with a text in the log, which is emptied.
func (d *followed) logged(after time.Duration, changes, lines int, text string) {
	d.t.Helper()
	time.Sleep(after)
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.got) != changes || strings.Count(d.log.String(), "\n") != lines || lines > 0 && strings.Count(d.log.String(), text) != lines {
		d.t.Fatalf("%d changes, logged: %s", len(d.got), &d.log)
	}
	d.log.Reset()
}

func TestRightsFileIsFollowed(t *testing.T) {
	follow(t, func(d *followed) {
		d.logged(time.Hour, 0, 0, "")
		d.write("b subscribe y\n")
		d.logged(2*time.Second, 1, 1, `names=1 "connections ended"=7`)
		if !d.got[0].Subscribe("b").Match([]byte("y1")) || !d.got[0].Publish("a").Empty() {
			t.Error("other rights have come into force")
		}
		if err := os.Rename(d.path, d.path+".old"); err != nil {
			t.Fatal(err)
		}
		d.logged(time.Minute, 1, 1, "stay as they were")
		d.write("b subscribe y\n")
		d.logged(time.Minute, 1, 0, "")
		if err := os.Chmod(d.path, 0o606); err != nil {
			t.Fatal(err)
		}
		d.logged(time.Minute, 1, 1, "chmod o-w "+d.path)
	})
}

// A file that is wrong changes nothing, and is complained of once.
func TestWrongRightsFileChangesNothing(t *testing.T) {
	follow(t, func(d *followed) {
		d.write("a publish x\n\nb publsh y\n")
		d.logged(time.Minute, 0, 1, d.path+", line 3: ")
		d.write("b publish y\n")
		d.logged(time.Minute, 1, 1, "read again")
		d.write(strings.Repeat("#", rights.MaxSize+1))
		d.logged(time.Minute, 1, 1, "more than 1048576 bytes")
	})
}

// An empty file takes away all rights, with a warning, at the start as well.
func TestEmptyRightsFile(t *testing.T) {
	const warning = `level=WARN msg="--curve-topics lets nobody publish or subscribe: there is no line in the file"`
	follow(t, func(d *followed) {
		d.write("# nobody\n")
		time.Sleep(time.Minute)
		synctest.Wait()
		d.mu.Lock()
		if len(d.got) != 1 || !d.got[0].Publish("a").Empty() || strings.Count(d.log.String(), warning) != 1 {
			t.Errorf("%d changes, logged: %s", len(d.got), &d.log)
		}
		d.log.Reset()
		d.mu.Unlock()
		if _, err := (&hub.RightsFile{Path: d.path, Logger: slog.New(slog.NewTextHandler(d, nil))}).Read(); err != nil {
			t.Fatal(err)
		}
		d.logged(0, 1, 1, warning)
	})
}

// A signal is obeyed and answered soon, whether or not something has changed.
func TestRightsFileAtSignal(t *testing.T) {
	follow(t, func(d *followed) {
		d.again <- syscall.SIGHUP
		d.logged(200*time.Millisecond, 1, 1, "read again")
		d.write("wrong\n")
		for range 2 {
			d.again <- syscall.SIGHUP
			d.logged(200*time.Millisecond, 1, 1, "line 1: ")
		}
		d.write("b publish y\n")
		d.again <- syscall.SIGHUP
		d.logged(200*time.Millisecond, 2, 1, "read again")
	})
}

// What is written in several steps comes into force when it is whole.
func TestHalfOfARightsFile(t *testing.T) {
	follow(t, func(d *followed) {
		text := ""
		for i := range 100 {
			d.write(text)
			if i%20 == 0 {
				d.again <- syscall.SIGHUP
			}
			d.logged(90*time.Millisecond, 0, 0, "")
			text += "a subscribe z\n"
		}
		d.logged(2*time.Second, 1, 1, "read again")
	})
}

func TestRightsFileIsAFile(t *testing.T) {
	folder := t.TempDir()
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{folder: "no regular file", pipe: "no regular file", folder + "/none": "no such file"} {
		if _, err := (&hub.RightsFile{Path: path}).Read(); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
