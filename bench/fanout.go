package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// fanout measures a proxy between a publisher and subscribers that are not ours, the same ones for every
// contestant.
//
// A publisher that sends as fast as it can would measure how much a proxy drops: the proxy delivers what its
// subscribers can read, however much it takes in, and the publisher takes CPU time from both. Therefore the
// pace that counts is "window": at most half a high-water mark of messages is between the publisher and the
// slowest subscriber. Then there is no reason to drop anything, all that is sent is delivered, and the rate is
// that of the whole path. The share delivered is printed all the same, and the pace "flood" has rows of its
// own.
//
// Subscribers on libzmq cost as much as a proxy on libzmq, and more if there are many. With peers "wire",
// which are bare ZMTP in C and cost next to nothing, and one CPU for the proxy, the proxy alone limits the
// rate.
type fanout struct {
	programs    string
	peers       string // zmq or wire
	subscribers int
	topics      int    // 0: messages of one frame
	pace        string // see reference/fanout_pub.h
	seconds     float64
	proxyCPUs   string // as taskset takes them; empty: chosen by the kernel
	peerCPUs    string
}

// through measures the proxy that start starts. The rate counts what all subscribers received; the CPU time is
// the proxy's.
func (f fanout) through(start starter) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p, err := start(ctx, f.proxyCPUs)
		defer p.stop()
		if err != nil {
			return sample{}, err
		}
		self := of("proxy", p.cmd)
		before, err := self.cpu()
		if err != nil {
			return sample{}, err
		}
		sent, got, err := f.run(ctx, cancel, p)
		if err != nil {
			return sample{}, err
		}
		after, err := self.cpu()
		return f.sample(sent, got, after-before, self.peak()), err
	}
}

// sent and received are what the publisher and the subscribers report: see reference/fanout_pub.h and fanout_sub.h.
type sent struct{ messages, first, last, cpu, stalls float64 }

type received struct{ messages, first, last, cpu, lost, p50, p99, p999 float64 }

// run publishes through p.
func (f fanout) run(ctx context.Context, cancel func(), p *proxy) (s sent, r received, err error) {
	minded, credits, err := os.Pipe()
	if err != nil {
		return s, r, err
	}
	defer minded.Close()
	defer credits.Close()
	var heard bytes.Buffer
	subscribers := command(ctx, f.peerCPUs, filepath.Join(f.programs, f.peers+"_fanout_sub"), p.out, fmt.Sprint(f.subscribers))
	subscribers.Stdout, subscribers.Stderr, subscribers.ExtraFiles = &heard, os.Stderr, []*os.File{credits}
	publisher := command(ctx, f.peerCPUs, filepath.Join(f.programs, f.peers+"_fanout_pub"), p.in, fmt.Sprint(f.seconds),
		fmt.Sprint(messageSize), fmt.Sprint(f.topics), f.pace)
	publisher.Stdin, publisher.Stderr = minded, os.Stderr
	if err := subscribers.Start(); err != nil {
		return s, r, err
	}
	credits.Close() // the publisher must notice when its subscribers are gone
	said, err := publisher.Output()
	if err != nil {
		cancel() // the subscribers would wait forever
	}
	if err := errors.Join(err, subscribers.Wait()); err != nil {
		return s, r, fmt.Errorf("publisher and subscribers: %w", err)
	}
	_, err1 := fmt.Sscan(string(said), &s.messages, &s.first, &s.last, &s.cpu, &s.stalls)
	_, err2 := fmt.Sscan(heard.String(), &r.messages, &r.first, &r.last, &r.cpu, &r.lost, &r.p50, &r.p99, &r.p999)
	return s, r, errors.Join(err1, err2)
}

// sample is in CPU seconds and MiB of the proxy, and in what the others report.
func (f fanout) sample(s sent, r received, cpu, peak float64) sample {
	ns := r.last - r.first
	found := sample{
		Rate:      r.messages / ns * 1e9,
		CPU:       cpu / r.messages * 1e6,
		Published: s.messages / (s.last - s.first) * 1e9,
		Delivered: r.messages / (s.messages * float64(f.subscribers)),
		Usage: []result.Usage{
			{Process: "publisher", CPUs: s.cpu * float64(time.Microsecond) / ns, CPU: s.cpu / r.messages},
			{Process: "proxy", CPUs: cpu * float64(time.Second) / ns, CPU: cpu / r.messages * 1e6, Peak: peak},
			{Process: "subscribers", CPUs: r.cpu * float64(time.Microsecond) / ns, CPU: r.cpu / r.messages},
		},
	}
	if f.pace != "window" && f.pace != "flood" {
		found.Latency = &result.Latency{P50: r.p50 / 1e6, P99: r.p99 / 1e6, P999: r.p999 / 1e6}
	}
	return found
}

// hubRows are the rows of zmqtap hub.
func hubRows(programs string) (rows []row) {
	add := func(key, title string, f fanout) {
		f.programs = programs
		rows = append(rows, row{key, title, []contestant{
			{name: "libzmq's zmq_proxy", run: f.through(zmqProxy(programs))},
			ours("zmqtap hub", f.through(hub(programs))),
		}, nil})
	}
	const (
		what  = "XSUB to XPUB, 200 bytes, all that arrives counted; "
		slow  = what + "as fast as the slowest subscriber, nothing to be lost; "
		flood = what + "10 subscribers; as fast as the proxy reads, whatever it loses; "
		delay = "from the publisher through the proxy to 10 subscribers, 2,000 messages/s; "
		own   = "the proxy on CPU 0, bare peers on CPU 1"
		free  = "peers on libzmq, where the kernel puts them"
	)
	bare := fanout{peers: "wire", subscribers: 10, topics: 8, pace: "window", seconds: 1.5, proxyCPUs: "0", peerCPUs: "1"}
	libzmq := fanout{peers: "zmq", subscribers: 10, topics: 8, pace: "window", seconds: 1.5}
	for _, n := range []int{1, 10, 100} {
		bare, libzmq := bare, libzmq
		bare.subscribers, libzmq.subscribers = n, n
		subscribers := fmt.Sprintf("subscribers: %d; ", n)
		add(fmt.Sprintf("hub-own-%d", n), slow+subscribers+own, bare)
		add(fmt.Sprintf("hub-libzmq-%d", n), slow+subscribers+free, libzmq)
	}
	bare.topics = 0
	add("hub-own-one-frame", slow+"10 subscribers, no topic's frame; "+own, bare)
	bare.topics = libzmq.topics
	bare.pace, libzmq.pace = "flood", "flood"
	add("hub-flood-own", flood+own, bare)
	add("hub-flood-libzmq", flood+free, libzmq)
	bare.pace, libzmq.pace = "2000", "2000"
	bare.seconds, libzmq.seconds = 3, 3
	add("hub-latency-own", delay+own, bare)
	add("hub-latency-libzmq", delay+free, libzmq)
	for _, n := range []int{1, 10, 100} {
		libzmq := libzmq
		libzmq.subscribers = n
		add(fmt.Sprintf("hub-delay-%d", n), fmt.Sprintf("through the proxy, 2,000 messages/s; subscribers: %d; ", n)+free, libzmq)
	}
	return rows
}
