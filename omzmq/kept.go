package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

// kept is what --journal stands for; without it, all fields are nil.
type kept struct {
	folder  *spool.Folder
	own     *spool.Journal
	orphans *orphanage
	work    sync.WaitGroup
}

func openKept(o *options, logger *slog.Logger) (*kept, error) {
	if o.journal == "" {
		return &kept{}, nil
	}
	folder, err := spool.Open(o.journal, func() [journal.IDSize]byte { return delivery.NewSenderID() }, logger)
	if err != nil {
		return nil, err
	}
	own, err := folder.Own(len(o.Connect) == 0)
	if err != nil {
		return nil, err
	}
	if n := len(own.Records); n > 0 {
		logger.Info("going on where a dead omzmq of the same worker ended", "file", own.Path(), "messages", n)
	}
	return &kept{folder: folder, own: own}, nil
}

// adopt begins to deliver what other dead processes have left. Where peers connect to us there is one sender id for all of
// them, and Own has taken over what it can.
func (k *kept) adopt(ctx context.Context, o *options, owed account, logger *slog.Logger) account {
	sender, ok := owed.(*delivery.Sender)
	if k.own == nil || !ok {
		return owed
	}
	if len(k.own.Records) > 0 {
		k.work.Go(func() { retry(ctx, sender) })
	}
	if len(o.Connect) == 0 {
		return owed
	}
	k.orphans = openOrphanage(ctx, o, k.folder, logger)
	return &elderly{sender, k.orphans.first}
}

// replies writes replies, and marks them in the journal.
func (k *kept) replies(out io.Writer) io.Writer {
	if k.own == nil {
		return out
	}
	k.own.Log.Parted(false)
	return k.own.Log.Replies(out)
}

// parted notes that rsyslog sends nothing again, for it is gone.
func (k *kept) parted(gone bool) {
	if k.own != nil && gone {
		k.own.Log.Parted(true)
	}
}

// end leaves the journal to a successor, or removes it when there is nothing that one must know. gone: rsyslog sends nothing
// again.
func (k *kept) end(owed account, gone bool, logger *slog.Logger) {
	k.work.Wait()
	if k.orphans != nil {
		k.orphans.wait()
	}
	if k.own == nil {
		return
	}
	n := owed.Unconfirmed()
	safe := n - owed.Unkept()
	switch {
	case n == 0 && gone:
		k.remove()
	case safe > 0:
		logger.Warn("messages are not confirmed; they are kept in the journal, and the next omzmq delivers them", "messages", safe, "file", k.own.Path())
	}
}

// leave removes a journal with nothing in it, however the program ends.
func (k *kept) leave() {
	if k.own != nil && k.own.Log.Empty() {
		k.remove()
	}
}

// remove removes the journal, and with it the lines of the account.
func (k *kept) remove() {
	k.own.Remove()
	k.own = nil
}

// elderly is an account that begins nothing before what dead processes had left is delivered, or refused.
type elderly struct {
	*delivery.Sender
	first []*delivery.Sender
}

func (a *elderly) Ready() error {
	for len(a.first) > 0 {
		a.first[0].Outcome() // which asks the kernel where that confirms
		if n := a.first[0].Outstanding(); n > 0 {
			return fmt.Errorf("%d messages that a dead omzmq has left are not confirmed", n)
		}
		a.first = a.first[1:]
	}
	return a.Sender.Ready()
}
