package simulation

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/adopt"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
)

const (
	sendTimeout = 5 * time.Second
	linger      = 4 * time.Second
	grace       = 3 * time.Second // as in package spool
)

// host is the machine that omzmq runs on, with the folder of journals.
type host struct {
	w         *world
	rsyslog   *rsyslog
	receivers []*receiver
	journals  []*disk
	full      bool // the disk is full at times
	patient   bool // commits do not time out
	ids       byte
	alive     []*omzmq
	later     time.Duration // when another message is sent for what waits for one
	overdue   bool          // a receiver was given up by a commit that failed
	hasty     bool          // omzmqs are also killed between marking a reply and writing it
	slow      bool          // omzmqs are given up that take too long: they were frozen for a while
}

// disk is a journal's file: memory that outlives an omzmq.
type disk struct {
	host    *host
	header  []byte
	extents [][]byte
	owner   int // the worker that started the writer
	held    bool
}

func (d *disk) Header() []byte    { return d.header }
func (d *disk) Extents() [][]byte { return d.extents }
func (d *disk) Unload()           {}
func (d *disk) Shrink() {
	if d.host.w.chance(2) {
		d.extents = d.extents[:1]
	}
}

func (d *disk) Extend(size int) error {
	if d.host.full && d.host.w.chance(2) {
		return errors.New("no space left on device")
	}
	d.extents = append(d.extents, make([]byte, max(8*(12+d.host.w.random.IntN(12)), size)))
	return nil
}

// now is the machine's clock.
func (h *host) now() int64 { return int64(time.Minute + h.w.time()) }

// omzmq is one process: a conversation, the account of what is owed, and what it has taken over from dead ones.
type omzmq struct {
	host    *host
	machine *omprog.Machine
	adopter *adopt.Adopter
	sides   []*side // the first is the conversation's
	alive   bool
	known   bool // rsyslog knows that it has died
	written bool // a reply is written, and the machine does not know yet
	reading bool // a line is in the pipe
	closed  bool // rsyslog has closed the pipes
	owes    bool // the last line was not answered
	answer  func(string)
}

// side is a sender with its journal and its connections.
type side struct {
	o       *omzmq
	disk    *disk
	log     *journal.Log
	id      delivery.SenderID
	sender  *delivery.Sender
	network *network
}

// fork starts a process.
func (h *host) fork(worker int) *omzmq {
	o := &omzmq{host: h, alive: true}
	h.alive = append(h.alive, o)
	d := h.own(worker)
	own := o.side(d, journal.Successor{Same: d.owner == worker, Shared: h.rsyslog.shared != nil && len(h.rsyslog.workers) > 1, Started: h.now(),
		Splits: func() bool { return h.rsyslog.release.splits }})
	d.owner = worker
	o.adopter = adopt.New(adopt.Config{Own: own.sender, TakeOver: o.takeOver}, time.Now())
	account := o.adopter.Account()
	account.Pipes(journal.PipesOpen)
	timeout := sendTimeout
	if h.patient {
		timeout = time.Hour
	}
	o.machine = omprog.NewMachine(omprog.Config{
		BeginMark: omprog.DefaultBeginMark, CommitMark: omprog.DefaultCommitMark,
		SendTimeout: timeout, MaxLine: 1000, Truncated: func(int) {},
	}, account)
	h.w.after(0, o.step)
	return o
}

// own finds the journal to go on with, or makes one.
func (h *host) own(worker int) *disk {
	for _, d := range h.journals {
		if d.owner != worker {
			continue
		}
		for _, o := range slices.Clone(h.alive) { // see spool.Folder.Own
			if o.closed && o.sides[0].disk == d {
				o.kill()
			}
		}
		if !d.held {
			return d
		}
	}
	h.ids++
	d := &disk{host: h, owner: worker, header: make([]byte, journal.HeaderSize)}
	journal.WriteHeader(d.header, delivery.SenderID{1, h.ids}, journal.Owner{})
	h.journals = append(h.journals, d)
	return d
}

// side opens a journal, and owes what is in it.
func (o *omzmq) side(d *disk, by journal.Successor) *side {
	d.held = true
	s := &side{o: o, disk: d, log: journal.New(d, nil)}
	records, err := s.log.Recover(by)
	if err != nil {
		panic(err)
	}
	s.id = s.log.ID()
	s.network = &network{w: o.host.w, side: s}
	cfg := delivery.SenderConfig{Confirm: delivery.Stored, Logger: slog.New(slog.DiscardHandler), Journal: s.log,
		Splits: func() bool { return o.host.rsyslog.release.splits }}
	s.sender = delivery.NewSender(cfg, s.network)
	var endpoints []string
	for _, r := range o.host.receivers {
		endpoints = append(endpoints, r.name)
	}
	s.sender.Restore(records, endpoints...)
	o.sides = append(o.sides, s)
	if len(records) > 0 {
		o.host.w.log("omzmq takes over %d messages of journal %d", len(records), s.id[1])
	}
	for _, r := range o.host.receivers {
		o.host.w.after(o.host.w.between(0, time.Second), func() { s.network.connect(r) })
	}
	return s
}

