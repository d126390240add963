package main

import (
	"log/slog"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// refusalPause is between two log lines of one reason.
const refusalPause = time.Minute

// refusals logs why receivers refuse messages. rsyslog is told, too, and logs it only with reportFailures="on".
type refusals struct {
	log log.Limited

	mu     sync.Mutex
	reason string // that was logged last
	at     time.Time
}

func (r *refusals) note(from *zmq.Peer, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if reason == r.reason && now.Sub(r.at) < refusalPause {
		return
	}
	r.reason, r.at = reason, now
	r.log.Write(slog.LevelWarn, "a receiver refuses messages", "peer", from.Remote(), "reason", reason)
}
