package main

import (
	"fmt"
	"slices"
)

// allRows returns every row, in the order in which they run.
func allRows(programs string, scale scale) []row {
	b := &omprogBench{programs: programs}
	return slices.Concat(b.relpRows(scale), b.omprogRows(scale), b.chainRows(scale), b.redisRows(scale), b.kafkaRows(scale),
		b.stdoutRows(scale), b.latencyRows(scale), b.sizeRows(scale), b.crowdedRows(scale), b.memoryRows(), []row{idleRow(programs)}, b.cpuRows(scale), pushPullRows(programs, scale),
		curveRows(programs), hubRows(programs), terminalRows(programs), printRows(programs, scale), recordingRows(programs, scale), crowdRows(programs),
		manyRows(programs), intakeRows(programs))
}

var pinned, free = placement{rsyslogd: "0", program: "1"}, placement{}

// omprogRows are those of the conversation with omprog.
func (b *omprogBench) omprogRows(scale scale) []row {
	n, long := scale.of(200_000), scale.of(400_000)
	return []row{
		{"omprog-pinned", "omprog with confirmation and transactions; rsyslogd on CPU 0, the programs on CPU 1", []contestant{
			{name: "C confirmer that blocks", run: b.confirmer("confirm_blocking", scale.of(60_000), pinned)},
			ours("omzmq push, sent, to libzmq", b.push(n, pinned)),
			ours("omzmq dealer, stored, to imzmq", b.stored(n, pinned)),
		}, nil},
		{"omprog-free", "omprog with confirmation and transactions, where the kernel puts them", []contestant{
			{name: "C confirmer that polls", run: b.confirmer("confirm_polling", n, free)},
			ours("omzmq push, sent, to libzmq", b.push(n, free)),
			ours("omzmq dealer, stored, to imzmq", b.stored(n, free)),
		}, nil},
		{"journal-pinned", "what --journal costs; rsyslogd on CPU 0, the programs on CPU 1", []contestant{
			ours("omzmq dealer, stored, to imzmq", b.stored(long, pinned)),
			ours("the same with --journal", b.stored(long, pinned, journaled)),
		}, nil},
		{"journal-free", "what --journal costs, where the kernel puts them", []contestant{
			ours("omzmq dealer, stored, to imzmq", b.stored(long, free)),
			ours("the same with --journal", b.stored(long, free, journaled)),
		}, nil},
	}
}

// redisRows are those of a Redis list.
func (b *omprogBench) redisRows(scale scale) []row {
	n := scale.of(400_000)
	return []row{
		{"redis-pinned", "rsyslogd into a Redis list; rsyslogd on CPU 0, redis-server and the programs on CPU 1", []contestant{
			{name: "rsyslogd, omhiredis mode queue", run: b.omhiredis(n, pinned)},
			ours("omzmq dealer, stored, to imzmq", b.storedInRedis(n, pinned)),
		}, nil},
		{"redis-free", "rsyslogd into a Redis list, where the kernel puts them", []contestant{
			{name: "rsyslogd, omhiredis mode queue", run: b.omhiredis(n, free)},
			ours("omzmq dealer, stored, to imzmq", b.storedInRedis(n, free)),
		}, nil},
		{"redis-relp", "rsyslogd over RELP into a Redis list, each message once", []contestant{
			{name: "rsyslogd, omhiredis mode queue", run: b.omhiredis(n, free)},
			ours("omzmq --relp, stored, to imzmq", b.relpInRedis(n, free)),
		}, nil},
		{"redis-own", "imzmq into a Redis list, from the lines of a file, where the kernel puts them", []contestant{
			{name: "redis-benchmark, pipelined RPUSH", run: redisBenchmark(scale.of(1_000_000), 1, 1000)},
			ours("imzmq pull", b.fromFile(scale.of(500_000), "pull", "--socket push --confirm sent")),
			ours("imzmq router, acknowledged", b.fromFile(scale.of(500_000), "router", "--socket dealer --confirm stored")),
		}, nil},
	}
}

// cpuRows compare what the outputs cost.
func (b *omprogBench) cpuRows(scale scale) []row {
	n := scale.of(200_000)
	return []row{{"cpu", "CPU time of rsyslogd's output threads, and of omzmq", []contestant{
		{name: "rsyslogd, omczmq PUSH to libzmq", run: b.omczmq(n, free)},
		{name: "rsyslogd that discards", run: b.discard(n)},
		ours("omzmq push, sent, to libzmq", b.push(n, free)),
		ours("omzmq dealer, stored, to imzmq", b.stored(n, free)),
		ours("omzmq --relp, stored, to a C ROUTER", b.relpStored(2*n, free)),
	}, func(cpu []float64) string {
		share := cpu[0] - cpu[1]
		return fmt.Sprintf("omczmq's share of rsyslogd: %.2f s/M; omzmq push %.2f times, dealer %.2f times, over RELP %.2f times that",
			share, cpu[2]/share, cpu[3]/share, cpu[4]/share)
	}}}
}

func pushPullRows(programs string, scale scale) []row {
	n := scale.of(3_000_000)
	return []row{{"pushpull", "PUSH to PULL over TCP, two processes, 200 bytes", []contestant{
		{name: "libzmq", run: pushPull(programs, "zmq_push", "zmq_pull", n, messageSize)},
		ours("pkg/zmq", pushPull(programs, "pushpull ours push", "pushpull ours pull", n, messageSize)),
		{name: "go-zeromq/zmq4", run: pushPull(programs, "pushpull zmq4 push", "pushpull zmq4 pull", scale.of(100_000), messageSize)},
	}, nil}}
}
