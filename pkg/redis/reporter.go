package redis

import (
	"log/slog"
	"time"
)

const (
	fullQuiet   = 10 * time.Second // for so long a full list is nothing to talk about
	fullSpell   = 5 * time.Second  // a list that was full so recently still counts as full
	reportPause = time.Minute      // between two log lines of one kind; every sender hears of every refusal
)

// reporter logs what is wrong with Redis, and when it no longer is, without a line for each attempt.
type reporter struct {
	log *slog.Logger

	trouble  *fault    // why nothing is stored at the moment; nil: nothing is wrong
	since    time.Time // when that began
	reported string    // the code that was logged of it
	told     string    // the code that was logged last
	toldAt   time.Time // and when

	fullSince, fullLast time.Time // when a list was full that has mostly been since, and when it was last

	refusal, refusedKey string // the code and the key of the refusal that was logged
	refusedAt           time.Time
}

// waiting logs why nothing is stored: once for each reason, and of a reason that comes and goes once a minute. A list that is full now and
// then is nothing to talk about.
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
	if f.code == r.reported || f.code == r.told && now.Sub(r.toldAt) < reportPause {
		return
	}
	r.reported, r.told, r.toldAt = f.code, f.code, now
	r.log.Warn("redis: the senders wait", "reason", f.Error())
}

// refused logs why messages are refused: once a minute, unless the reason or the key is another.
func (r *reporter) refused(f *fault) {
	if r.refusal == f.code && r.refusedKey == f.key && time.Since(r.refusedAt) < reportPause {
		return
	}
	r.refusal, r.refusedKey, r.refusedAt = f.code, f.key, time.Now()
	r.log.Error("redis: messages are refused", "reason", f.Error())
}

// stored ends what was wrong with a key, and says so if it was logged.
func (r *reporter) stored(key []byte) {
	if r.reported != "" {
		r.log.Info("redis: messages are stored again", "after", time.Since(r.since).Round(time.Millisecond))
	}
	r.trouble, r.reported = nil, ""
	if r.refusal != "" && (r.refusedKey == "" || r.refusedKey == string(key)) {
		r.log.Info("redis: messages are no longer refused", "key", string(key))
		r.refusal, r.refusedKey = "", ""
	}
}
