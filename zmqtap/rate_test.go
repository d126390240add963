package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal/top/toptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// rating is a zmqtap --rate at a terminal of its own.
type rating struct {
	*process
	*toptest.Screen
	pub    *zmq.Socket
	tty    *os.File
	before unix.Termios
}

func startRating(t *testing.T, change func(cmd *exec.Cmd), args ...string) *rating {
	t.Helper()
	pub, at := publishing(t)
	master, tty := pty.Open(t)
	r := &rating{Screen: toptest.Show(t, master, 100, 24), pub: pub, tty: tty}
	r.before = r.modes(t)
	cmd := exec.Command(program, append(append([]string{"--rate"}, args...), at)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if change != nil {
		change(cmd)
	}
	r.process = launchCommand(t, cmd)
	return r
}

func (r *rating) modes(t *testing.T) unix.Termios {
	t.Helper()
	var state *unix.Termios
	err := descriptor.Control(r.tty, func(fd int) (err error) {
		state, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return *state
}

const ratedLine = "<11>1 - web1 nginx - - - text"

// sees publishes until the screen shows texts.
func (r *rating) sees(t *testing.T, texts ...string) {
	t.Helper()
	taptest.Eventually(t, strings.Join(texts, ", "), func() bool {
		r.pub.Publish([]byte("t/\x1b[2J"), []byte(ratedLine))
		r.pub.Publish([]byte("u/"), []byte(`{"hostname":"db1","programname":"postgres","syslogseverity":6}`))
		r.pub.Flush()
		shown := r.Text()
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return false
			}
		}
		return true
	})
}

// restores waits for the end, after which the terminal is as before.
func (r *rating) restores(t *testing.T, code int) {
	t.Helper()
	r.exits(code)
	r.Wait("the normal screen", func(string) bool { return r.Restored() })
	if r.modes(t) != r.before {
		t.Errorf("the terminal's modes have changed")
	}
}

func TestRateScreen(t *testing.T) {
	for name, end := range map[string]func(r *rating){
		"q":       func(r *rating) { r.Type("q") },
		"Ctrl-C":  func(r *rating) { r.Type("\x03") },
		"SIGTERM": func(r *rating) { r.signal(syscall.SIGTERM) },
		"SIGINT":  func(r *rating) { r.signal(syscall.SIGINT) },
		"SIGHUP":  func(r *rating) { r.signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRating(t, nil)
			r.sees(t, "t/#033[2J", "u/", "topics 2", "q quit")
			end(r)
			r.restores(t, 0)
			r.Shows(" messages seen, ", "2 topics: ")
		})
	}
}

// The screen says which publishers are connected, and which are not.
func TestRatePublishers(t *testing.T) {
	t.Parallel()
	r := startRating(t, nil, "tcp://127.0.0.1:1")
	r.sees(t, "no connection to tcp://127.0.0.1:1: connection refused; connected to tcp://")
	r.Type("/t")
	r.ShowsNot("connection refused")
	r.Type("\x1b")
	r.sees(t, "connection refused")
	r.Type("q")
	r.restores(t, 0)
}

// What to count by is a flag, and a key's business later.
func TestRateBy(t *testing.T) {
	t.Parallel()
	r := startRating(t, nil, "--by", "host")
	r.sees(t, "hosts 2", "HOST", "web1", "db1")
	r.Type("\t")
	r.sees(t, "programs 2", "PROGRAM", "nginx", "postgres")
	r.Type("\t")
	r.sees(t, "severities 2", "SEVERITY", "err", "info")
	r.Type("\t")
	r.sees(t, "topics 2", "TOPIC", "t/#033[2J", "u/")
	r.Type("q")
	r.restores(t, 0)
}

// --count and --for end the screen, too.
func TestRateScreenEnds(t *testing.T) {
	t.Parallel()
	r := startRating(t, nil, "--count", "3")
	taptest.Eventually(t, "the end", func() bool {
		r.pub.Publish([]byte("t"), []byte(ratedLine))
		r.pub.Flush()
		select {
		case <-r.ended:
			return true
		default:
			return false
		}
	})
	r.restores(t, 0)
	r = startRating(t, nil, "--for", "1ms")
	r.restores(t, 0)
}

