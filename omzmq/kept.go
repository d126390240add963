package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/spool"
)

// kept is what --journal stands for; without it, all fields are nil.
type kept struct {
	folder  *spool.Folder
	own     *spool.Journal
	orphans *orphanage
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
// them: Own has taken what can be delivered.
func (k *kept) adopt(ctx context.Context, o *options, owed account, logger *slog.Logger) account {
	sender, ok := owed.(*delivery.Sender)
	if k.folder == nil || !ok || len(o.Connect) == 0 {
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

// end leaves the journal to a successor, or removes it when there is nothing that one must know. gone: rsyslog sends nothing
// again.
func (k *kept) end(owed account, gone bool, logger *slog.Logger) {
	if k.orphans != nil {
		k.orphans.wait()
	}
	if k.own == nil {
		return
	}
	if gone {
		k.own.Log.Parted(true)
	}
	n := owed.Unconfirmed()
	switch {
	case n == 0 && gone:
		k.remove()
	case n > 0:
		logger.Warn("messages are not confirmed; they are kept in the journal, and the next omzmq delivers them", "messages", n, "file", k.own.Path())
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
		if n := a.first[0].Outstanding(); n > 0 {
			return fmt.Errorf("%d messages that a dead omzmq has left are not confirmed", n)
		}
		a.first = a.first[1:]
	}
	return a.Sender.Ready()
}
