package integration

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	chaosFor  = flag.Duration("chaos", 16*time.Second, "how long TestChaos lets faults happen; three of its parts take less")
	chaosSeed = flag.Uint64("chaos-seed", 0, "schedule of TestChaos's faults; 0: another one each time")
	chaosOnly = flag.String("chaos-only", "", "the only kinds of fault in TestChaos, with commas between; empty: all, and three parts with some of them")
)

const (
	chaosRate = 1500 // lines fed per second

	chaosHeartbeat = 300 * time.Millisecond
)

// Everything on the way of a log line is killed, cut and frozen at random, under load: lines acknowledged by the sending
// rsyslogd have to be in the receiving one's file in the end, unaltered, and nothing else. Where only omzmq is killed, and
// where a single receiver remembers what it has, no line may be there twice but those that rsyslog itself repeats.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	if *chaosOnly != "" {
		newChaos(t, seed, strings.Split(*chaosOnly, ",")).run(*chaosFor)
		return
	}
	for _, part := range []struct {
		name  string
		only  []string
		share float64 // of -chaos
	}{
		{"everything", slices.Sorted(maps.Keys(faults)), 1},
		{"all but the sending rsyslogd", []string{"omzmq", "imzmq", "receiver", "cut", "stall", "freeze"}, 0.75},
		{"omzmq", []string{"omzmq"}, 0.375},
		{"omzmq and connections", []string{"omzmq", "cut", "stall"}, 0.375},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			newChaos(t, seed, part.only).run(time.Duration(part.share * float64(*chaosFor)))
		})
	}
}

// chaos is one run: two rsyslogds, what is between them, and what has been done to them.
type chaos struct {
	t       *testing.T
	seed    uint64
	only    []string // kinds of fault
	l       lines
	from    *rsyslogd
	to      *rsyslogd
	posts   []*post
	lived   []int // omzmq processes that outlived their rsyslogd
	agenda  []appointment
	happen  map[string]int
	putBack int // messages that rsyslog has put back into its queue though it had sent them
	most    int // omzmq processes seen at a time, when one was killed

	arrived *account
}

// post is an imzmq, and the proxy through which omzmq reaches it.
type post struct {
	*process
	flags  []string
	words  *log // of all that ran here
	proxy  *proxy
	frozen bool
}

// exactly says whether nothing may be repeated: rsyslogd and imzmq, which would have to remember, live on, and what is
// sent again has nowhere else to go.
func (c *chaos) exactly() bool {
	return !slices.ContainsFunc(c.only, func(kind string) bool {
		return kind != "omzmq" && kind != "cut" && kind != "stall"
	})
}

func newChaos(t *testing.T, seed uint64, only []string) *chaos {
	t.Helper()
	for _, kind := range only {
		if _, known := faults[kind]; !known {
			t.Fatalf("-chaos-only %s: the kinds are %v", kind, slices.Sorted(maps.Keys(faults)))
		}
	}
	t.Logf("-chaos-seed %d -chaos-only %s", seed, strings.Join(only, ","))
	c := &chaos{t: t, seed: seed, only: only, l: lines{seed: seed, longest: 2000}, happen: map[string]int{}}
	c.to = startRsyslogd(t, preamble+relpToFileAtOnce)
	receivers := 2
	if c.exactly() && len(only) > 1 {
		receivers = 1 // two would both store what is cut off from its confirmation
	}
	for range receivers {
		c.posts = append(c.posts, c.newPost())
	}
	c.from = startRsyslogd(t, preamble+impstats+relpToRuleset+c.sendingRuleset())
	return c
}

// heartbeat is short where peers fall silent. Where none does, a short one would only drop peers on a busy machine, and
// what a dropped peer had stored would be stored by the other one too.
func (c *chaos) heartbeat() string {
	if !slices.Contains(c.only, "stall") && !slices.Contains(c.only, "freeze") {
		return "0"
	}
	return chaosHeartbeat.String()
}

func (c *chaos) newPost() *post {
	port := freePort(c.t)
	p := &post{words: new(log), proxy: startProxy(c.t, port), flags: []string{
		"--socket", "router", "--bind", "tcp://127.0.0.1:" + port, "--to", "relp://127.0.0.1:" + c.to.relp,
		"--heartbeat", c.heartbeat(), "--reconnect-max", "300ms"}}
	c.occupy(p)
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Logf("the imzmqs at port %s wrote to stderr:\n%s", port, tail(p.words.String(), 6000))
		}
	})
	return p
}

