package redis

import (
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
)

const (
	fullQuiet = 10 * time.Second // a list that is full for less is not logged
	fullSpell = 5 * time.Second  // a list that was full within this time still counts as full
)

// reporter logs what is wrong with Redis and when that ends. A list that is full periodically is not logged.
type reporter struct {
	trouble.Reporter

	trouble *fault // why nothing is stored at the moment; nil: nothing is wrong

	fullSince, fullLast time.Time // when the present spell of full lists began, and when a list was last found full
}

func newReporter(logger *slog.Logger, now *trouble.State) reporter {
	return reporter{Reporter: trouble.Reporter{Log: log.Limited{Logger: logger}, Name: "redis", Now: now}}
}

func (r *reporter) waiting(f *fault) {
	r.trouble = f
	quiet := false
	if f.code == codeFull {
		now := time.Now()
		if now.Sub(r.fullLast) > fullSpell {
			r.fullSince = now
		}
		r.fullLast = now
		quiet = now.Sub(r.fullSince) < fullQuiet
	}
	r.Waiting(f.code, f, quiet)
}

func (r *reporter) refused(f *fault) { r.Refused(f.code, f.key, f) }

func (r *reporter) stored(key []byte) {
	r.trouble = nil
	r.Stored(key)
}
