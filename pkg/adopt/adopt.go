// Package adopt decides what becomes of the messages that dead processes have left in journals:
//
//   - This process goes on with its predecessor's journal. It also takes over the journals of dead processes that no
//     other process will go on with: a few at a time, each delivered under its own sender id.
//   - The first few that were there at the start are delivered, or refused, before the first transaction begins.
//   - An orphan that a receiver refuses is parked and tried again, at intervals. No other message waits for it: a
//     journal in which only such orphans are left gives its place to those that have none yet.
//   - A journal is removed once everything in it is confirmed. Otherwise it stays, for the next process.
//
// An Adopter is a state machine: it knows no files, sockets or clock. Run drives it.
package adopt

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

const (
	lookInterval  = 2 * time.Second        // between looks for orphan journals
	retryInterval = 5 * time.Second        // between attempts to deliver parked orphans
	firstPoll     = 10 * time.Millisecond  // while orphans are being delivered; doubles until something happens
	pollInterval  = 500 * time.Millisecond // the longest such wait
	mostJournals  = 8                      // delivered at a time: each has a file and connections of its own
)

// Delivery is an orphan journal that is being delivered.
type Delivery struct {
	Sender *delivery.Sender
	// Close ends the connections. Then it removes the journal, if everything in it is confirmed, or leaves it to
	// another process. It does not block; it calls closed at the end, from any goroutine.
	Close func(confirmed bool, closed func())
}

// Config configures an Adopter.
type Config struct {
	Own *delivery.Sender // the account of the conversation, with this process's own journal
	// TakeOver takes over at most that many orphan journals, and begins to deliver them. When it has found as many,
	// it is called again as soon as one of them is closed; else at the next look. nil: this process takes none over.
	TakeOver func(most int) []Delivery
}

// Adopter delivers what dead processes have left. One goroutine uses it, except for its Account.
type Adopter struct {
	cfg        Config
	account    Account
	deliveries []Delivery
	look       time.Time // when to look for orphan journals next
	more       bool      // there may be more than were taken over: the next look is due when one is closed
	retry      time.Time // when to try parked orphans next
	due        time.Time // when to ask next what has been delivered
	poll       time.Duration
	wake       chan struct{} // a journal was closed

	mu      sync.Mutex
	shown   []Delivery // deliveries, for Account.Orphans
	open    int        // journals taken over and not closed
	closing sync.WaitGroup
}

// New takes over the orphan journals that there are.
func New(cfg Config, now time.Time) *Adopter {
	a := &Adopter{cfg: cfg, look: now, retry: now.Add(retryInterval), wake: make(chan struct{}, 1)}
	a.account = Account{Sender: cfg.Own, adopter: a}
	a.Step(now)
	for _, d := range a.deliveries {
		a.account.first = append(a.account.first, d.Sender)
	}
	return a
}

// Account is the account of the conversation. The conversation's goroutine uses it.
func (a *Adopter) Account() *Account { return &a.account }

// Run delivers until ctx ends, and then ends as Stop does.
func (a *Adopter) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-a.wake:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			a.Stop()
			return
		}
		timer.Reset(time.Until(a.Step(time.Now())))
	}
}

// Step does what is due, and returns when the next step is due.
func (a *Adopter) Step(now time.Time) (next time.Time) {
	retry := !now.Before(a.retry)
	changed := a.finish(func(d Delivery) bool { return retry && a.more && d.Sender.Outstanding() == 0 })
	if retry {
		a.retry = now.Add(retryInterval)
		a.cfg.Own.Retry()
		for _, d := range a.deliveries {
			d.Sender.Retry()
		}
	}
	next = a.retry
	if a.cfg.TakeOver != nil {
		if a.more || !now.Before(a.look) {
			a.look = now.Add(lookInterval)
			changed = a.takeOver() || changed
		}
		next = earlier(next, a.look)
	}
	switch { // being woken up changes nothing
	case changed:
		a.show()
		a.poll = firstPoll
		a.due = now.Add(a.poll)
	case !now.Before(a.due):
		a.poll = min(2*a.poll, pollInterval)
		a.due = now.Add(a.poll)
	}
	for _, d := range a.deliveries {
		if d.Sender.Outstanding() > 0 || d.Sender.Unconfirmed() == 0 { // not those with parked orphans alone
			return earlier(next, a.due)
		}
	}
	return next
}

