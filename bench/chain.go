package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// receiverConfig is that of a second rsyslogd: %[1]s is its folder, %[2]s the input module and %[3]s its parameters.
// The input has no ruleset of its own, because with one imczmq aborts when rsyslogd stops.
const receiverConfig = `
global(workDirectory="%[1]s" maxMessageSize="128k")
module(load="%[2]s")
template(name="line" type="string" string="%%rawmsg%%\n")
main_queue(queue.type="linkedList" queue.size="1000000" queue.dequeueBatchSize="1000")
if $inputname == "%[2]s" then { action(type="omfile" file="%[1]s/out" template="line") stop }
input(type="%[2]s" %[3]s)
`

// receiver is a second rsyslogd, which writes what it receives to a file.
type receiver struct {
	*rsyslogd
	port int
}

func (r *receiver) file() string { return filepath.Join(r.dir, "out") }

// startReceiver starts rsyslogd with imrelp or imczmq. The caller stops the result, even after an error.
func (b *omprogBench) startReceiver(ctx context.Context, place placement, module string) (*receiver, error) {
	first, err := b.newRsyslogd()
	r := &receiver{rsyslogd: first}
	if err != nil {
		return r, err
	}
	if r.port, err = freePort(); err != nil {
		return r, err
	}
	parameters := fmt.Sprintf(`address="127.0.0.1" port="%d" maxDataSize="128k"`, r.port)
	if module == "imczmq" {
		parameters = fmt.Sprintf(`socktype="PULL" endpoints="@tcp://127.0.0.1:%d" topics=""`, r.port)
	}
	text := fmt.Sprintf(receiverConfig, r.dir, module, parameters)
	err = errors.Join(os.WriteFile(r.file(), nil, 0o600), r.startWith(ctx, placement{rsyslogd: place.program}, text))
	if err != nil {
		return r, err
	}
	p := &program{dir: r.dir, cmd: r.cmd}
	return r, p.listens(ctx, r.port)
}

// process is the whole of a receiver.
func (r *receiver) process() process { return of("second rsyslogd", r.cmd) }

// count waits until the file holds n messages and measures from when it holds one.
func (r *receiver) count(ctx context.Context, n int) (sample, error) {
	line, first, began := int64(r.size+1), int64(0), time.Time{}
	for ; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		info, err := os.Stat(r.file())
		if err != nil {
			return sample{}, err
		}
		lines := info.Size() / line
		switch {
		case lines >= int64(n):
			rate := float64(lines-first) / time.Since(began).Seconds()
			usage, err := used(n, r.process())
			return sample{Rate: rate, Usage: usage}, err
		case first == 0 && lines > 0:
			first, began = lines, time.Now()
		}
	}
	return sample{}, r.complaint(ctx.Err())
}

// omrelpToIMRELP measures rsyslog's own way, with parameters of omrelp.
func (b *omprogBench) omrelpToIMRELP(n int, parameters string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		second, err := b.startReceiver(ctx, free, "imrelp")
		defer second.stop()
		if err != nil {
			return sample{}, err
		}
		r, err := b.startFrozen(ctx, n, free, second.cmd, omrelpModule,
			fmt.Sprintf(`type="omrelp" target="127.0.0.1" port="%d" template="bare" %s`, second.port, parameters))
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		s, err := second.count(ctx, n)
		if err != nil {
			return sample{}, r.complaint(err)
		}
		own, err := used(n, r.output())
		s.CPU, s.Usage = own[0].CPU, append(own, s.Usage...)
		return s, err
	}
}

// startIntoIMRELP starts a second rsyslogd and an imzmq that stores in it. The caller stops both, even after an error.
func (b *omprogBench) startIntoIMRELP(ctx context.Context) (*receiver, *imzmq, error) {
	second, err := b.startReceiver(ctx, free, "imrelp")
	if err != nil {
		return second, &imzmq{}, err
	}
	i, err := b.startIMZMQ(ctx, free, "--to", fmt.Sprintf("relp://127.0.0.1:%d", second.port))
	return second, i, err
}

// chained measures omzmq, under omprog or over RELP, and imzmq between two rsyslogds. The CPU time is omzmq's.
func (b *omprogBench) chained(n int, relp bool) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		second, i, err := b.startIntoIMRELP(ctx)
		defer second.stop()
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		arrives := func() (sample, error) {
			s, err := second.count(ctx, n)
			if err != nil {
				return sample{}, err
			}
			own, err := used(n, of("imzmq", i.cmd))
			s.Usage = append(own, s.Usage...)
			return s, err
		}
		if relp {
			return b.throughRELP(ctx, n, free, []string{"--connect", i.endpoint}, func(_, _ process) (sample, error) { return arrives() })
		}
		return b.through(ctx, n, free, b.omzmq(i), func(*rsyslogd) (sample, error) { return arrives() })
	}
}

func (b *omprogBench) chainRows(scale scale) []row {
	return []row{{"chain", "from one rsyslogd to another, where the kernel puts them", []contestant{
		{name: "omrelp to imrelp, defaults", run: b.omrelpToIMRELP(scale.of(2000), "")},
		{name: "omrelp to imrelp, windowSize 10,000", run: b.omrelpToIMRELP(scale.of(20_000), `windowSize="10000"`)},
		ours("omzmq, imzmq, imrelp", b.chained(scale.of(200_000), false)),
		ours("omzmq --relp, imzmq, imrelp", b.chained(scale.of(200_000), true)),
	}, nil}}
}
