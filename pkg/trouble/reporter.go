// Package trouble logs what keeps a destination from storing messages, and when that ends, without a line for each
// attempt.
package trouble

import (
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// Pause is the least time between two log lines of one kind; senders are answered every refusal.
const Pause = time.Minute

// Reporter logs the troubles of one destination. Its lines are limited, too: a sender can choose a key that refuses,
// and another one each time. A code stands for a kind of trouble. It is for one goroutine.
type Reporter struct {
	Log  log.Limited
	Name string // of the destination; log lines begin with it
	Now  *State // is told, too

	since    time.Time // when nothing was stored any more; zero: nothing is wrong
	reported string    // the code logged for it; "": none yet
	last     string    // the code logged last, for this trouble or an earlier one
	lastAt   time.Time // and when

	refusal, refusedKey string // the code and the key of the refusal that was logged; "": none
	refusedAt           time.Time
}

// Waiting logs why nothing is stored: once for each code, and once a minute for a code that comes and goes. A quiet
// trouble is not logged yet.
func (r *Reporter) Waiting(code string, reason error, quiet bool) {
	now := time.Now()
	if r.since.IsZero() {
		r.since = now
	}
	r.Now.Away(reason.Error())
	if quiet || code == r.reported || code == r.last && now.Sub(r.lastAt) < Pause {
		return
	}
	r.reported, r.last, r.lastAt = code, code, now
	r.Log.Write(slog.LevelWarn, r.Name+": the senders wait", "reason", reason.Error())
}

// Refused logs why messages are refused: once a minute for the same code and key. key is "" for what concerns all.
func (r *Reporter) Refused(code, key string, reason error) {
	r.Now.Refused(reason.Error())
	if r.refusal == code && r.refusedKey == key && time.Since(r.refusedAt) < Pause {
		return
	}
	r.refusal, r.refusedKey, r.refusedAt = code, key, time.Now()
	r.Log.Write(slog.LevelError, r.Name+": messages are refused", "reason", reason.Error())
}

// Stored ends what was wrong with a key, and logs the end of what was logged.
func (r *Reporter) Stored(key []byte) {
	if r.reported != "" {
		r.Log.Write(slog.LevelInfo, r.Name+": messages are stored again", "after", time.Since(r.since).Round(time.Millisecond))
	}
	if !r.since.IsZero() {
		r.Now.Stored()
	}
	r.since, r.reported = time.Time{}, ""
	if r.refusal != "" && (r.refusedKey == "" || r.refusedKey == string(key)) {
		r.Log.Write(slog.LevelInfo, r.Name+": messages are no longer refused", "key", string(key))
		r.refusal, r.refusedKey = "", ""
		r.Now.Refused("")
	}
}
