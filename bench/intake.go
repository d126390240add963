package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// intakeBench measures how much of what a publisher sends a hub receives while a crowd reads from it. All readers read.
// The publisher sends at a rate that a hub follows with ease, and faster than so many readers can.
type intakeBench struct {
	programs             string
	readers, subscribers int // over HTTP, and SUBs
	words                *string
}

const (
	intakeRate    = 15_000 // messages per second
	intakeSeconds = 6
)

func (b *intakeBench) run(ctx context.Context) (s sample, err error) {
	h, err := startCrowdHub(ctx, nil, b.programs)
	defer h.kill()
	if err != nil {
		return s, err
	}
	crowd, err := startCrowdProcess(ctx, "readers", []string{filepath.Join(b.programs, "crowd"), "-awake", "-http", h.http,
		"-subscribers", strings.TrimPrefix(h.out, "tcp://"), "-readers", fmt.Sprint(b.readers), "-listeners", fmt.Sprint(b.subscribers)})
	defer crowd.stop()
	if err == nil {
		err = crowd.expect("ready")
	}
	if err != nil {
		return s, h.complaint(err)
	}
	p, err := crowdLibzmq(b.programs, "", intakeRate*intakeSeconds, intakeRate)(ctx, h)
	if err != nil {
		return s, h.complaint(err)
	}
	defer p.stop()
	l, err := watch([]process{p.process(), of("hub", h.cmd), of(crowd.name, crowd.cmd)})
	if err != nil {
		return s, err
	}
	if s, err = p.publish(ctx); err != nil {
		return s, h.complaint(err)
	}
	if s.Usage, err = l.usage(intakeRate * intakeSeconds); err != nil {
		return s, err
	}
	time.Sleep(time.Second) // what is on its way arrives, or the end of the hub would lose it
	crowd.stop()
	end, err := h.stop()
	if err != nil {
		return s, h.complaint(err)
	}
	share := float64(end.received) / (intakeRate * intakeSeconds)
	s.Rate *= share // what the hub has received
	*b.words = fmt.Sprintf("the last run: the hub received %.3f of the messages; its readers missed %.2f of those",
		share, float64(end.missed)/float64(max(1, end.received)*uint64(b.readers+b.subscribers)))
	return s, nil
}

// intakeRows are the rows of a hub's intake under a crowd.
func intakeRows(programs string) (rows []row) {
	for _, crowd := range []struct {
		key                  string
		readers, subscribers int
	}{{"subscribers", 0, 1000}, {"http", 1000, 0}, {"both", 500, 500}} {
		alone := intakeBench{programs: programs, words: new(string)}
		alone.subscribers = 1
		attended := intakeBench{programs, crowd.readers, crowd.subscribers, new(string)}
		rows = append(rows, row{"intake-" + crowd.key, fmt.Sprintf("what a hub receives of a publisher's %d messages a second, "+
			"with %d readers by HTTP and %d subscribers, all of which read", intakeRate, crowd.readers, crowd.subscribers), []contestant{
			ours("with one subscriber", alone.run),
			ours("with the crowd", attended.run),
		}, func([]float64) string { return *alone.words + "\n    " + *attended.words }})
	}
	return rows
}
