package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// omrelpModule and omrelpAction are rsyslogd's way into a RELP server.
const omrelpModule = `module(load="omrelp")`

func omrelpAction(port, window int) string {
	return fmt.Sprintf(`type="omrelp" target="127.0.0.1" port="%d" windowSize="%d" template="bare" action.resumeInterval="1"`,
		port, cmp.Or(window, 10_000))
}

// toRELPServer measures omrelp at the reference server.
func (b *omprogBench) toRELPServer(n int, place placement) func(context.Context) (sample, error) {
	return b.intoPuller(n, place, []string{"relp_server"}, omrelpModule, func(p *puller) string {
		var port int
		fmt.Sscan(p.endpoint, &port) //nolint:errcheck // 0: rsyslogd reports it
		return omrelpAction(port, b.window)
	})
}

// program is one of our programs that runs beside rsyslogd, in a folder of its own.
type program struct {
	dir string
	cmd *exec.Cmd
}

// startProgram starts a program, which logs to a file. The caller stops the result, even after an error.
func startProgram(ctx context.Context, place placement, words ...string) (*program, error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	if err != nil {
		return &program{}, err
	}
	p := &program{dir: dir, cmd: command(ctx, place.program, words...)}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return p, err
	}
	defer log.Close()
	p.cmd.Stderr = log
	return p, p.cmd.Start()
}

// listens waits until the program accepts connections at a port.
func (p *program) listens(ctx context.Context, port int) error {
	for {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil || p.ended() {
			return p.complaint(fmt.Errorf("%q does not listen: %w", p.cmd.Args, err))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ended reports whether the program has ended, before anybody has waited for it.
func (p *program) ended() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	return err != nil || bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" Z"))
}

// complaint adds to an error what the program wrote.
func (p *program) complaint(err error) error {
	if err == nil {
		return nil
	}
	said, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return fmt.Errorf("%w\nlog: %s", err, bytes.TrimSpace(said[max(0, len(said)-2000):]))
}

// kill ends the program at once.
func (p *program) kill() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	}
}

// stop ends the program, at most ten seconds later, and removes its folder.
func (p *program) stop() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		late := time.AfterFunc(10*time.Second, p.kill)
		p.cmd.Wait() //nolint:errcheck // its exit code is not what is measured
		late.Stop()
	}
	os.RemoveAll(p.dir)
}

// freePort returns a TCP port that nobody uses. Somebody else may take it before it is used.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startRELP starts omzmq --relp and waits until it listens. The caller stops the result, even after an error.
func (b *omprogBench) startRELP(ctx context.Context, place placement, args ...string) (*program, int, error) {
	port, err := freePort()
	if err != nil {
		return &program{}, 0, err
	}
	words := append([]string{filepath.Join(b.programs, "omzmq"), "--relp", fmt.Sprintf("127.0.0.1:%d", port), "--log-level", "error"}, args...)
	p, err := startProgram(ctx, place, words...)
	if err != nil {
		return p, 0, err
	}
	return p, port, p.listens(ctx, port)
}

// throughRELP measures rsyslogd, omrelp and omzmq --relp with more flags at the place where arrives looks. omzmq is
// frozen until the queue is full. The CPU time is omzmq's.
func (b *omprogBench) throughRELP(ctx context.Context, n int, place placement, flags []string,
	arrives func(rsyslogd, omzmq process) (sample, error)) (sample, error) {
	p, port, err := b.startRELP(ctx, place, flags...)
	defer p.stop()
	if err != nil {
		return sample{}, err
	}
	r, err := b.startFrozen(ctx, n, place, p.cmd, omrelpModule, omrelpAction(port, b.window))
	defer r.stop()
	if err != nil {
		return sample{}, p.complaint(err)
	}
	omzmq := of("omzmq", p.cmd)
	s, err := arrives(r.output(), omzmq)
	if err != nil {
		return sample{}, p.complaint(r.complaint(err))
	}
	own, err := used(n, r.output(), omzmq)
	if s.CPU = own[1].CPU; cpuOf(s.Usage, "omzmq") == 0 {
		s.Usage = append(own, s.Usage...)
	}
	return s, err
}

// relpStored measures omzmq --relp at the reference receiver.
func (b *omprogBench) relpStored(n int, place placement, ways ...way) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		router := filepath.Join(b.programs, "zmq_router_ack")
		p, err := startPuller(ctx, place.prefix(place.program), router, fmt.Sprint(n))
		if err != nil {
			return sample{}, err
		}
		defer p.stop()
		flags, _, clean, err := b.flags(ctx, ways)
		defer clean()
		if err != nil {
			return sample{}, err
		}
		flags = append(flags, "--connect", p.endpoint)
		return b.throughRELP(ctx, n, place, flags, func(_, _ process) (sample, error) { return p.finish() })
	}
}

// relpToIMZMQ measures omzmq --relp and imzmq --to -, at imzmq's stdout.
func (b *omprogBench) relpToIMZMQ(n int, place placement, ways ...way) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		sending, receiving, clean, err := b.flags(ctx, ways)
		defer clean()
		if err != nil {
			return sample{}, err
		}
		i, err := b.startIMZMQ(ctx, place, append(receiving, "--to", "-")...)
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		sending = append(sending, "--connect", i.endpoint)
		return b.throughRELP(ctx, n, place, sending, func(_, _ process) (sample, error) { return i.count(n) })
	}
}

// relpInRedis measures omzmq --relp and imzmq --to redis.
func (b *omprogBench) relpInRedis(n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		server, i, err := b.startIntoRedis(ctx, place)
		defer server.stop()
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		return b.throughRELP(ctx, n, place, []string{"--connect", i.endpoint}, func(rsyslogd, omzmq process) (sample, error) {
			return server.count(ctx, n, rsyslogd, omzmq, of("imzmq", i.cmd))
		})
	}
}

// relpRows are those of the intake over RELP.
func (b *omprogBench) relpRows(scale scale) []row {
	n := scale.of(600_000)
	contestants := func(place placement) []contestant {
		return []contestant{
			{name: "omrelp to a prompt C server", run: b.toRELPServer(n, place)},
			{name: "omczmq PUSH to libzmq, unconfirmed", run: b.omczmq(n, place)},
			ours("omzmq --relp, stored, to a C ROUTER", b.relpStored(n, place)),
			ours("the same with --journal", b.relpStored(n, place, journaled)),
		}
	}
	return []row{
		{"relp", "intake over RELP with windowSize 10,000, where the kernel puts them", contestants(free), nil},
		{"relp-pinned", "intake over RELP; rsyslogd on CPU 0, the programs on CPU 1", contestants(pinned), nil},
		{"journal-relp", "what --journal costs over RELP, where the kernel puts them", []contestant{
			ours("omzmq --relp, stored, to imzmq", b.relpToIMZMQ(n, free)),
			ours("the same with --journal", b.relpToIMZMQ(n, free, journaled)),
		}, nil},
	}
}