// sendingRuleset has two omzmq at work: as the workers of one queue in memory or, when rsyslogd itself is to be killed, of
// two actions without a queue, which let imrelp acknowledge a message when omzmq has said OK. (rsyslogd 8.2302's own disk
// queue does not outlive SIGKILL whole: after 206 kills 6 messages were missing that the .qi file counts and the queue's
// file does not have, with a journal and without.)
func (c *chaos) sendingRuleset() string {
	flags := fmt.Sprintf("--heartbeat %s --reconnect-max 300ms --send-timeout 2s --linger 2s --journal [dir]/journal", c.heartbeat())
	for _, p := range c.posts {
		flags += " --connect " + p.proxy.endpoint()
	}
	action := func(queue string) string {
		return fmt.Sprintf(`action(name="omzmq" type="omprog" binary="%s %s" template="raw" output="[dir]/omzmq.log"
			confirmMessages="on" useTransactions="on" reportFailures="on" action.resumeRetryCount="-1" action.resumeInterval="1" %s)`,
			program("omzmq"), flags, queue)
	}
	actions := action(`queue.type="LinkedList" queue.size="20000" queue.dequeueBatchSize="200" queue.timeoutEnqueue="600000"
		queue.lightDelayMark="0" queue.workerThreads="2" queue.workerThreadMinimumMessages="1"`)
	if slices.Contains(c.only, "sender") {
		actions = "if $syslogseverity < 4 then " + action("") + " else " + action("")
	}
	return `module(load="omprog")
ruleset(name="in" queue.type="Direct") { ` + actions + " }\n"
}

// run feeds while faults happen, and then settles the account.
func (c *chaos) run(lasting time.Duration) {
	t := c.t
	most := chaosRate * int((lasting + 5*time.Minute).Seconds())
	feeder := startFeeder(t, c.from.relp, c.l, chaosRate, most)
	c.arrived = c.l.account(c.to.file("out"), most)
	c.rage(lasting)
	moved := c.arrived.arrived
	sent := feeder.stop(t)
	c.arrived.expect(sent)
	everything := polled(2*time.Minute, func() bool { return c.arrived.has(t, sent) })
	c.awaitPutBack(sent)
	c.from.stop(t)
	for _, p := range c.posts {
		p.stop(t)
	}
	c.to.stop(t)
	eventually(t, patience, "every omzmq ends", func() bool { return !slices.ContainsFunc(c.lived, isOmzmq) })
	c.report(lasting, sent, moved)
	if !everything {
		t.Error("not everything arrived within two minutes of calm")
	}
}

// awaitPutBack finds out what rsyslog itself repeats: 8.2302 sends a message for which BEGIN failed with its batch and puts it
// back into the queue, too, which counts it once more. Those arrive twice; where nothing else may be repeated, no other does.
func (c *chaos) awaitPutBack(sent int) {
	if slices.Contains(c.only, "sender") {
		return // there is no queue
	}
	after := time.Now().Add(2 * time.Second) // impstats counts every second
	polled(10*time.Second, func() bool {
		c.arrived.poll(c.t)
		c.putBack = c.from.counter(c.t, "omzmq queue", "enqueued") - sent
		return c.putBack == c.repeats() || !c.exactly() && time.Now().After(after)
	})
}

func (c *chaos) repeats() (n int) {
	for _, times := range c.arrived.seen {
		n += max(0, times-1)
	}
	return n
}

// report prints the account and fails the test unless it is as it should be, and enough has happened to make it mean
// something.
func (c *chaos) report(lasting time.Duration, sent, moved int) {
	t := c.t
	c.arrived.poll(t)
	repeats := c.repeats()
	h := c.happen
	t.Logf("chaos: seed %d, %v; killed: omzmq %d, imzmq %d, sending rsyslogd %d, receiving rsyslogd %d; connections cut %d in %d cuts, stalled %d, frozen %d",
		c.seed, lasting, h["omzmq"], h["imzmq"], h["sender"], h["receiver"], h["connections"], h["cut"], h["stall"], h["freeze"])
	t.Logf("chaos: sent %d, arrived %d (%d while it lasted), lost %d, repeated %d, %d of them by rsyslog itself, because BEGIN failed",
		sent, c.arrived.arrived, moved, sent-c.arrived.arrived, repeats, c.putBack)
	for _, kind := range c.only {
		if c.happen[kind] == 0 {
			t.Errorf("no %s has happened: -chaos %v is too short", kind, lasting)
		}
	}
	if moved == 0 {
		t.Error("nothing arrived while it lasted")
	}
	if c.happen["omzmq"] > 0 && c.most < 2 {
		t.Errorf("%d omzmq at a time, want 2", c.most)
	}
	// One more may be an omzmq's that was killed in the few instructions between marking a reply and writing it.
	if c.exactly() && (repeats < c.putBack || repeats > c.putBack+1) {
		t.Errorf("%d lines were repeated, %d of them by rsyslog itself", repeats, c.putBack)
	}
	c.arrived.settle(t, true)
}
