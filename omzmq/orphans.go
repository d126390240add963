package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

const (
	lookInterval = 2 * time.Second // between looks for journals of dead processes
	mostOrphans  = 8               // delivered at a time: each has connections of its own
	askInterval  = 5 * time.Second // after a receiver has refused a message that can be given back to nobody
)

// orphanage delivers what dead processes have left in the folder of journals, each journal under its own sender id.
type orphanage struct {
	o      *options
	folder *spool.Folder
	logger *slog.Logger
	work   sync.WaitGroup
	places chan struct{}
	first  []*delivery.Sender // of the journals that there were at the start
}

// openOrphanage takes over what there is, and goes on looking until ctx ends.
func openOrphanage(ctx context.Context, o *options, folder *spool.Folder, logger *slog.Logger) *orphanage {
	h := &orphanage{o: o, folder: folder, logger: logger, places: make(chan struct{}, mostOrphans)}
	h.first = h.look(ctx)
	h.work.Go(func() {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				h.look(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return h
}

// look takes over as many journals as there are places.
func (h *orphanage) look(ctx context.Context) (senders []*delivery.Sender) {
	for _, j := range h.folder.Orphans(mostOrphans - len(h.places)) {
		h.places <- struct{}{}
		h.logger.Info("delivering what a dead omzmq has left", "file", j.Path(), "messages", len(j.Records))
		socket, sender, err := newSender(h.o, h.logger, j)
		if err == nil {
			err = h.o.Dial(socket)
		}
		if err != nil {
			h.logger.Error("cannot deliver what a dead omzmq has left", "file", j.Path(), "reason", err)
			if socket != nil {
				socket.Close(ctx)
			}
			j.Release()
			<-h.places
			continue
		}
		senders = append(senders, sender)
		h.work.Go(func() {
			done := h.deliver(ctx, sender)
			closing, cancel := context.WithTimeout(context.Background(), h.o.Linger)
			defer cancel()
			if !done {
				cancel() // what is queued is in the journal
			}
			socket.Close(closing)
			if done {
				j.Remove()
			} else {
				j.Release()
			}
			<-h.places
		})
	}
	return senders
}

// deliver waits until everything is confirmed, or ctx ends.
func (h *orphanage) deliver(ctx context.Context, sender *delivery.Sender) (done bool) {
	ask := time.NewTicker(askInterval)
	defer ask.Stop()
	for {
		sender.Outcome() // which asks the kernel where that confirms
		if sender.Unconfirmed() == 0 {
			return true
		}
		select {
		case <-sender.Changed():
		case <-ask.C:
			sender.Retry()
		case <-ctx.Done():
			return false
		}
	}
}

// retry has what the account of the conversation itself has set aside tried again, until ctx ends.
func retry(ctx context.Context, sender *delivery.Sender) {
	ask := time.NewTicker(askInterval)
	defer ask.Stop()
	for {
		select {
		case <-ask.C:
			sender.Retry()
		case <-ctx.Done():
			return
		}
	}
}

// wait waits for the end, once ctx has ended.
func (h *orphanage) wait() { h.work.Wait() }
