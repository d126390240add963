package redis

import (
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

const (
	fullQuiet   = 10 * time.Second // a list that is full for less is not logged
	fullSpell   = 5 * time.Second  // a list that was full within this time still counts as full
	reportPause = time.Minute      // between two log lines of one kind; senders are answered every refusal
)

// reporter logs what is wrong with Redis and when that ends, without a line for each attempt. Its lines are limited,
// too: a sender can choose a key that refuses, and another one each time.
type reporter struct {
	log log.Limited

	trouble  *fault    // why nothing is stored at the moment; nil: nothing is wrong
	since    time.Time // when that began
	reported string    // the code logged for it; "": none yet
	last     string    // the code logged last, for this trouble or an earlier one
	lastAt   time.Time // and when

	fullSince, fullLast time.Time // when the present spell of full lists began, and when a list was last found full

	refusal, refusedKey string // the code and the key of the refusal that was logged; "": none
	refusedAt           time.Time
}

// waiting logs why nothing is stored: once for each reason, and once a minute for a reason that comes and goes. A list
// that is full periodically is not logged.
func (r *reporter) waiting(f *fault) {
	now := time.Now()
	if r.trouble == nil {
		r.since = now
	}
	r.trouble = f
	if f.code == codeFull {
		if now.Sub(r.fullLast) > fullSpell {
			r.fullSince = now
		}
		if r.fullLast = now; now.Sub(r.fullSince) < fullQuiet {
			return
		}
	}
	if f.code == r.reported || f.code == r.last && now.Sub(r.lastAt) < reportPause {
		return
	}
	r.reported, r.last, r.lastAt = f.code, f.code, now
	r.log.Write(slog.LevelWarn, "redis: the senders wait", "reason", f.Error())
}

// refused logs why messages are refused: once a minute for the same reason and key.
func (r *reporter) refused(f *fault) {
	if r.refusal == f.code && r.refusedKey == f.key && time.Since(r.refusedAt) < reportPause {
		return
	}
	r.refusal, r.refusedKey, r.refusedAt = f.code, f.key, time.Now()
	r.log.Write(slog.LevelError, "redis: messages are refused", "reason", f.Error())
}

// stored ends what was wrong with a key, and logs the end of what was logged.
func (r *reporter) stored(key []byte) {
	if r.reported != "" {
		r.log.Write(slog.LevelInfo, "redis: messages are stored again", "after", time.Since(r.since).Round(time.Millisecond))
	}
	r.trouble, r.reported = nil, ""
	if r.refusal != "" && (r.refusedKey == "" || r.refusedKey == string(key)) {
		r.log.Write(slog.LevelInfo, "redis: messages are no longer refused", "key", string(key))
		r.refusal, r.refusedKey = "", ""
	}
}
