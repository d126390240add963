package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// fromImprog is the receiving side, with imzmq as a child of the real improg module. What imzmq prints is
// written to "out".
func fromImprog(flags string, confirm bool) string {
	return fmt.Sprintf(`
module(load="%s")
template(name="line" type="string" string="%%msg%%\n")
ruleset(name="received" queue.type="LinkedList" queue.size="50000") { action(type="omfile" file="[dir]/out" template="line") }
input(type="improg" binary="%s %s" tag="imzmq" ruleset="received" confirmMessages="%s" closeTimeout="5000")
`, improgModule(), program("imzmq"), flags, map[bool]string{true: "on", false: "off"}[confirm])
}

func TestImprog(t *testing.T) {
	t.Parallel()
	for _, confirm := range []bool{true, false} {
		t.Run(fmt.Sprintf("confirmMessages %v", confirm), func(t *testing.T) {
			t.Parallel()
			const messages = 5000
			l := lines{seed: 3}
			endpoint := nowhere(t)
			to := startRsyslogd(t, preamble+fromImprog("--bind "+endpoint, confirm))
			from := startRsyslogd(t, preamble+wayIn+toOmzmq("--connect "+endpoint, memoryQueue))
			fed := from.feedMeanwhile(t, l, 0, messages)
			arrived := l.account(to.file("out"), messages)
			eventually(t, time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
			fed()
			from.stop(t)
			to.stop(t)
			arrived.settle(t, false)
		})
	}
}

// improg never restarts its child, so imzmq must survive the loss of its peers.
func TestImprogChildOutlivesItsPeers(t *testing.T) {
	endpoint := nowhere(t)
	to := startRsyslogd(t, preamble+fromImprog("--bind "+endpoint, true))
	l := lines{seed: 4}
	arrived := l.account(to.file("out"), 300)
	var pid []int
	for round := range 3 {
		d := drive(t, "--connect", endpoint)
		var batch []string
		for n := range 100 {
			batch = append(batch, string(l.line(100*round+n)))
		}
		d.commits(t, batch...)
		eventually(t, patience, "the batch arrives", func() bool { return arrived.has(t, 100*(round+1)) })
		d.kill()
		if round == 0 {
			pid = children(t, to.pid(), "imzmq")
		}
	}
	if now := children(t, to.pid(), "imzmq"); len(pid) != 1 || fmt.Sprint(now) != fmt.Sprint(pid) {
		t.Errorf("imzmq had the pid %v, now %v", pid, now)
	}
	to.stop(t)
	if words := to.stderr.String(); strings.Contains(words, "killing it") {
		t.Errorf("improg had to kill imzmq: %s", words)
	}
	arrived.settle(t, false)
}
