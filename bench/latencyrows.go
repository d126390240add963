package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// omczmqPath is rsyslog's own way over ZeroMQ, which confirms nothing.
func (b *omprogBench) omczmqPath(flood int) path {
	return path{"omczmq to imczmq, unconfirmed", false, flood, func(ctx context.Context) (*running, error) {
		return b.rsyslogPath(ctx, "imczmq", `module(load="omczmq")`, `type="omczmq" endpoints=">tcp://127.0.0.1:%d" socktype="PUSH" template="bare"`)
	}}
}

// omrelpPath is rsyslog's own way over RELP.
func (b *omprogBench) omrelpPath(flood int) path {
	return path{"omrelp to imrelp, defaults", false, flood, func(ctx context.Context) (*running, error) {
		return b.rsyslogPath(ctx, "imrelp", omrelpModule, `type="omrelp" target="127.0.0.1" port="%d" template="bare"`)
	}}
}

func (b *omprogBench) rsyslogPath(ctx context.Context, input, module, action string) (*running, error) {
	p := &running{}
	second, err := b.startReceiver(ctx, free, input)
	p.ends = append(p.ends, second.kill, second.stop)
	if err != nil {
		return p, err
	}
	if p.out, err = fileTail(second.file()); err != nil {
		return p, err
	}
	p.processes = append(p.processes, second.process())
	return p, b.startFirst(ctx, p, module, fmt.Sprintf(action, second.port))
}

// startFirst starts the rsyslogd at which a path begins.
func (b *omprogBench) startFirst(ctx context.Context, p *running, module, action string) error {
	first, err := b.newRsyslogd()
	p.first = first
	p.ends = append([]func(){first.kill, first.stop}, p.ends...)
	if err != nil {
		return err
	}
	if err := first.start(ctx, free, b.workers, module, action); err != nil {
		return err
	}
	p.processes = append([]process{of("first rsyslogd", first.cmd)}, p.processes...)
	return nil
}

// omprogPath is ours under omprog, to imzmq's stdout.
func (b *omprogBench) omprogPath(flood int) path {
	return path{"omzmq, stored, imzmq to stdout", true, flood, func(ctx context.Context) (*running, error) {
		p := &running{}
		i, err := b.toStdout(ctx, p)
		if err != nil {
			return p, err
		}
		action := `type="omprog" binary="%s" template="line" output="{dir}/stderr" confirmMessages="on" confirmTimeout="60000" useTransactions="on"`
		if err := b.startFirst(ctx, p, `module(load="omprog")`, fmt.Sprintf(action, b.omzmq(i))); err != nil {
			return p, err
		}
		p.processes = append(p.processes, p.first.program())
		return p, nil
	}}
}

// relpPath is ours over RELP, to imzmq's stdout.
func (b *omprogBench) relpPath(flood int) path {
	return path{"omzmq --relp, stored, imzmq to stdout", true, flood, func(ctx context.Context) (*running, error) {
		p := &running{}
		i, err := b.toStdout(ctx, p)
		if err != nil {
			return p, err
		}
		return p, b.overRELP(ctx, p, i)
	}}
}

// relpChainPath is ours over RELP, and imzmq into a second rsyslogd.
func (b *omprogBench) relpChainPath(flood int) path {
	return path{"omzmq --relp, stored, imzmq to imrelp", true, flood, func(ctx context.Context) (*running, error) {
		p := &running{}
		second, i, err := b.startIntoIMRELP(ctx)
		p.ends = append(p.ends, second.kill, second.stop, i.stop)
		if err != nil {
			return p, err
		}
		if p.out, err = fileTail(second.file()); err != nil {
			return p, err
		}
		p.processes = append(p.processes, of("imzmq", i.cmd), second.process())
		return p, b.overRELP(ctx, p, i)
	}}
}

// toStdout starts the end of a path.
func (b *omprogBench) toStdout(ctx context.Context, p *running) (*imzmq, error) {
	i, err := b.startIMZMQ(ctx, free, "--to", "-")
	p.ends = append(p.ends, i.stop)
	if err != nil {
		return i, err
	}
	p.out = pipeTail(i.out.(*os.File))
	p.processes = append(p.processes, of("imzmq", i.cmd))
	return i, nil
}

// overRELP starts the beginning of a path.
func (b *omprogBench) overRELP(ctx context.Context, p *running, i *imzmq) error {
	omzmq, port, err := b.startRELP(ctx, free, "--connect", i.endpoint)
	p.ends = append([]func(){omzmq.kill, omzmq.stop}, p.ends...)
	if err != nil {
		return err
	}
	p.processes = append([]process{of("omzmq", omzmq.cmd)}, p.processes...)
	return b.startFirst(ctx, p, omrelpModule, omrelpAction(port, 0))
}

// at measures a path at a share of its highest rate. That is measured before each run; the median of what highest knows
// then counts.
func (p path) at(share float64, d time.Duration, highest map[string][]float64) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		rate, err := p.highest(ctx)
		if err != nil {
			return sample{}, err
		}
		highest[p.name] = append(highest[p.name], rate)
		slices.Sort(highest[p.name])
		return p.delays(ctx, share*median(highest[p.name]), d)
	}
}

// latencyRows measure from a line's entry into the first rsyslogd to the destination.
func (b *omprogBench) latencyRows(scale scale) (rows []row) {
	flood, d := scale.of(300_000), time.Duration(float64(4*time.Second)*max(0.5, float64(scale)))
	highest := make(map[string][]float64)
	for _, percent := range []int{10, 50} {
		r := row{key: fmt.Sprintf("latency-%d", percent),
			title: fmt.Sprintf("from a line's entry into rsyslogd to the destination, at %d%% of each path's highest rate", percent)}
		for _, p := range []path{b.omczmqPath(flood), b.omrelpPath(2000), b.omprogPath(flood), b.relpPath(flood), b.relpChainPath(flood)} {
			run := p.at(float64(percent)/100, d, highest)
			r.contestants = append(r.contestants, contestant{name: p.name, run: run, ours: p.ours})
		}
		rows = append(rows, r)
	}
	return append(rows, b.evenRow(d))
}

// evenRow measures the paths that carry it at one rate.
func (b *omprogBench) evenRow(d time.Duration) row {
	const perSecond = 20_000
	r := row{key: "latency-even", title: fmt.Sprintf("from a line's entry into rsyslogd to the destination, at %d lines/s", perSecond)}
	for _, p := range []path{b.omczmqPath(0), b.omprogPath(0), b.relpPath(0), b.relpChainPath(0)} {
		r.contestants = append(r.contestants, contestant{name: p.name, ours: p.ours, run: func(ctx context.Context) (sample, error) {
			return p.delays(ctx, perSecond, d)
		}})
	}
	return r
}