// show lets Account.Orphans see the deliveries of this moment.
func (a *Adopter) show() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shown = slices.Clone(a.deliveries)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Stop closes all journals, and waits until they are closed. What is not confirmed stays in its journal.
func (a *Adopter) Stop() {
	a.finish(func(Delivery) bool { return true })
	a.show()
	a.closing.Wait()
}

// takeOver takes over as many journals as there is room for, and reports whether there were any.
func (a *Adopter) takeOver() bool {
	a.mu.Lock()
	room := mostJournals - a.open
	a.mu.Unlock()
	if room <= 0 {
		return false
	}
	found := a.cfg.TakeOver(room)
	a.more = len(found) == room
	a.mu.Lock()
	a.open += len(found)
	a.mu.Unlock()
	a.closing.Add(len(found))
	a.deliveries = append(a.deliveries, found...)
	return len(found) > 0
}

// finish closes the journals of which everything is confirmed, and those that are to be given up, which a later look
// may take over again. It reports whether there were any.
func (a *Adopter) finish(giveUp func(Delivery) bool) bool {
	before := len(a.deliveries)
	a.deliveries = slices.DeleteFunc(a.deliveries, func(d Delivery) bool {
		d.Sender.Poll()
		confirmed := d.Sender.Unconfirmed() == 0 // parked orphans are not
		over := confirmed || giveUp(d)
		if over {
			d.Close(confirmed, a.closed)
		}
		return over
	})
	return len(a.deliveries) < before
}

func (a *Adopter) closed() {
	a.mu.Lock()
	a.open--
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default: // an earlier one has not been received yet and serves as well
	}
	a.closing.Done()
}

// Account is an account that begins no transaction before what was there at the start is delivered, or refused.
type Account struct {
	*delivery.Sender
	adopter *Adopter
	first   []*delivery.Sender // of these, those that are not known to be delivered
}

// Poll learns what only the kernel knows. A sender whose journal is closed has no connection, and nothing to poll.
func (a *Account) Poll() {
	for _, s := range a.first {
		s.Poll()
	}
	a.Sender.Poll()
}

// Ready returns nil when a transaction can begin.
func (a *Account) Ready() error {
	for len(a.first) > 0 {
		if n := a.first[0].Outstanding(); n > 0 {
			return errors.New(message.Count(n, "message that an earlier omzmq has left is not confirmed",
				"messages that an earlier omzmq has left are not confirmed"))
		}
		a.first = a.first[1:]
	}
	return a.Sender.Ready()
}

// Orphans returns what is owed of the journals that were taken over, and how long the oldest of that has been owed by
// this process. Any goroutine may call it.
func (a *Account) Orphans() (all delivery.State) {
	a.adopter.mu.Lock()
	shown := a.adopter.shown
	a.adopter.mu.Unlock()
	for _, d := range shown {
		s := d.Sender.State()
		all.Unconfirmed += s.Unconfirmed
		all.Oldest = max(all.Oldest, s.Oldest)
		if s.Refused > 0 {
			all.Refused += s.Refused
			all.Reason = s.Reason
		}
	}
	return all
}

// Spent reports whether a process that ends can remove its own journal: nothing in it is owed, and rsyslog sends
// nothing of it again. over: rsyslog has ended the conversation after an answer to everything. Otherwise the journal
// stays for the next process: rsyslog may only have given this one up, and send again even what is confirmed.
func Spent(own interface{ Unconfirmed() int }, log *journal.Log, over bool) bool {
	return log.Empty() || over && own.Unconfirmed() == 0
}
