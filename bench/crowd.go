package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// crowdBench measures a publisher of a zmqtap hub that takes everything: alone, and with readers of which half
// never read. A run fails unless each reader's account is exact: what it received and what the hub reports as
// missed add up to what the hub has received.
type crowdBench struct {
	programs string
	readers  int    // over HTTP, and as many subscribers; 0: the hub has none
	cpus     string // of the hub and the readers, as taskset takes them; empty: chosen by the kernel
	nice     bool   // the hub and the readers run with nice -n 10
	start    func(ctx context.Context, h *crowdHub) (crowdPublisher, error)
	words    *string // what the last run reports in addition to its rate
}

// crowdPublisher is a publisher that is connected to a hub. before is how many of its messages the hub had
// received before the run.
type crowdPublisher interface {
	publish(ctx context.Context) (sample, error)
	process() process
	before() uint64
	end(number int) error // publishes a last message
	stop()
}

// libzmqReaders is how many of the subscribers are libzmq's.
const libzmqReaders = 100

func (b *crowdBench) run(ctx context.Context) (sample, error) {
	h, err := startCrowdHub(ctx, b.prefix(), b.programs)
	defer h.kill()
	if err != nil {
		return sample{}, err
	}
	idle, _ := h.memory()
	p, err := b.start(ctx, h)
	if err != nil {
		return sample{}, h.complaint(err)
	}
	defer p.stop()
	readers, err := b.startReaders(ctx, h)
	defer stopAll(readers)
	if err != nil {
		return sample{}, h.complaint(err)
	}
	attended, _ := h.memory()
	s, err := b.measure(ctx, h, p, readers)
	if err != nil {
		return sample{}, h.complaint(err)
	}
	_, most := h.memory()
	accounts, lasts, err := settle(p, readers)
	if err != nil {
		return sample{}, h.complaint(err)
	}
	end, err := h.stop()
	if err != nil {
		return sample{}, h.complaint(err)
	}
	*b.words = fmt.Sprintf("alone: in the last run the hub received %d messages; the publisher reports %d dropped",
		end.received-p.before(), end.gone)
	if len(readers) > 0 {
		*b.words, err = accounts.judge(end.received-p.before(), lasts, end.missed, end.gone)
		*b.words += fmt.Sprintf("\n    zmqtap's memory: %d MiB idle, %d with the readers, %d at most", idle, attended, most)
	}
	return s, err
}

func (b *crowdBench) prefix() (words []string) {
	if b.nice {
		words = []string{"nice", "-n", "10"}
	}
	return append(words, placement{}.prefix(b.cpus)...)
}

// measure lets p publish and records how busy all processes are meanwhile.
func (b *crowdBench) measure(ctx context.Context, h *crowdHub, p crowdPublisher, readers []*crowdProcess) (sample, error) {
	processes := []process{p.process(), of("hub", h.cmd)}
	for _, r := range readers {
		processes = append(processes, of(r.name, r.cmd))
	}
	l, err := watch(processes)
	if err != nil {
		return sample{}, err
	}
	s, err := p.publish(ctx)
	if err != nil {
		return sample{}, err
	}
	s.Usage, err = l.usage(0)
	return s, err
}

