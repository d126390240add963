package integration

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestChaos relies on this: rsyslogd by itself, killed again and again, loses nothing that it has acknowledged
// over RELP, as long as there is no queue in between.
func TestKilledRsyslogdLosesNothing(t *testing.T) {
	t.Parallel()
	const perSecond, kills = 2000, 12
	l := lines{seed: 21, longest: 2000}
	r := startRsyslogd(t, preamble+relpToFileAtOnce)
	feeder := startFeeder(t, r.relp, l, perSecond, 100_000)
	arrived := l.account(r.file("out"), 100_000)
	random, torn := rand.New(rand.NewPCG(21, 21)), 0
	for range kills {
		life := time.After(time.Duration(100+random.IntN(900)) * time.Millisecond)
		before := arrived.arrived
		eventually(t, patience, "more arrives", func() bool { return arrived.has(t, before+100) })
		<-life
		r.kill()
		if arrived.mend(t) {
			torn++
		}
		r.again(t)
	}
	sent := feeder.stop(t)
	arrived.expect(sent)
	eventually(t, time.Minute, "every message arrives", func() bool { return arrived.has(t, sent) })
	r.stop(t)
	t.Logf("killed %d times, %d lines torn", kills, torn)
	arrived.settle(t, true)
}
