package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// manySenders measures senders of acknowledged delivery at one or more imzmq: bench/senders. All of them always have
// something to send, or send at a rate.
type manySenders struct {
	programs           string
	senders, receivers int
	rate               int // messages per second of all together, one by one; 0: as fast as they can
	to                 func(context.Context) (manyDestination, error)
	words              *string // what the last run reports besides its rate
}

// manyDestination is where all imzmq put what they receive.
type manyDestination interface {
	to(receiver int) string                                  // the value of --to
	stored(ctx context.Context, sent uint64) (string, error) // checks what has arrived
	processes() []process
	stop()
}

const manySeconds = 4

func (b *manySenders) run(ctx context.Context) (s sample, err error) {
	d, err := b.to(ctx)
	defer d.stop()
	if err != nil {
		return s, err
	}
	all, addresses, err := b.startReceivers(ctx, d)
	for _, i := range all {
		defer i.stop()
	}
	if err != nil {
		return s, err
	}
	before := residentMemory(all[0].cmd.Process.Pid)
	p, err := startCrowdProcess(ctx, "senders", []string{filepath.Join(b.programs, "senders"),
		"-connect", strings.Join(addresses, ","), "-senders", fmt.Sprint(b.senders), "-rate", fmt.Sprint(b.rate)})
	defer p.stop()
	if err == nil {
		err = errors.Join(p.expect("ready"), p.say("hello"), p.expect("greeted"))
	}
	if err != nil {
		return s, err
	}
	quiet(ctx, 3*time.Second)
	idle := residentMemory(all[0].cmd.Process.Pid)
	processes := d.processes()
	for _, i := range all {
		processes = append(processes, of("imzmq", i.cmd))
	}
	l, err := watch(processes)
	if err != nil {
		return s, err
	}
	var sent uint64
	var slowest, fastest, p50, p99 float64
	if err := p.say(fmt.Sprint("go ", manySeconds)); err != nil {
		return s, err
	}
	_, err = fmt.Fscanln(p.out, &sent, &s.Rate, &slowest, &fastest, &p50, &p99) // see bench/senders
	if err != nil {
		return s, err
	}
	if s.Usage, err = l.usage(int(sent)); err != nil {
		return s, err
	}
	note, err := d.stored(ctx, sent)
	*b.words = fmt.Sprintf("the last run: slowest and fastest sender %.2f and %.2f of the mean; acknowledged after %.1f ms, "+
		"p99 %.1f; an idle sender takes %d KiB of imzmq%s", slowest, fastest, p50, p99, (idle-before)*b.receivers/b.senders, note)
	return s, err
}

// startReceivers starts all imzmq and waits until they listen. The caller stops them, even after an error.
func (b *manySenders) startReceivers(ctx context.Context, d manyDestination) (all []*imzmq, addresses []string, err error) {
	o := &omprogBench{programs: b.programs}
	for n := range b.receivers {
		port, err := freePort()
		if err != nil {
			return all, nil, err
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		i, err := o.startIMZMQ(ctx, placement{}, "--bind", "tcp://"+address, "--to", d.to(n))
		all, addresses = append(all, i), append(addresses, address)
		if err != nil {
			return all, nil, err
		}
		go io.Copy(io.Discard, i.out) //nolint:errcheck // it ends with imzmq
		for err := errors.New("not tried"); err != nil; time.Sleep(10 * time.Millisecond) {
			var conn net.Conn
			if conn, err = net.Dial("tcp", address); err == nil {
				conn.Close()
			} else if ctx.Err() != nil {
				return all, nil, ctx.Err()
			}
		}
	}
	return all, addresses, nil
}

// residentMemory returns a process's in KiB; 0 if the kernel does not say.
func residentMemory(pid int) (kib int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if _, rest, found := strings.Cut(string(status), "VmRSS:"); found {
		fmt.Sscan(rest, &kib) //nolint:errcheck // then it is 0
	}
	return kib
}

// nowhere is a destination that takes everything at once.
type nowhere struct{}

func (nowhere) to(int) string                                  { return "-" }
func (nowhere) stored(context.Context, uint64) (string, error) { return "", nil }
func (nowhere) processes() []process                           { return nil }
func (nowhere) stop()                                          {}

// oneList is a list in one Redis.
type oneList struct{ *redisServer }

func startOneList(ctx context.Context) (manyDestination, error) {
	s, err := startRedis(ctx, placement{})
	return oneList{s}, err
}

func (l oneList) to(int) string        { return fmt.Sprintf("redis://127.0.0.1:%d?list=%s", l.port, list) }
func (l oneList) processes() []process { return []process{of("redis-server", l.cmd)} }

func (l oneList) stored(_ context.Context, sent uint64) (string, error) {
	n, err := l.length()
	if err == nil && uint64(n) != sent {
		err = fmt.Errorf("the list holds %d messages, %d were sent", n, sent)
	}
	return fmt.Sprintf("; all %d messages are in the list, each once", sent), err
}

// manyRows are the rows of many senders, and of many imzmq before one Redis Cluster.
func manyRows(programs string) (rows []row) {
	add := func(key, title string, b manySenders) {
		b.programs, b.words = programs, new(string)
		rows = append(rows, row{key, title, []contestant{ours(fmt.Sprintf("%d senders", b.senders), b.run)},
			func([]float64) string { return *b.words }})
	}
	for _, n := range []int{1, 10, 100, 1000} {
		add(fmt.Sprintf("many-%d", n), fmt.Sprintf("senders of acknowledged delivery, each with 1,000 messages under way, to "+
			"one imzmq --to -: %d", n), manySenders{senders: n, receivers: 1, to: func(context.Context) (manyDestination, error) { return nowhere{}, nil }})
	}
	const slow, rate = 500, 100_000
	add("many-slow", fmt.Sprintf("%d senders of %d messages a second each, which are sent one by one, to one imzmq before Redis",
		slow, rate/slow), manySenders{senders: slow, receivers: 1, rate: rate, to: startOneList})
	for _, n := range []int{1, 2, 4} {
		add(fmt.Sprintf("cluster-%d", n), fmt.Sprintf("senders to imzmq before a Redis Cluster of three nodes; imzmq, with a list each: %d", n),
			manySenders{senders: 100, receivers: n, to: startRedisCluster})
	}
	return rows
}
