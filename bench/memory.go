package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// settled returns what a process has used once its memory has not grown for a second.
func settled(ctx context.Context, p process) (sample, error) {
	peak, since := p.peak(), time.Now()
	for time.Since(since) < time.Second && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		if now := p.peak(); now > peak {
			peak, since = now, time.Now()
		}
	}
	usage, err := used(1, p)
	if err == nil {
		err = ctx.Err()
	}
	usage[0].CPU = 0 // there was no number of messages
	return sample{Usage: usage}, err
}

// idle measures the memory of one of our programs with no peer and nothing to do. Its stdin stays open.
func (b *omprogBench) idle(name string, args ...string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		cmd := exec.CommandContext(ctx, filepath.Join(b.programs, name), append(args, "--log-level", "error")...)
		var log bytes.Buffer
		cmd.Stderr = &log
		in, err := cmd.StdinPipe()
		if err != nil {
			return sample{}, err
		}
		defer in.Close()
		if err := cmd.Start(); err != nil {
			return sample{}, err
		}
		p := &program{cmd: cmd}
		defer p.stop()
		s, err := settled(ctx, of(name, cmd))
		if err == nil && p.ended() {
			p.stop()
			err = fmt.Errorf("%q ended: %s", cmd.Args, log.String())
		}
		return s, err
	}
}

// stalledOver measures an omzmq --relp whose peer neither reads nor acknowledges any more after a few messages, while
// rsyslogd has more for it than its window.
func (b *omprogBench) stalledOverRELP(flags ...string) func(context.Context) (sample, error) {
	return b.stalled(func(ctx context.Context, peer *puller) (process, func(), error) {
		p, port, err := b.startRELP(ctx, free, append(flags, "--connect", peer.endpoint)...)
		if err != nil {
			return process{}, p.stop, err
		}
		r, err := b.startInside(ctx, plenty(b), free, omrelpModule, omrelpAction(port, 0))
		return of("omzmq", p.cmd), func() { r.kill(); r.stop(); p.kill(); p.stop() }, err
	})
}

// stalledUnderOmprog is the same under omprog.
func (b *omprogBench) stalledUnderOmprog(flags ...string) func(context.Context) (sample, error) {
	return b.stalled(func(ctx context.Context, peer *puller) (process, func(), error) {
		command := fmt.Sprintf("%s --connect %s", filepath.Join(b.programs, "omzmq"), peer.endpoint)
		for _, flag := range flags {
			command += " " + flag
		}
		r, err := b.startHeld(ctx, plenty(b), free, command)
		if err == nil {
			err = r.release()
		}
		return r.program(), func() { r.kill(); r.stop() }, err
	})
}

// plenty is how many messages are more than any window holds.
func plenty(b *omprogBench) int { return min(100_000, 192<<20/b.messageSize()) }

func (b *omprogBench) stalled(start func(context.Context, *puller) (process, func(), error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		peer, err := startPuller(ctx, nil, filepath.Join(b.programs, "zmq_router_ack"), "1000000", "1000")
		if err != nil {
			return sample{}, err
		}
		defer peer.stop()
		p, stop, err := start(ctx, peer)
		defer stop()
		if err != nil {
			return sample{}, err
		}
		return settled(ctx, p)
	}
}

// stalledDestination measures an imzmq whose output nobody reads, while a sender has much for it.
func (b *omprogBench) stalledDestination(socket, sender string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		i, err := b.startIMZMQ(ctx, free, "--socket", socket, "--to", "-")
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		defer i.out.(io.Closer).Close() // or it would wait for its output
		name := filepath.Join(i.dir, "lines")
		file, err := os.Create(name)
		if err != nil {
			return sample{}, err
		}
		err = writeLines(file, plenty(b), b.messageSize())
		file.Close()
		if err != nil {
			return sample{}, err
		}
		if file, err = os.Open(name); err != nil {
			return sample{}, err
		}
		defer file.Close()
		omzmq := exec.CommandContext(ctx, filepath.Join(b.programs, "omzmq"), "--connect", i.endpoint, "--log-level", "error", "--socket", sender)
		omzmq.Stdin = file
		if err := omzmq.Start(); err != nil {
			return sample{}, err
		}
		defer omzmq.Wait()         //nolint:errcheck // it was killed
		defer omzmq.Process.Kill() //nolint:errcheck // it waits for ever
		return settled(ctx, of("imzmq", i.cmd))
	}
}

// memoryRows are the peaks of memory where little or nothing moves; the other rows have their own.
func (b *omprogBench) memoryRows() []row {
	big := *b
	big.size = 64 << 10
	stalled := func(key, title string, b *omprogBench) row {
		return row{key, title, []contestant{
			ours("omzmq under omprog", b.stalledUnderOmprog()),
			ours("omzmq under omprog, --journal", b.withJournal(b.stalledUnderOmprog)),
			ours("omzmq --relp", b.stalledOverRELP()),
			ours("omzmq --relp --journal", b.withJournal(b.stalledOverRELP)),
			ours("imzmq router to an unread pipe", b.stalledDestination("router", "dealer")),
			ours("imzmq pull to an unread pipe", b.stalledDestination("pull", "push")),
		}, nil}
	}
	return []row{
		{"memory-idle", "peak of resident memory of an idle program", []contestant{
			ours("omzmq", b.idle("omzmq", "--bind", "tcp://127.0.0.1:0")),
			ours("omzmq --relp", b.idle("omzmq", "--relp", "127.0.0.1:0", "--bind", "tcp://127.0.0.1:0")),
			ours("imzmq", b.idle("imzmq", "--bind", "tcp://127.0.0.1:0", "--to", "-")),
			ours("zmqtap hub", b.idle("zmqtap", "hub", "--in", "tcp://127.0.0.1:0", "--out", "tcp://127.0.0.1:0")),
		}, nil},
		stalled("memory-stalled", "peak of resident memory with a stalled peer and a full window, 200 bytes", b),
		stalled("memory-stalled-big", "peak of resident memory with a stalled peer and a full window, 64 KiB", &big),
	}
}

// withJournal measures one of the stalled programs with a journal.
func (b *omprogBench) withJournal(stalled func(flags ...string) func(context.Context) (sample, error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		flags, _, clean, err := b.flags(ctx, []way{journaled})
		defer clean()
		if err != nil {
			return sample{}, err
		}
		return stalled(flags...)(ctx)
	}
}
