package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/adopt"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// openJournal opens the --journal folder and this process's own journal in it; nil without --journal.
func openJournal(o *options, logger *slog.Logger) (*spool.Folder, *spool.Journal, error) {
	if o.journal == "" {
		return nil, nil, nil
	}
	folder, err := openFolder(o, logger)
	if err != nil {
		return nil, nil, err
	}
	folder.Splits, folder.Streams = o.splits, o.relp != ""
	own, err := folder.Own(len(o.Connect) == 0, o.commitMark)
	if err != nil {
		return nil, nil, err
	}
	if n := len(own.Records); n > 0 {
		logger.Info("going on where an earlier omzmq of the same worker ended", "file", own.Path(), "messages", n)
	}
	return folder, own, nil
}

func openFolder(o *options, logger *slog.Logger) (*spool.Folder, error) {
	return spool.Open(o.journal, func() [journal.IDSize]byte { return delivery.NewSenderID() }, logger)
}

// renewID does what --new-sender-id says.
func renewID(o *options, stdout io.Writer, logger *slog.Logger) error {
	folder, err := openFolder(o, logger)
	if err != nil {
		return err
	}
	n, err := folder.Renew()
	if err != nil {
		return fmt.Errorf("--%s: %w", newIDFlag, err)
	}
	fmt.Fprintln(stdout, message.Count(n, "journal in "+o.journal+" has a new sender id", "journals in "+o.journal+" have new sender ids"))
	return nil
}

// newAdopter makes what delivers the journals of other dead processes, too. Where peers connect to us there is one
// sender id for all of them: then spool.Folder.Own has taken over what it can, and nothing else is. nil: there is
// nothing to deliver.
func newAdopter(ctx context.Context, o *options, folder *spool.Folder, own *spool.Journal, account account, logger *slog.Logger) *adopt.Adopter {
	sender, owes := account.(*delivery.Sender)
	if own == nil || !owes {
		return nil
	}
	cfg := adopt.Config{Own: sender}
	if len(o.Connect) > 0 {
		cfg.TakeOver = func(most int) []adopt.Delivery { return takeOver(ctx, o, folder, most, logger) }
	} else if len(own.Records) == 0 {
		return nil
	}
	return adopt.New(cfg, time.Now())
}

// takeOver takes over orphan journals and begins to deliver them.
func takeOver(ctx context.Context, o *options, folder *spool.Folder, most int, logger *slog.Logger) (deliveries []adopt.Delivery) {
	for _, j := range folder.Orphans(most) {
		logger.Info("delivering what an earlier omzmq has left", "file", j.Path(), "messages", len(j.Records))
		socket, sender, err := newSender(o, logger, j, 0, observed{})
		if err == nil {
			err = o.Dial(socket)
		}
		if err != nil {
			logger.Error("cannot deliver what an earlier omzmq has left", "file", j.Path(), "reason", err)
			if socket != nil {
				socket.Close(ctx)
			}
			j.Release()
			continue
		}
		deliveries = append(deliveries, adopt.Delivery{Sender: sender, Close: func(confirmed bool, closed func()) {
			go closeOrphan(o, socket, j, confirmed, closed)
		}})
	}
	return deliveries
}

// closeOrphan ends the connections before the journal: until then they use its memory.
func closeOrphan(o *options, socket *zmq.Socket, j *spool.Journal, confirmed bool, closed func()) {
	defer closed()
	closing, cancel := context.WithTimeout(context.Background(), o.Linger)
	defer cancel()
	if !confirmed {
		cancel() // what is queued is in the journal
	}
	socket.Close(closing)
	if confirmed {
		j.Remove()
	} else {
		j.Release()
	}
}