// step drives the adopter, as adopt.Adopter.Run does.
func (o *omzmq) step() {
	if o.alive {
		o.host.w.after(time.Until(o.adopter.Step(time.Now())), o.step)
	}
}

// takeOver finds the journals that no other process will go on with.
func (o *omzmq) takeOver(most int) (found []adopt.Delivery) {
	h := o.host
	for _, d := range h.journals {
		if len(found) == most {
			break
		}
		if d.held || h.rsyslog.alive(d.owner) && h.now()-journal.Beat(d.header) <= int64(grace) {
			continue
		}
		s := o.side(d, journal.Successor{})
		d.owner = 0
		found = append(found, adopt.Delivery{Sender: s.sender, Close: s.close})
	}
	return found
}

// close removes an orphan journal of which everything is confirmed, or leaves it to another process.
func (s *side) close(confirmed bool, closed func()) {
	s.network.cutAll()
	s.disk.held = false
	s.o.sides = slices.DeleteFunc(s.o.sides, func(other *side) bool { return other == s })
	if confirmed {
		s.remove()
	}
	closed()
}

// remove removes a journal.
func (s *side) remove() {
	s.o.host.journals = slices.DeleteFunc(s.o.host.journals, func(d *disk) bool { return d == s.disk })
}

// say takes a line from rsyslog and calls answered with the reply once it is written, or with "" when the process
// dies before.
func (o *omzmq) say(line string, answered func(reply string)) {
	w := o.host.w
	o.answer = answered
	o.reading, o.owes = true, true
	w.soon(func() {
		o.reading = false
		if !o.alive {
			o.hear("")
			return
		}
		o.replied()
		reply := o.machine.Line([]byte(line))
		if o.machine.Waiting() {
			o.poll()
			return
		}
		w.soon(func() { o.reply(reply) })
	})
}

func (o *omzmq) poll() {
	if !o.alive {
		return
	}
	say, _ := o.machine.Poll(time.Now())
	if !o.machine.Waiting() {
		o.host.w.soon(func() { o.reply(say) })
		return
	}
	o.host.w.after(o.host.w.between(100*time.Microsecond, 20*time.Millisecond), o.poll)
}

// reply writes a reply, unless it is killed just before the system call.
func (o *omzmq) reply(text string) {
	if !o.alive {
		return
	}
	o.machine.Replying()
	if o.host.hasty && o.host.w.chance(50) {
		o.kill()
		return
	}
	if strings.HasPrefix(text, "omzmq: ") && strings.Contains(text, " not confirmed") {
		o.host.overdue = true
	}
	if o.closed {
		o.machine.Replied(false)
		return
	}
	o.written, o.owes = true, false
	o.hear(text)
	o.host.w.soon(func() {
		if o.alive {
			o.replied()
			if o.machine.Due() || o.host.w.chance(2) {
				o.machine.Submit()
			}
		}
	})
}

// replied lets the machine know that the reply was written.
func (o *omzmq) replied() {
	if o.written {
		o.written = false
		o.machine.Replied(true)
	}
}

// hear lets rsyslog read the reply, or the end of file.
func (o *omzmq) hear(text string) {
	if answer := o.answer; answer != nil {
		o.answer = nil
		answer(text)
	}
}

// kill is SIGKILL.
func (o *omzmq) kill() {
	if !o.alive {
		return
	}
	o.host.w.log("omzmq is killed")
	o.end()
	if o.answer != nil {
		o.host.w.soon(func() { o.hear("") })
	}
}

// end is the end of a process, whatever its cause: locks and connections are gone.
func (o *omzmq) end() {
	o.alive = false
	o.host.alive = slices.DeleteFunc(o.host.alive, func(other *omzmq) bool { return other == o })
	for _, s := range o.sides {
		if !s.log.Empty() {
			journal.SetBeat(s.disk.header, o.host.now()-int64(o.host.w.between(0, 100*time.Millisecond)))
		}
		s.disk.held = false
		s.network.cutAll()
	}
}

// giveUp is what rsyslog does when confirmTimeout has passed: it closes the pipes.
func (o *omzmq) giveUp() {
	if !o.alive || o.answer == nil {
		return
	}
	o.host.w.log("rsyslog gives omzmq up")
	answer := o.answer
	o.answer = nil
	o.endOfFile()
	o.host.w.soon(func() { answer("") })
}

// endOfFile drains for a while and ends, as omzmq does; what is not confirmed then stays in the journal.
func (o *omzmq) endOfFile() {
	o.answer, o.closed = nil, true
	if !o.alive {
		return
	}
	if o.reading {
		o.host.w.after(50*time.Microsecond, o.endOfFile)
		return
	}
	o.replied()
	o.machine.Submit()
	if o.machine.Beginning() {
		o.reply(o.machine.Abandon("told to stop"))
	}
	o.adopter.Account().Pipes(journal.PipesClosed)
	draining := o.host.w.between(0, linger)
	o.host.w.after(draining, func() {
		if !o.alive {
			return
		}
		o.adopter.Stop()
		if own := o.sides[0]; adopt.Spent(own.sender, own.log, !o.owes) {
			own.remove()
		}
		o.end()
	})
}
