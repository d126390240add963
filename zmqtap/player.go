package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/recording"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// player reads a recording, and says when each of its entries is due. It is for one goroutine.
type player struct {
	options *replayOptions
	logger  *slog.Logger
	file    *os.File
	in      io.Reader // the file's content
	over    <-chan struct{}
	reader  *recording.Reader
	pace    pace

	next   *recording.Entry // read, and not played yet
	due    time.Time        // of next
	first  time.Time        // of the recording, as the next
	last   time.Time        // of what was read
	inside bool             // something lay between --from and --to
	passes int64            // the recording was read to its end
	found  bool             // in this pass, something was played
	warned bool
	err    error // the end
}

// openRecording opens the file, or standard input, and reads the first entry, so that a wrong file is no surprise for
// the first subscriber. When ctx ends, so does what comes from a pipe.
func openRecording(ctx context.Context, o *replayOptions, logger *slog.Logger) (p *player, err error) {
	p = &player{options: o, logger: logger, file: os.Stdin, pace: pace{speed: float64(o.speed), idle: o.idle}, over: ctx.Done()}
	if o.File != stdio {
		if p.file, err = open(ctx, o.File); err != nil {
			return nil, err
		}
	}
	p.in = untilEnd(ctx, p.file)
	if err = p.begin(); err == nil {
		if _, _, err = p.peek(); err == nil || err == io.EOF {
			return p, nil
		}
		p.close()
	} else {
		p.file.Close()
	}
	return nil, err
}

func (p *player) close() {
	p.reader.Close()
	p.file.Close()
}

// begin begins a pass.
func (p *player) begin() error {
	reader, err := recording.NewReader(p.in, int(p.options.MaxMessage))
	if err != nil {
		return fmt.Errorf("%s: %w", p.options.File, err)
	}
	p.reader, p.found, p.pace.last = reader, false, time.Time{}
	return nil
}

// peek returns the next entry and when it is due. The error is io.EOF after the last one, and then always the same.
func (p *player) peek() (*recording.Entry, time.Time, error) {
	for p.next == nil && p.err == nil {
		if p.interrupted() { // what is not wanted may have no end
			p.err = io.EOF
			break
		}
		e, err := p.reader.Next()
		switch {
		case err != nil:
			p.err = p.end(err)
		case p.first.IsZero():
			p.first = e.Time()
		}
		if err != nil {
			continue
		}
		if e.Time().After(p.last) {
			p.last = e.Time()
		}
		if p.options.to.set && e.Time().After(p.options.to.in(p.first)) {
			if p.inside || !isRegular(p.file) { // otherwise it reads on, to say where the recording ends
				p.err = p.end(io.EOF)
			}
			continue
		}
		if !p.wants(&e) {
			continue
		}
		p.next, p.found, p.due = &e, true, p.pace.due(e.Time(), time.Now())
	}
	if p.next == nil {
		return nil, time.Time{}, p.err
	}
	return p.next, p.due, nil
}

// wants reports whether an entry is to be replayed, unless it comes too late.
func (p *player) wants(e *recording.Entry) bool {
	o := p.options
	if at := e.Time(); o.from.set && !at.IsZero() && at.Before(o.from.in(p.first)) {
		return false
	}
	p.inside = true
	if e.Gap != nil {
		return true
	}
	if len(o.topics) == 0 {
		return o.takes(&e.Message)
	}
	for _, topic := range o.topics {
		if bytes.HasPrefix(e.Subject(), []byte(topic)) {
			return o.takes(&e.Message)
		}
	}
	return false
}

// end begins another pass, if there is to be one, or returns what ends the replay.
func (p *player) end(err error) error {
	var cut *recording.CutOffError
	switch {
	case errors.As(err, &cut):
		if !p.warned && !p.interrupted() {
			p.logger.Warn("the recording is cut off: its recorder was killed, or still records", "file", p.options.File, "lines", cut.Line)
			p.warned = true
		}
	case err != io.EOF:
		return fmt.Errorf("%s: %w", p.options.File, err)
	}
	if !p.inside && !p.first.IsZero() && !p.interrupted() {
		return p.outside()
	}
	if p.passes++; p.passes == p.options.loop || !p.found {
		return io.EOF
	}
	p.reader.Close()
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("--loop: %s: %w", p.options.File, err)
	}
	return p.begin()
}

