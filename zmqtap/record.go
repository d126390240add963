package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/recording"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// recordOptions are the flags of record.
type recordOptions struct {
	source
	selection
	last          last
	maxSize       flags.FileSize
	force, append bool
	compression   recording.Compression
}

func parseRecord(args []string, stdout *os.File) (*recordOptions, error) {
	o := &recordOptions{}
	o.TakesFile = true
	fs := flags.NewSet(flags.Program{
		Name: program + " record",
		Summary: "Records the stream that the publishers at ENDPOINT... send, as lines of JSON into FILE, for zmqtap replay.\n" +
			"A FILE that ends with .zst or .gz is compressed; - is standard output. What was missed is in the file, too.",
		Examples: []flags.Example{
			{Purpose: "Five minutes, compressed, with the date in the name",
				Command: "zmqtap record --for 5m \"$(date +%F).zst\" tcp://127.0.0.1:5556"},
			{Purpose: "What sshd logs, until Ctrl-C, and at most 100 MiB of it",
				Command: "zmqtap record --topic sshd/ --max-size 100MiB sshd.gz tcp://127.0.0.1:5556"},
			{Purpose: "Into another program",
				Command: "zmqtap record --count 1000 - tcp://127.0.0.1:5556"},
		},
	}, &o.Common)
	o.addTopics(fs)
	o.selection.add(fs, "record")
	o.last.add(fs, "also record the last `messages` that a hub remembers, no more than this many of each --topic; 0: none")
	fs.Var(&o.maxSize, "max-size", "exit when FILE would be larger than this many `bytes`; suffixes KiB, MiB and GiB; 0: no limit")
	fs.BoolVar(&o.append, "append", false, "go on with FILE, if it is there")
	fs.BoolVar(&o.force, "force", false, "overwrite FILE, if it is there")
	err := o.parse(fs, args, stdout)
	if strings.Contains(o.File, "://") { // the likely mistake, and then there may be no endpoint either
		return nil, flags.Usage("%q is an endpoint: the name of the FILE comes first, as in zmqtap record FILE %s", o.File, o.File)
	}
	if err != nil {
		return nil, err
	}
	return o, o.validate()
}

func (o *recordOptions) validate() (err error) {
	switch {
	case o.force && o.append:
		return flags.Usage("--force and --append exclude each other: one overwrites the file, the other goes on with it")
	case o.File == stdio && (o.force || o.append):
		return flags.Usage("--force and --append are for files, and - is standard output: let the shell write > or >>")
	}
	if o.compression, err = recording.CompressionOf(o.File); err != nil {
		return flags.Usage("%w", err)
	}
	return o.filter.validate()
}

// stdio is the FILE that stands for standard input or output.
const stdio = "-"

// room returns how many bytes a recording of this size may grow by.
func (o *recordOptions) room(size int64) int64 {
	if o.maxSize == 0 {
		return math.MaxInt64
	}
	return max(0, int64(o.maxSize)-size)
}

// create opens the file, or standard output.
func (o *recordOptions) create(stdout *os.File) (w *recording.Writer, end func() error, err error) {
	if o.File == stdio {
		w, err = recording.NewWriter(terminal.NewWriter(stdout), recording.None, o.room(0))
		return w, func() error { return nil }, err
	}
	existing := recording.Refuse
	switch {
	case o.force:
		existing = recording.Overwrite
	case o.append:
		existing = recording.Append
	}
	file, err := recording.Create(o.File, existing)
	if err != nil {
		return nil, nil, err
	}
	if w, err = recording.NewWriter(file, o.compression, o.room(file.Size())); err == nil && file.Size() > 0 {
		w.Gap(&recording.Gap{Reason: "the recording was interrupted: what was published meanwhile is missing", Received: time.Now()})
	}
	return w, file.Close, err
}

func runRecord(ctx context.Context, args []string, stdout *os.File, stderr *log.Writer) error {
	o, err := parseRecord(args, stdout)
	if err != nil {
		return err
	}
	if o.Check.Wanted {
		return check.Run(ctx, stdout, check.Program{Name: program}, "", &check.Subject{Try: o.try})
	}
	o.Budget().Govern(ctx)
	logger, forPeople := o.logger(stderr)
	if forPeople {
		mark(stderr, terminal.ColorWanted(stderr.File(), false, os.Getenv))
	}
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	w, end, err := o.create(stdout)
	if err != nil {
		return err
	}
	stream := tap.New(0)
	reader := stream.Join(tap.Interest{Queue: printQueue, QueueBytes: printQueueBytes})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o.adjust = func(cfg *zmq.Config) { o.greet(cfg, &o.last, logger, forPeople) }
	socket, err := o.open(stream, logger, cancel)
	if err != nil {
		return errors.Join(err, end())
	}
	r := &recorder{options: o, reader: reader, out: w, began: time.Now(), log: newMissingLog(logger)}
	numbers := o.statistics(stream, socket)
	r.count(numbers)
	source := status.Source{Sockets: []*zmq.Socket{socket}, Numbers: numbers, Destination: r.destination}
	endMonitor := o.Monitor(source, logger, stderr)
	defer o.Report(ctx, numbers, logger)()
	err = cmp.Or(r.watch(ctx, terminal.NewWriter(stdout).Closed), flags.Failure(ctx))
	if !errors.Is(err, errStuck) { // otherwise closing would not return either
		if failed := end(); err == nil || errors.Is(err, recording.ErrFull) && failed != nil {
			err = failed
		}
	}
	endMonitor()
	fmt.Fprint(stderr, r.summary(err))
	over, stop := context.WithCancel(context.Background())
	stop() // there is nothing to send to publishers
	socket.Close(over)
	if errors.Is(err, terminal.ErrClosed) || errors.Is(err, recording.ErrFull) {
		return nil
	}
	return err
}

// try tries what the flags ask for. It leaves no file.
func (o *recordOptions) try(ctx context.Context, r *check.Report) {
	o.source.try(ctx, r)
	if o.File == stdio {
		return
	}
	_, missing := os.Stat(o.File)
	switch {
	case missing != nil:
		defer os.Remove(o.File) //nolint:errcheck // it was not there before
	case o.force:
		r.Note("%s is there: it would be overwritten", o.File)
		return
	case o.append:
		r.Note("%s is there: the recording would go on with it", o.File)
		return
	}
	_, end, err := o.create(os.Stdout)
	if err != nil {
		r.Wrong(check.OtherFiles, o.File, "%v", err)
		return
	}
	r.OK("%s: it can be made", o.File)
	end() //nolint:errcheck // nothing was written
}

// count adds what a recorder counts.
func (r *recorder) count(s *statistics.Set) {
	s.Add("recorded_total", "messages that are in the file", func() uint64 { return r.totals().messages })
	s.Add("recorded_bytes_total", "bytes that were written to the file", func() uint64 { return r.totals().bytes })
}
