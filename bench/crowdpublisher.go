package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// crowdLine is what all lines of writeLines have in common.
const crowdLine = "<14>Nov 22 05:54:52 host app[123]: "

// libzmqPublisher is reference/zmq_crowd_pub.c.
type libzmqPublisher struct{ *crowdProcess }

// crowdLibzmq starts libzmq's PUB on the CPUs. It will send n messages, rate of them per second, or as fast as
// it can if rate is 0.
func crowdLibzmq(programs, cpus string, n, rate int) func(context.Context, *crowdHub) (crowdPublisher, error) {
	return func(ctx context.Context, h *crowdHub) (crowdPublisher, error) {
		words := append(placement{}.prefix(cpus), filepath.Join(programs, "zmq_crowd_pub"),
			h.in, fmt.Sprint(n), fmt.Sprint(messageSize), fmt.Sprint(rate))
		p, err := startCrowdProcess(ctx, "libzmq's PUB", words)
		if err == nil {
			err = p.expect("ready")
		}
		if err != nil {
			p.stop()
			return nil, err
		}
		return libzmqPublisher{p}, nil
	}
}

func (p libzmqPublisher) publish(context.Context) (sample, error) {
	if err := p.say("go"); err != nil {
		return sample{}, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return sample{}, err
	}
	s, err := parseReport("publisher", line)
	s.Usage = nil // the hub and the readers are in it too
	return s, err
}

func (p libzmqPublisher) process() process { return of(p.name, p.cmd) }
func (p libzmqPublisher) before() uint64   { return 0 }

func (p libzmqPublisher) end(int) error { return p.say("end") }

// rsyslogdPublisher is rsyslogd with omzmq --socket pub under omprog.
type rsyslogdPublisher struct {
	*rsyslogd
	omzmq int // its pid
	n     int
	tried uint64 // messages that the hub had received before the run
}

// crowdRsyslogd starts rsyslogd and omzmq on the CPUs. They will publish n messages.
func crowdRsyslogd(programs, cpus string, n int) func(context.Context, *crowdHub) (crowdPublisher, error) {
	return func(ctx context.Context, h *crowdHub) (crowdPublisher, error) {
		dir, err := os.MkdirTemp("", "rz-bench-")
		if err != nil {
			return nil, err
		}
		p := &rsyslogdPublisher{rsyslogd: &rsyslogd{dir: dir, size: messageSize}, n: n}
		err = p.start(ctx, placement{rsyslogd: cpus}, 1, `module(load="omprog")`, fmt.Sprintf(`type="omprog" template="line" output="{dir}/stderr"
			binary="%s --socket pub --connect %s" confirmMessages="on" confirmTimeout="60000" useTransactions="on"`,
			filepath.Join(programs, "omzmq"), h.in))
		if err == nil {
			p.tried, err = p.try(ctx, h.http)
		}
		if err == nil {
			p.omzmq, err = p.child()
		}
		if err != nil {
			err = p.complaint(err)
			p.stop()
			return nil, err
		}
		return p, nil
	}
}

// try publishes messages until the hub receives one; those before it had no subscriber. It returns how many
// the hub has received.
func (p *rsyslogdPublisher) try(ctx context.Context, address string) (had uint64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/stream", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	trying, arrived := context.WithCancel(ctx)
	defer arrived()
	stopped := make(chan error, 1)
	go func() { stopped <- p.keepTrying(trying) }()
	for lines := bufio.NewReader(response.Body); ; had++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			return had, err
		}
		if had == 0 {
			arrived()
			if err := errors.Join(<-stopped, p.line(ctx, crowdLine+"the last try")); err != nil {
				return had, err
			}
		}
		if strings.Contains(line, "the last try") {
			return had + 1, nil
		}
	}
}

func (p *rsyslogdPublisher) keepTrying(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := p.line(ctx, crowdLine+"a try"); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// line sends one line to rsyslogd.
func (p *rsyslogdPublisher) line(ctx context.Context, text string) error {
	var conn net.Conn
	err := errors.New("not tried")
	for err != nil && ctx.Err() == nil {
		if conn, err = net.Dial("unix", p.dir+"/in"); err != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = fmt.Fprintln(conn, text)
	return err
}

// child returns omzmq's pid.
func (p *rsyslogdPublisher) child() (pid int, err error) {
	for _, thread := range threads(p.cmd.Process.Pid) {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", p.cmd.Process.Pid, thread))
		if err != nil {
			continue // the thread is gone
		}
		if _, err := fmt.Sscan(string(children), &pid); err == nil {
			return pid, nil
		}
	}
	return 0, errors.New("rsyslogd has no child")
}

// publish fills rsyslogd's queue while omzmq is stopped and measures how long omzmq needs to confirm
// everything. rsyslogd sends a line only after the one before it was confirmed.
func (p *rsyslogdPublisher) publish(ctx context.Context) (sample, error) {
	before, err := p.read()
	if err := errors.Join(err, syscall.Kill(p.omzmq, syscall.SIGSTOP), p.fill(ctx, p.n)); err != nil {
		return sample{}, p.complaint(err)
	}
	quiet(ctx, patience)
	began := time.Now()
	if err := syscall.Kill(p.omzmq, syscall.SIGCONT); err != nil {
		return sample{}, err
	}
	for ctx.Err() == nil {
		read, err := p.read()
		if err != nil {
			return sample{}, p.complaint(err)
		}
		if read-before >= p.n*(messageSize+1) {
			return sample{Rate: float64(p.n) / time.Since(began).Seconds()}, nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return sample{}, p.complaint(ctx.Err())
}

// read returns how many bytes omzmq has read so far.
func (p *rsyslogdPublisher) read() (n int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.omzmq))
	if err != nil {
		return 0, err
	}
	_, number, _ := bytes.Cut(text, []byte("rchar: "))
	_, err = fmt.Sscan(string(number), &n)
	return n, err
}

func (p *rsyslogdPublisher) process() process {
	return together("omzmq", func() []string { return []string{fmt.Sprint(p.omzmq)} })
}

func (p *rsyslogdPublisher) before() uint64 { return p.tried }

func (p *rsyslogdPublisher) end(number int) error {
	return p.line(context.Background(), fmt.Sprintf("%sthe end %d", crowdLine, number))
}