// Without a standard input, keys come from the controlling terminal; without that, from nowhere, and signals end it.
func TestRateWithoutStandardInput(t *testing.T) {
	t.Parallel()
	r := startRating(t, func(cmd *exec.Cmd) {
		cmd.Stdin = nil
		cmd.SysProcAttr.Ctty = 1
	})
	r.sees(t, "u/", "q quit")
	r.Type("q")
	r.restores(t, 0)

	r = startRating(t, func(cmd *exec.Cmd) {
		cmd.Stdin = nil
		cmd.SysProcAttr.Setctty = false
	})
	r.sees(t, "u/", "no keys: standard input is no terminal")
	r.signal(syscall.SIGTERM)
	r.restores(t, 0)
}

// Ctrl-Z gives the terminal back and goes on where there is no shell; a size that changes is followed.
func TestRateSuspends(t *testing.T) {
	t.Parallel()
	r := startRating(t, nil)
	r.sees(t, "u/")
	r.Type("\x1a")
	r.Wait("the normal screen", func(string) bool { return strings.Contains(r.Sent(), "\x1b[?1049l") })
	r.sees(t, "msg/s", "u/", "q quit")
	r.Resize(40, 12)
	r.sees(t, "u/", "q quit")
	r.ShowsNot("TOTAL")
	r.Type("q")
	r.restores(t, 0)
}

// A stuck terminal does not delay the end for long, nor keep the terminal's modes.
func TestRateStuckTerminal(t *testing.T) {
	t.Parallel()
	r := startRating(t, nil)
	r.Resize(500, 500)
	for i := range 500 {
		r.pub.Publish(fmt.Appendf(nil, "%s%d", strings.Repeat("x", 200), i), []byte(ratedLine))
	}
	r.sees(t, "q quit")
	r.Stop()
	for i := range 20 {
		for n := range 500 {
			r.pub.Publish(fmt.Appendf(nil, "%s%d", strings.Repeat(string(rune('a'+i)), 200), n), []byte(ratedLine))
		}
		r.pub.Flush()
		r.Type("nr")
	}
	r.signal(syscall.SIGTERM)
	r.exits(0)
	r.Go()
	r.restores(t, 0)
}

// TERM=dumb is a table a second, as in a pipe.
func TestRateDumb(t *testing.T) {
	t.Parallel()
	r := startRating(t, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "TERM=dumb") })
	r.sees(t, "TOPIC", "t/#033[2J")
	r.signal(syscall.SIGTERM)
	r.restores(t, 0)
	if strings.Contains(r.Sent(), "\x1b") {
		t.Errorf("%q", r.Sent())
	}
}

// NO_COLOR and --no-color.
func TestRateColors(t *testing.T) {
	t.Parallel()
	for _, change := range []func(cmd *exec.Cmd){
		func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "NO_COLOR=1") },
		func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--no-color") },
	} {
		r := startRating(t, change)
		r.sees(t, "u/")
		r.Type("q")
		r.restores(t, 0)
		if found := regexp.MustCompile(`\x1b\[[0-9;]*[34][0-9][0-9;]*m`).FindString(r.Sent()); found != "" {
			t.Errorf("colour %q", found)
		}
	}
}

// Into a pipe go tables, without limits on the width, and nothing else.
func TestRatePipe(t *testing.T) {
	t.Parallel()
	pub, at := publishing(t)
	cmd := exec.Command(program, "--rate", "--by", "host", at)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := launchCommand(t, cmd)
	long := strings.Repeat("p", 200)
	read := make(chan string)
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := out.Read(b)
			if err != nil {
				close(read)
				return
			}
			read <- string(b[:n])
		}
	}()
	text := ""
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("it printed %q", text)
		}
	})
	table := regexp.MustCompile(`(?m)^[0-9.]+ msg/s   [0-9.]+ ([KM]iB|B)/s   total [0-9]+   hosts 2   missed 0\n` +
		` +MSG/S +BYTES/S +TOTAL  HOST\n(?: +[0-9.]+ +[0-9.]+ (?:[KM]iB|B)/s +[0-9]+  (?:` + long + `|#033x)\n){2}\n`)
	taptest.Eventually(t, "tables", func() bool {
		pub.Publish(nil, []byte("<11>1 - "+long+" nginx - - - text"))
		pub.Publish(nil, []byte("<11>1 - \x1bx nginx - - - text"))
		pub.Flush()
		select {
		case more := <-read:
			text += more
		case <-time.After(time.Millisecond):
		}
		return len(table.FindAllString(text, -1)) >= 2
	})
	p.signal(syscall.SIGTERM)
	for more := range read {
		text += more
	}
	p.exits(0)
	if strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}
