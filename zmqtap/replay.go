package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	printOptions
	speed            speed
	idle             time.Duration // longest pause; 0: as in the recording
	loop             int64         // 0: without end
	fromText, toText string
	from, to         moment
	subscribers      int
}

// speed is a flag's value: how many times faster than the recording; 0: as fast as possible.
type speed float64

const leastSpeed, mostSpeed = 0.001, 1_000_000

// Set implements pflag.Value.
func (s *speed) Set(text string) error {
	if text == "max" {
		*s = 0
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.Trim(text, "0123456789.-") != "" { // no 1e3, no NaN
		return errors.New("write a number, such as 1, 10 or 0.5, or max")
	}
	if n < leastSpeed || n > mostSpeed {
		return fmt.Errorf("it must lie between %v and %d", leastSpeed, mostSpeed)
	}
	*s = speed(n)
	return nil
}

// String implements pflag.Value.
func (s *speed) String() string {
	if *s == 0 {
		return "max"
	}
	return strconv.FormatFloat(float64(*s), 'f', -1, 64)
}

// Type implements pflag.Value.
func (s *speed) Type() string { return "number" }

// moment is a place in a recording: a time, a time of its first day, or how long after its first message; none of
// them: there is none.
type moment struct {
	at    time.Time
	daily bool // at is a time of day
	after time.Duration
	set   bool
}

// parseMoment parses a flag's value. Times of day are those of a zone.
func parseMoment(name, text string, zone *time.Location) (m moment, err error) {
	if text == "" {
		return m, nil
	}
	m.set = true
	for _, layout := range []string{"15:04", time.TimeOnly} {
		if m.at, err = time.ParseInLocation(layout, text, zone); err == nil {
			m.daily = true
			return m, nil
		}
	}
	if m.after, err = time.ParseDuration(text); err == nil && m.after >= 0 {
		return m, nil
	}
	if m.at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return m, flags.Usage("--%s %q: write a time, such as 2026-01-02T03:04:05Z, or 03:04 on the first day, or how long after the first message, such as 90s", name, text)
	}
	return m, nil
}

// in returns the time of the place in a recording that begins at first.
func (m moment) in(first time.Time) time.Time {
	switch {
	case m.daily:
		year, month, day := first.In(m.at.Location()).Date()
		return time.Date(year, month, day, m.at.Hour(), m.at.Minute(), m.at.Second(), m.at.Nanosecond(), m.at.Location())
	case m.at.IsZero():
		return first.Add(m.after)
	}
	return m.at
}

// zone returns the time zone of what people read and write.
func (o *look) zone() *time.Location {
	if o.utc {
		return time.UTC
	}
	return time.Local
}

func parseReplay(args []string, stdout *os.File) (*replayOptions, error) {
	o := &replayOptions{speed: 1}
	o.TakesFile, o.NoEndpoint = true, true
	fs := flags.NewSet(flags.Program{
		Name: program + " replay",
		Summary: "Publishes again what zmqtap record has recorded, as a PUB socket at the endpoint of --bind or --connect; without one, prints it.\n" +
			"It begins with the first subscriber, waits for slow ones, and pauses while there is none. FILE may also be what " +
			"zmqtap --json has printed; - is standard input.",
		Environment: noColorVariable,
		Examples: []flags.Example{
			{Purpose: "Publish a recording as fast as the subscribers take it",
				Command: "zmqtap replay --speed max 2026-11-30.zst --bind tcp://127.0.0.1:5556"},
			{Purpose: "Publish its second minute, ten times as fast, again and again",
				Command: "zmqtap replay --from 1m --to 2m --speed 10 --loop 0 f --bind tcp://*:5556"},
			{Purpose: "Print what matches",
				Command: "zmqtap replay --speed max --grep 'Failed|refused' 2026-11-30.zst"},
		},
	}, &o.Common)
	o.addTopics(fs)
	o.selection.add(fs, "replay")
	fs.Var(&o.speed, "speed", "how many times as fast as the recording; max: as fast as the subscribers, or the terminal, take it")
	flags.Duration(fs, &o.idle, "idle-limit", 0, 0, flags.MaxDuration, "longest `pause` between two messages, before --speed; 0: as in the recording")
	fs.StringVar(&o.fromText, "from", "", "begin with what was received at this `time`: 2026-01-02T03:04:05Z, 03:04:05 or 03:04 on the "+
		"recording's first day, or 90s after its first message")
	fs.StringVar(&o.toText, "to", "", "end with what was received at this `time`, written as for --from")
	flags.Count(fs, &o.loop, "loop", 1, 0, flags.MaxCount, "how many `times` the recording is replayed; 0: without end")
	flags.Count(fs, &o.subscribers, "subscribers", 1, 0, flags.MaxCount, "how many `subscribers` it waits for before it begins")
	o.look.add(fs)
	// A subscriber that stands at a breakpoint answers no PING.
	flags.Default(fs, "heartbeat", "0")
	if err := o.Parse(fs, version, args, stdout); err != nil {
		return nil, err
	}
	return o, o.validate(fs)
}