// startReaders starts the readers, if there are any, and waits until they are ready. The caller stops the
// processes, even after an error.
func (b *crowdBench) startReaders(ctx context.Context, h *crowdHub) (all []*crowdProcess, err error) {
	if b.readers == 0 {
		return nil, nil
	}
	for _, words := range [][]string{
		{"libzmq's", "zmq_crowd_sub", h.out, fmt.Sprint(libzmqReaders)},
		{"readers", "crowd", "-http", h.http, "-subscribers", strings.TrimPrefix(h.out, "tcp://"),
			"-readers", fmt.Sprint(b.readers), "-listeners", fmt.Sprint(b.readers - libzmqReaders)},
	} {
		words[1] = filepath.Join(b.programs, words[1])
		r, err := startCrowdProcess(ctx, words[0], append(b.prefix(), words[1:]...))
		all = append(all, r)
		if err == nil {
			err = r.expect("ready")
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// settle wakes the readers that have not read. When all have read what there is, it publishes last messages
// until every reader has one, and collects the accounts.
func settle(p crowdPublisher, readers []*crowdProcess) (all crowdAccounts, lasts int, err error) {
	if len(readers) == 0 {
		return nil, 0, nil
	}
	crowd := readers[len(readers)-1]
	if err := errors.Join(crowd.say("wake"), crowd.expect("quiet"), crowd.say("end")); err != nil {
		return nil, 0, err
	}
	told := make(chan error, 1)
	go func() {
		var failed error
		for _, r := range readers {
			accounts, err := r.accounts()
			all, failed = append(all, accounts...), errors.Join(failed, err)
		}
		told <- failed
	}()
	for {
		lasts++
		if err := p.end(lasts); err != nil {
			return nil, lasts, err
		}
		select {
		case err := <-told:
			return all, lasts, err
		case <-time.After(2 * time.Second):
		}
	}
}

// crowdProcess is a child that reads commands and writes replies, a line each.
type crowdProcess struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

func startCrowdProcess(ctx context.Context, name string, words []string) (*crowdProcess, error) {
	p := &crowdProcess{name: name, cmd: exec.CommandContext(ctx, words[0], words[1:]...)}
	p.cmd.Stderr = os.Stderr
	in, inErr := p.cmd.StdinPipe()
	out, outErr := p.cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		return p, err
	}
	p.in, p.out = in, bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p *crowdProcess) say(word string) error {
	_, err := fmt.Fprintln(p.in, word)
	return err
}

func (p *crowdProcess) expect(word string) error {
	line, err := p.out.ReadString('\n')
	if err == nil && strings.TrimSpace(line) != word {
		err = fmt.Errorf("it replied %q", line)
	}
	if err != nil {
		return fmt.Errorf("%q instead of %q: %w", p.cmd.Args, word, err)
	}
	return nil
}

// accounts reads what the process reports at its end.
func (p *crowdProcess) accounts() (all crowdAccounts, err error) {
	for {
		var a crowdAccount
		_, err := fmt.Fscanln(p.out, &a.kind, &a.received, &a.missed, &a.gone, &a.leftOut, &a.disorder, &a.last)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, fmt.Errorf("%q: %w", p.cmd.Args, err)
		}
		all = append(all, a)
	}
}

// stop ends the process.
func (p *crowdProcess) stop() {
	if p.cmd.Process != nil {
		p.cmd.Process.Signal(syscall.SIGKILL) //nolint:errcheck // it may have ended
		p.cmd.Wait()                          //nolint:errcheck // its exit code is not what is measured
	}
}

func stopAll(processes []*crowdProcess) {
	for _, p := range processes {
		p.stop()
	}
}

// crowdRows are the rows of a publisher whose hub has a crowd of readers.
func crowdRows(programs string) (rows []row) {
	fast, slow := 300_000, 2000
	for _, p := range []struct {
		key, title, cpus string
		nice             bool
		start            func(context.Context, *crowdHub) (crowdPublisher, error)
	}{
		{"crowd-pinned", "rsyslogd and omzmq pub on CPU 0; hub and readers on CPU 1", "1", false, crowdRsyslogd(programs, "0", fast)},
		{"crowd-free", "the same, where the kernel puts them", "", false, crowdRsyslogd(programs, "", fast)},
		{"crowd-nice", "the same, hub and readers with nice -n 10", "", true, crowdRsyslogd(programs, "", fast)},
		{"crowd-libzmq-pinned", "libzmq's PUB on CPU 0; hub and readers on CPU 1", "1", false, crowdLibzmq(programs, "0", 9_000_000, 0)},
		{"crowd-libzmq-nice", "the same where the kernel puts them, hub and readers with nice -n 10", "", true,
			crowdLibzmq(programs, "", 9_000_000, 0)},
		{"crowd-steady", "libzmq's PUB with 400 messages a second, which readers can follow", "", true,
			crowdLibzmq(programs, "", slow, 400)},
	} {
		b := crowdBench{programs: programs, cpus: p.cpus, nice: p.nice, start: p.start, words: new(string)}
		attended := b
		attended.readers, attended.words = 1000, new(string)
		rows = append(rows, row{p.key, "a publisher with 2,000 readers of its hub, of which half never read: " + p.title, []contestant{
			ours("alone", b.run),
			ours("with the readers", attended.run),
		}, func([]float64) string { return *b.words + "\n    " + *attended.words }})
	}
	return rows
}
