package check

import (
	"cmp"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
)

// What rsyslog takes where a parameter is missing (omprog.c, queue.c and action.c of 8.2302).
const (
	usualConfirm   = 10 * time.Second
	usualClose     = 5 * time.Second
	usualSize      = 1000
	usualBatch     = 128
	usualShutdown  = 10 * time.Millisecond
	usualRetries   = 0
	usualWorkers   = 1
	leastShutdown  = 5 * time.Second // omprog's usual closeTimeout
	leastRatio     = 4               // of queue.size to a batch
	keepAlive      = time.Second     // between the dots of a program that waits (pkg/omprog)
	commonInterval = 3 * keepAlive
)

// omprog checks an action that starts the program.
func (c *configured) omprog(o *rsyslogconf.Object, s *Subject) {
	c.confirmation(o, s)
	c.template(o, s)
	c.process(o, s)
	c.queue(o, s)
	c.retries(o, s)
}

// confirmation checks what omprog and the program say to each other.
func (c *configured) confirmation(o *rsyslogconf.Object, s *Subject) {
	if !o.On("confirmmessages", false) {
		if s.Owes {
			c.Wrong(NotConfirmed, o.At("confirmmessages"), "")
		} else {
			c.Warn(NotConfirmed, o.At("confirmmessages"), "")
		}
		return
	}
	if timeout := milliseconds(o, "confirmtimeout", usualConfirm); timeout <= keepAlive {
		c.Wrong(ShortConfirm, o.At("confirmtimeout"), "%v", timeout)
	} else if timeout < commonInterval {
		c.Warn(ShortConfirm, o.At("confirmtimeout"), "%v", timeout)
	}
	if !o.On("usetransactions", false) {
		if s.Owes {
			c.Warn(NoTransactions, o.At("usetransactions"), "")
		}
		return
	}
	if s.guessed {
		return
	}
	if s.Owes && s.Journal == "" {
		c.lost(s, NoJournal, o.At("usetransactions"), "")
	}
	begin := cmp.Or(o.Text("begintransactionmark"), omprog.DefaultBeginMark)
	commit := cmp.Or(o.Text("committransactionmark"), omprog.DefaultCommitMark)
	if begin != s.Marks[0] || commit != s.Marks[1] {
		c.Wrong(MarksDiffer, o.At("begintransactionmark"), "omprog writes %q and %q, and the program waits for %q and %q",
			begin, commit, s.Marks[0], s.Marks[1])
	}
}

// process checks how omprog starts and ends the program.
func (c *configured) process(o *rsyslogconf.Object, s *Subject) {
	single := o.On("forcesingleinstance", false)
	if s.Binds && !single {
		c.Wrong(SeveralBind, o.At("forcesingleinstance"), "")
	}
	if workers := number(o, "queue.workerthreads", usualWorkers); single && workers > 1 && s.Owes {
		c.Warn(SharedPipe, o.At("queue.workerthreads"), "%d workers", workers)
	}
	if s.Owes && !o.On("killunresponsive", o.On("signalonclose", false)) {
		c.Warn(NotKilled, o.At("killunresponsive"), "")
	}
	c.closing(o, s, usualClose)
	switch signal := strings.ToUpper(o.Text("hup.signal")); signal {
	case "", "HUP", "INT": // rsyslog lets its children ignore SIGINT
	default:
		c.Wrong(EndsAtHUP, o.At("hup.signal"), "%s", signal)
	}
	if !o.Has("output") {
		c.Warn(LogLost, o.Place, "")
	}
}

// queue checks an action's queue.
func (c *configured) queue(o *rsyslogconf.Object, s *Subject) {
	kind := strings.ToLower(o.Text("queue.type"))
	if kind == "" || kind == "direct" {
		c.Warn(DirectQueue, o.At("queue.type"), "")
		return
	}
	size, batch := number(o, "queue.size", usualSize), number(o, "queue.dequeuebatchsize", usualBatch)
	if size <= batch {
		c.Wrong(SmallQueue, o.At("queue.size"), "%d, for batches of %d", size, batch)
	} else if size < leastRatio*batch {
		c.Warn(SmallQueue, o.At("queue.size"), "%d, for batches of %d", size, batch)
	}
	if !s.Owes || kind == "disk" {
		return
	}
	if o.Text("queue.filename") == "" {
		c.lost(s, MemoryQueue, o.At("queue.type"), "")
	} else if !o.On("queue.saveonshutdown", false) {
		c.lost(s, NotSaved, o.At("queue.saveonshutdown"), "")
	}
	if timeout := milliseconds(o, "queue.timeoutshutdown", usualShutdown); timeout < leastShutdown {
		c.Warn(ShortShutdown, o.At("queue.timeoutshutdown"), "%v", timeout)
	}
}

// retries checks that rsyslog does not give a batch up.
func (c *configured) retries(o *rsyslogconf.Object, s *Subject) {
	if n := number(o, "action.resumeretrycount", usualRetries); n != -1 && s.Owes {
		c.Wrong(GivesUp, o.At("action.resumeretrycount"), "it is %d", n)
	}
}