// outside is the error of a part that the recording does not have.
func (p *player) outside() error {
	o := p.options
	text := func(t time.Time) string { return t.In(o.zone()).Format(time.RFC3339) }
	asked := "before " + text(o.to.in(p.first))
	switch {
	case o.from.set && o.to.set:
		asked = "between " + text(o.from.in(p.first)) + " and " + text(o.to.in(p.first))
	case o.from.set:
		asked = "after " + text(o.from.in(p.first))
	}
	there := "goes from " + text(p.first) + " to " + text(p.last)
	if !isRegular(p.file) { // the rest of a pipe was not read
		there = "begins at " + text(p.first)
	}
	return fmt.Errorf("%s: nothing %s: the recording %s", o.File, asked, there)
}

func (p *player) interrupted() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// failure returns the error that has ended the replay, if it was one.
func (p *player) failure() error {
	if p.err == io.EOF {
		return nil
	}
	return p.err
}

// wait waits until an entry is due. It returns false if ctx ends first.
func (p *player) wait(ctx context.Context, due time.Time) bool {
	rest := time.Until(due)
	if rest <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// At most this many messages, and not much more than this many bytes, are given to a view at once.
const (
	mostAtOnce  = 256
	bytesAtOnce = 256 << 10
)

// Next appends what is due, and waits until something is. It returns dst as it is at the end, or if ctx ends.
func (p *player) Next(ctx context.Context, dst []tap.Delivery) []tap.Delivery {
	var messages []tap.Message
	for size := 0; len(messages) < mostAtOnce && size < bytesAtOnce; {
		e, due, err := p.peek()
		if err != nil || (len(messages) > 0 && time.Until(due) > 0) || !p.wait(ctx, due) {
			break
		}
		p.next = nil
		if e.Gap != nil {
			if len(messages) > 0 {
				dst, messages = append(dst, tap.Delivery{Messages: messages}), nil
			}
			return append(dst, tap.Delivery{Gap: &tap.Gap{Publisher: e.Gap.Publisher, Count: e.Gap.Count, Before: true,
				Reason: e.Gap.Reason, Time: e.Gap.Received}})
		}
		m := &e.Message
		messages = append(messages, tap.Message{Topic: m.Topic, Frames: m.Frames, Payload: m.Payload, Received: m.Received})
		size += e.Size()
	}
	if len(messages) == 0 {
		return dst
	}
	return append(dst, tap.Delivery{Messages: messages})
}

// Take returns dst: nothing waits here.
func (p *player) Take(dst []tap.Delivery) []tap.Delivery { return dst }

// Return clears what was taken.
func (p *player) Return(taken []tap.Delivery) { clear(taken) }

// Ready never receives.
func (p *player) Ready() <-chan struct{} { return nil }

// maxLag is how much of a delay is made up for. After a longer one, such as a subscriber at a breakpoint, the replay
// goes on at its pace from there, rather than in a burst.
const maxLag = time.Second

// pace says when messages are due that were received at some times.
type pace struct {
	speed float64 // 0: at once
	idle  time.Duration
	last  time.Time // when the message before was received
	then  time.Time // when that one was due
}

// due returns when the next message is due. It is called when the one before has been replayed.
func (p *pace) due(received, now time.Time) time.Time {
	if p.speed == 0 {
		return now
	}
	if now.Sub(p.then) > maxLag {
		p.then = now
	}
	if received.IsZero() {
		return p.then
	}
	if !p.last.IsZero() {
		pause := max(0, received.Sub(p.last)) // clocks are set back, and recordings are appended to each other
		if p.idle > 0 {
			pause = min(pause, p.idle)
		}
		p.then = p.then.Add(time.Duration(min(float64(pause)/p.speed, math.MaxInt64/2)))
	}
	p.last = received
	return p.then
}