// everything reports whether nothing is left out.
func (o *replayOptions) everything() bool {
	return (len(o.topics) == 0 || slices.Contains(o.topics, "")) && o.filter.names() == ""
}

func (o *replayOptions) publishes() bool { return len(o.Bind)+len(o.Connect) > 0 }

func (o *replayOptions) validate(fs *pflag.FlagSet) (err error) {
	for _, name := range []string{"raw", "json", "format", "pretty", "utc", "color", "no-color"} {
		if o.publishes() && fs.Changed(name) {
			return flags.Usage("--%s is for what is printed, and with --bind or --connect nothing is", name)
		}
	}
	switch {
	case !o.publishes() && fs.Changed("subscribers"):
		return flags.Usage("--subscribers needs --bind or --connect")
	case o.File == stdio && o.loop != 1:
		return flags.Usage("--loop needs a file: standard input can be read only once")
	}
	if o.from, err = parseMoment("from", o.fromText, o.zone()); err != nil {
		return err
	}
	if o.to, err = parseMoment("to", o.toText, o.zone()); err != nil {
		return err
	}
	if err := flags.CheckPrefixes("topic", o.topics); err != nil {
		return err
	}
	return cmp.Or(o.filter.validate(), o.look.validate(fs))
}

func runReplay(ctx context.Context, args []string, stdout *os.File, stderr *log.Writer) error {
	o, err := parseReplay(args, stdout)
	if err != nil {
		return err
	}
	if o.Check.Wanted {
		return check.Run(ctx, stdout, check.Program{Name: program}, "", &check.Subject{Try: o.try})
	}
	o.Budget().Govern(ctx)
	logger := o.Logger(stderr)
	if o.duration > 0 { // a pipe may have nothing in it for long
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	p, err := openRecording(ctx, o, logger)
	if err != nil {
		return err
	}
	defer p.close()
	if o.publishes() {
		return o.publish(ctx, p, logger, stderr)
	}
	onTerminal := terminal.IsTerminal(stdout)
	o.markOwn(stdout, stderr)
	v := newView(&o.printOptions, p, stdout, onTerminal, logger)
	err = cmp.Or(v.watch(ctx), p.failure())
	return v.conclude(err, stderr)
}

// try tries what the flags ask for.
func (o *replayOptions) try(ctx context.Context, r *check.Report) {
	p, err := openRecording(ctx, o, r.Logger())
	if err == nil {
		defer p.close()
		_, _, err = p.peek()
	}
	if err != nil && err != io.EOF {
		r.Wrong(check.OtherFiles, o.File, "%v", err)
	} else {
		r.OK("%s: a recording", o.File)
	}
	if o.publishes() {
		o.tryAs(ctx, r, zmq.XPub)
	}
}
