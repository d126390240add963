package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// A hub with --replay gives the last messages that are asked for. One without says that it has none.
func TestLast(t *testing.T) {
	pub, at := publishing(t)
	dir := t.TempDir()
	hub := launch(t, "hub", "--in-connect", at, "--out", "ipc://"+filepath.Join(dir, "out"), "--http", "127.0.0.1:0", "--replay", "20")
	url := hub.logged(`msg=serving at=(\S+)`)
	numbers(t, pub, url, 20)
	teens := []string{"10", "11", "12", "13", "14", "15", "16", "17", "18", "19"}
	for _, c := range []struct {
		flags string
		want  []string
	}{
		{"--grep ^1.$", teens},
		{"--grep ^1.$ --last 1000000000", teens},
		{"--last 3", []string{"17", "18", "19", "new"}},
		{"--last 0", []string{"new"}},
	} {
		t.Run(c.flags, func(t *testing.T) {
			p, want := &process{}, c.want // its log takes what is printed
			cmd := tapInto(p, append(strings.Fields(c.flags), "--raw", "--count", fmt.Sprint(len(want)), "ipc://"+filepath.Join(dir, "out"))...)
			tap := launchCommand(t, cmd)
			if len(want) > 1 && !slices.Equal(want, teens) {
				taptest.Eventually(t, "the last messages", func() bool { return strings.Contains(p.log(), want[len(want)-2]) })
			}
			if !slices.Equal(want, teens) {
				publishUntilEnd(t, pub, tap, "new")
			}
			tap.exits(0)
			if got := strings.Fields(p.log()); !slices.Equal(got, want) {
				t.Errorf("printed %q, want %q", got, want)
			}
			if strings.Contains(tap.log(), "WARN") {
				t.Error(tap.log())
			}
		})
	}
	out := "ipc://" + filepath.Join(dir, "out")
	t.Run("--rate", func(t *testing.T) {
		p := launch(t, "--rate", "--grep", "^now$", "--count", "1", out)
		publishUntilEnd(t, pub, p, "now")
		p.logged("(?m)^1 message seen, 1 counted; ")
	})
	t.Run("record", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		publishUntilEnd(t, pub, launch(t, "record", "--count", "1", file, out), "later")
		numbers(t, pub, url, 20)
		launch(t, "record", "--append", "--last", "2", "--count", "2", file, out).exits(0)
		if got, want := replayed(t, file), []string{"later", "18", "19"}; !slices.Equal(got, want) {
			t.Errorf("recorded %q, want %q", got, want)
		}
	})
	tap := launch(t, "--last", "3", at)
	tap.logged(`level=WARN msg="--last: this publisher remembers no messages, because it is no hub with --replay: .*" endpoint=` + at)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	pub.Close(gone)
}

// publishUntilEnd publishes a text again and again until a zmqtap ends.
func publishUntilEnd(t *testing.T, pub *zmq.Socket, p *process, text string) {
	t.Helper()
	taptest.Eventually(t, "what is published now", func() bool {
		pub.Publish([]byte("t"), []byte(text))
		pub.Flush()
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	p.exits(0)
}

// tapInto is a zmqtap whose output goes to the log of p.
func tapInto(p *process, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Stdout = p
	return cmd
}
