// Package webdriver drives a real headless Chromium from tests. It is a client of the W3C WebDriver protocol
// (https://www.w3.org/TR/webdriver2/) and of a few commands of Chromium's own that chromedriver passes on.
//
// Driver is chromedriver, a process on a free loopback port; Browser is one Chromium; Tab is one of its tabs.
// Driver.Close ends all of them. If the test's process is killed, the kernel kills chromedriver, and Chromium
// ends with the pipe that connects the two. The browser resolves no names and reaches no host except
// 127.0.0.1.
package webdriver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"
)

const (
	startPatience = 30 * time.Second // until chromedriver listens
	endPatience   = 10 * time.Second // until it has ended on request
	logLimit      = 64 << 10         // bytes of its log: the last ones
)

var startedLine = regexp.MustCompile(`started successfully on port ([0-9]+)`)

// Driver is a running chromedriver.
type Driver struct {
	cmd     *exec.Cmd
	address string // http://127.0.0.1:port
	log     tail
	exited  chan struct{} // closed when the process has ended
	folder  string        // profiles; removed at the end
}

// Start starts chromedriver and waits until it listens. The caller must call Close.
func Start() (*Driver, error) {
	program, err := exec.LookPath("chromedriver")
	if err != nil {
		return nil, errors.New("chromedriver is missing: run integration/setup test")
	}
	folder, err := os.MkdirTemp("", "webdriver-")
	if err != nil {
		return nil, err
	}
	d := &Driver{cmd: exec.Command(program, "--port=0"), exited: make(chan struct{}), folder: folder}
	d.cmd.Env = append(os.Environ(), "TMPDIR="+folder, "HOME="+folder)
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	port, err := d.start()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	select {
	case p := <-port:
		d.address = "http://127.0.0.1:" + p
		return d, nil
	case <-d.exited:
		err = errors.New("chromedriver ended at once")
	case <-time.After(startPatience):
		err = fmt.Errorf("chromedriver does not listen after %v", startPatience)
	}
	return nil, errors.Join(fmt.Errorf("%w:\n%s", err, d.log.String()), d.Close())
}

// start runs the process, a goroutine that reads what it writes, and one that waits for its end.
func (d *Driver) start() (<-chan string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	d.cmd.Stdout, d.cmd.Stderr = w, w
	if err := d.cmd.Start(); err != nil {
		r.Close()
		return nil, err
	}
	port := make(chan string, 1)
	go d.read(r, port)
	go func() {
		d.cmd.Wait() //nolint:errcheck // how it ended does not matter
		close(d.exited)
	}()
	return port, nil
}

// read logs what chromedriver and Chromium write until both have ended, and finds the port in it.
func (d *Driver) read(r io.ReadCloser, port chan<- string) {
	defer r.Close()
	lines := bufio.NewReaderSize(r, logLimit)
	for {
		line, err := lines.ReadSlice('\n')
		d.log.Write(line)
		if m := startedLine.FindSubmatch(line); m != nil {
			select {
			case port <- string(m[1]):
			default:
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// Close ends chromedriver and every browser that it has started, by force if necessary.
func (d *Driver) Close() error {
	if d.address != "" {
		ctx, cancel := context.WithTimeout(context.Background(), endPatience)
		defer cancel()
		send(ctx, "GET", d.address+"/shutdown", nil, nil) //nolint:errcheck // the wait below sees whether it ends
	}
	select {
	case <-d.exited:
	case <-time.After(endPatience):
	}
	syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // the whole group: no browser may be left
	<-d.exited
	return os.RemoveAll(d.folder)
}

// Log returns the last of what chromedriver and Chromium have written.
func (d *Driver) Log() string { return d.log.String() }

// tail holds the last logLimit bytes that were written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - logLimit; over > 0 {
		t.buf = bytes.Clone(t.buf[over:])
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
