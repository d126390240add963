package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
)

// omrelp forgets its window when rsyslogd ends, in order or not. What omzmq has taken is stored all the same, once,
// even if omzmq dies next.
func TestRelpIntakeOutlivesRsyslogd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, r *rsyslogd){
		"stopped": func(t *testing.T, r *rsyslogd) { r.stop(t) },
		"killed":  func(_ *testing.T, r *rsyslogd) { r.kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const messages = 700
			l := lines{seed: 66, longest: 200}
			imzmq := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
			journal := folder(t) + "/journal"
			k := startIntake(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t), "--journal", journal, "--heartbeat", "0")
			c := dialRelp(t, k.port)
			c.confirmed(t, c.post(t, string(l.line(0))), 1)
			c.close(t)
			imzmq.signal(t, syscall.SIGSTOP)
			from := startRsyslogd(t, preamble+wayIn+toRelp(k.port, memoryQueue+relpWindow))
			from.feed(t, l, 1, messages)
			last := l.line(messages - 1)
			eventually(t, patience, "omzmq has all", func() bool {
				for _, name := range journals(journal) {
					if text, err := os.ReadFile(name); err == nil && bytes.Contains(text, last) {
						return true
					}
				}
				return false
			})
			end(t, from)
			k.kill()
			imzmq.signal(t, syscall.SIGCONT)
			k.again(t)
			arrived := l.account("", messages)
			eventually(t, patience, "every message arrives", func() bool { return imzmq.has(arrived, messages) })
			k.stop(t)
			imzmq.stop(t)
			for _, line := range imzmq.rest(t) {
				arrived.add([]byte(line))
			}
			arrived.settle(t, false)
		})
	}
}

// Three actions of one rsyslogd are served at once. Each connection is cut, and omzmq is killed.
func TestRelpIntakeThreeActions(t *testing.T) {
	t.Parallel()
	const messages = 20_000
	p := startRelpPath(t, messages, "--journal", folder(t)+"/journal")
	var hops [3]*proxy
	conf := `
module(load="omrelp")
ruleset(name="in" queue.type="Direct") {
`
	for i, test := range []string{"if $syslogseverity < 3 then", "else if $syslogseverity < 5 then", "else"} {
		hops[i] = startProxy(t, p.omzmq.port)
		hops[i].relp = true
		conf += test + " { " + relpAction(fmt.Sprint("omrelp", i), hops[i].port(), memoryQueue+relpWindow) + " }\n"
	}
	random := rand.New(rand.NewPCG(p.seed, 2))
	p.from = startRsyslogd(t, preamble+wayIn+conf+"}\n")
	fed := p.from.feedMeanwhile(t, p.lines, 0, messages*3/4)
	for i := range 6 {
		some := i*messages/12 + random.IntN(messages/12) // of what may be taken away, little: see below
		eventually(t, patience, "more arrives", func() bool { return p.imzmq.has(p.arrived, some) })
		if i == 3 {
			p.omzmq.kill()
			p.omzmq.again(t)
			continue
		}
		hops[i%3].cut(random.IntN(2) == 0)
	}
	fed()
	p.from.feed(t, p.lines, messages*3/4, messages) // with these, omrelp sends again what the cuts have taken away
	eventually(t, patience, "every message arrives", func() bool { return p.imzmq.has(p.arrived, messages) })
	p.settle(t, 6*3*(window+1))
	if n := strings.Count(p.omzmq.words.String(), "listening for RELP"); n != 2 {
		t.Errorf("omzmq was started %d times", n)
	}
}
