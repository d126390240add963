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
	chaosOnly = flag.String("chaos-only", "",
		"the only kinds of fault in TestChaos, separated by commas; empty: all, in parts with some of them")
	chaosRelp    = flag.Bool("chaos-relp", false, "with -chaos-only: omrelp and omzmq --relp in place of omprog's omzmq")
	chaosWithout = flag.String("chaos-without", "", "kinds of fault that TestChaos leaves out, separated by commas")
)

const (
	chaosRate = 1500 // lines per second

	chaosHeartbeat      = 300 * time.Millisecond
	chaosConfirmTimeout = 1500 * time.Millisecond // of omprog, where programs are stopped for longer
)

// Everything on a log line's way is killed, stopped, cut, frozen and refused at random, under load. In the end the
// receiving rsyslogd's file must hold every line that the sending rsyslogd has acknowledged, unaltered, and nothing
// else. Where only omzmq is killed, and where a single receiver remembers what it has stored, no line may be
// there twice, except those that rsyslog itself repeats.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	if *chaosOnly != "" {
		newChaos(t, seed, strings.Split(*chaosOnly, ","), *chaosRelp).run(*chaosFor)
		return
	}
	for _, part := range []struct {
		name  string
		only  []string
		share float64 // of -chaos
		relp  bool    // omrelp sends
	}{
		// rsyslogd's disk queue does not survive SIGKILL, so here is no queue; what stands still makes that very slow.
		{"everything", others("stop-sender", "halt-sender", "halt-receiver"), 1, false},
		{"everything but a killed sending rsyslogd", others("sender"), 1, false},
		{"all but the sending rsyslogd", others("sender", "stop-sender", "halt-sender"), 0.75, false},
		{"refusals and stops", []string{"refuse", "stop-sender", "imzmq"}, 1, false},
		{"omzmq", []string{"omzmq"}, 0.375, false},
		{"omzmq and connections", []string{"omzmq", "cut", "stall"}, 0.375, false},
		// A stopped or killed rsyslogd loses what is in omrelp's window.
		{"omrelp", others("sender", "stop-sender", "halt-sender"), 0.75, true},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			newChaos(t, seed, part.only, part.relp).run(time.Duration(part.share * float64(*chaosFor)))
		})
	}
}

// others returns every kind of fault but these.
func others(but ...string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(faults)), func(kind string) bool { return slices.Contains(but, kind) })
}

// chaos is one run: two rsyslogds, the programs between them, and what has been done to them.
type chaos struct {
	t       *testing.T
	seed    uint64
	only    []string // kinds of fault
	l       lines
	from    *rsyslogd
	to      *rsyslogd
	refuser *refuser // between posts and to
	posts   []*post
	intake  *intake            // an omzmq that takes messages from omrelp; nil: rsyslogd starts omzmq itself
	hop     *proxy             // between omrelp and it
	ending  bool               // the intake was killed or told to stop, and not started again
	halted  map[int]string     // pids that have SIGSTOP, and as which kind of fault
	down    map[*rsyslogd]bool // killed or told to stop, and not started again
	lived   []int              // omzmq processes that outlived their rsyslogd
	agenda  []appointment
	happen  map[string]int
	putBack int // messages that rsyslog has put back into its queue although it had sent them
	most    int // omzmq processes seen at once, when one was killed

	arrived *account
}

// post is a place for an imzmq, and the proxy through which omzmq reaches it.
type post struct {
	*process
	flags   []string
	words   *log // stderr of all processes that ran here
	proxy   *proxy
	frozen  bool
	leaving bool // it has SIGTERM
}

// exactly reports whether nothing may be repeated: rsyslogd and imzmq, which would have to remember, stay
// alive, and a line that is sent again has only one place to go. With omrelp, answers may be lost.
func (c *chaos) exactly() bool {
	return c.intake == nil && !slices.ContainsFunc(c.only, func(kind string) bool {
		return kind != "omzmq" && kind != "cut" && kind != "stall"
	})
}

func newChaos(t *testing.T, seed uint64, only []string, relp bool) *chaos {
	t.Helper()
	for _, kind := range only {
		if _, known := faults[kind]; !known {
			t.Fatalf("-chaos-only %s: want some of %v", kind, slices.Sorted(maps.Keys(faults)))
		}
	}
	only = slices.DeleteFunc(slices.Clone(only), func(kind string) bool { return slices.Contains(strings.Split(*chaosWithout, ","), kind) })
	t.Logf("-chaos-seed %d -chaos-only %s", seed, strings.Join(only, ","))
	c := &chaos{t: t, seed: seed, only: only, l: lines{seed: seed, longest: 2000},
		happen: map[string]int{}, halted: map[int]string{}, down: map[*rsyslogd]bool{}}
	c.to = startRsyslogd(t, preamble+relpToFileAtOnce)
	c.refuser = startRefuser(t, c.to.relp)
	receivers := 2
	if c.exactly() && len(only) > 1 {
		receivers = 1 // with two, both would store what a cut separates from its confirmation
	}
	for range receivers {
		c.posts = append(c.posts, c.newPost())
	}
	if relp {
		c.startIntake()
	}
	c.from = startRsyslogd(t, preamble+impstats+relpToRuleset+c.sendingRuleset())
	return c
}

// heartbeat returns the interval for --heartbeat: short if peers fall silent in this run, otherwise none. A
// busy machine could miss short heartbeats; the sender would then drop a healthy receiver, and the other one
// would store its messages too.
func (c *chaos) heartbeat() string {
	if !c.has("stall") && !c.has("freeze") && !c.has("halt-") {
		return "0"
	}
	return chaosHeartbeat.String()
}

// has reports whether kinds that begin so are among the run's faults.
func (c *chaos) has(kind string) bool {
	return slices.ContainsFunc(c.only, func(k string) bool { return strings.HasPrefix(k, kind) })
}

func (c *chaos) newPost() *post {
	port := freePort(c.t)
	p := &post{words: new(log), proxy: startProxy(c.t, port), flags: []string{
		"--socket", "router", "--bind", "tcp://127.0.0.1:" + port, "--to", "relp://" + c.refuser.address(),
		"--heartbeat", c.heartbeat(), "--reconnect-max", "300ms"}}
	c.occupy(p)
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Logf("the imzmqs at port %s wrote to stderr:\n%s", port, tail(p.words.String(), 6000))
		}
	})
	return p
}

// sendingRuleset runs two omzmq processes: as the two workers of one queue or, if rsyslogd itself is killed, in two
// actions without a queue. There imrelp acknowledges a message only after omzmq has said OK.
// (The disk queue of rsyslogd 8.2302 does not survive SIGKILL intact: after 206 kills, 6 messages were missing
// that the .qi file counts and the queue's file does not contain, with a journal and without.)
func (c *chaos) sendingRuleset() string {
	if c.intake != nil {
		return toRelp(c.hop.port(), memoryQueue+relpWindow)
	}
	flags := c.sendingFlags() + " --journal [dir]/journal"
	action := func(options string) string {
		return fmt.Sprintf(`action(name="omzmq" type="omprog" binary="%s %s" template="raw" output="[dir]/omzmq.log"
			confirmMessages="on" useTransactions="on" reportFailures="on" action.resumeRetryCount="-1" action.resumeInterval="1" %s)`,
			program("omzmq"), flags, options+c.impatience())
	}
	kind := "LinkedList"
	if c.hasty() {
		kind = "Disk"
	}
	queue := `queue.type="` + kind + `" queue.size="20000" queue.dequeueBatchSize="200" queue.timeoutEnqueue="600000"
		queue.lightDelayMark="0" queue.workerThreads="2" queue.workerThreadMinimumMessages="1"`
	if c.has("stop-sender") {
		queue += ` queue.filename="omzmq" queue.maxDiskSpace="1g" queue.saveOnShutdown="on" closeTimeout="1000" ` + c.farewell()
	}
	actions := action(queue)
	if slices.Contains(c.only, "sender") {
		actions = "if $syslogseverity < 4 then " + action("") + " else " + action("")
	}
	return `module(load="omprog")
ruleset(name="in" queue.type="Direct") { ` + actions + " }\n"
}

// farewell is how long a stopping rsyslogd works on. If omzmq dies or stands still in mid-transaction and rsyslogd
// has no time to begin again, or cancels a batch in the middle, it throws away what it has given to no program. No
// program can mend that, so it must have time then. Otherwise it is hasty: it retries nothing, and forgets what fails,
// after queue.timeoutActionCompletion.
func (c *chaos) farewell() string {
	if c.hasty() {
		return `queue.timeoutShutdown="200" queue.timeoutActionCompletion="60000"`
	}
	return `queue.timeoutShutdown="30000" queue.timeoutActionCompletion="60000"`
}

// hasty reports whether the sending rsyslogd works on for a moment only when it is told to stop. Its queue is then on
// disk alone: with a queue that is in memory first, it may cancel a batch in the middle even so
// (TestStoppedWithNothingInMemory).
func (c *chaos) hasty() bool { return c.has("stop-sender") && !c.has("omzmq") && !c.has("halt-omzmq") }

// impatience makes rsyslogd give up an omzmq that does not answer, and kill it or not, as the seed says.
func (c *chaos) impatience() string {
	if !c.has("halt-") {
		return ""
	}
	kill := []string{"on", "off"}[c.seed%2]
	return fmt.Sprintf(` confirmTimeout="%d" killUnresponsive="%s"`, chaosConfirmTimeout.Milliseconds(), kill)
}

// run feeds lines while faults happen, and then settles the account.
func (c *chaos) run(lasting time.Duration) {
	t := c.t
	most := chaosRate * int((lasting + 5*time.Minute).Seconds())
	feeder := startFeeder(t, c.from.relp, c.l, chaosRate, most)
	c.arrived = c.l.account(c.to.file("out"), most)
	c.rage(lasting)
	if c.intake != nil { // omrelp sends again what a cut took away when it has a new message, and not before
		after := feeder.acknowledged.Load()
		eventually(t, patience, "more is fed", func() bool { return feeder.acknowledged.Load() > after+chaosRate/10 })
	}
	moved := c.arrived.arrived
	sent := feeder.stop(t)
	c.arrived.expect(sent)
	everything := polled(2*time.Minute, func() bool { return c.arrived.has(t, sent) })
	c.awaitPutBack(sent)
	c.from.stop(t)
	if c.intake != nil {
		c.intake.stop(t)
	}
	for _, p := range c.posts {
		p.stop(t)
	}
	c.to.stop(t)
	eventually(t, patience, "every omzmq ends", func() bool { return !slices.ContainsFunc(c.lived, isOmzmq) })
	c.report(lasting, sent, moved)
	if !everything {
		t.Error("not everything arrived within two minutes after the last fault")
	}
}

// awaitPutBack determines what rsyslog itself repeats. After a failed BEGIN, rsyslog 8.2302 sends the message
// with its batch and also puts it back into the queue, which counts it once more. Those messages arrive twice.
func (c *chaos) awaitPutBack(sent int) {
	if slices.Contains(c.only, "sender") || c.has("stop-sender") || c.intake != nil {
		return // there is no queue, or its counters begin anew
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

// report prints the account. It fails the test if the account is wrong, or if too little has happened for it
// to mean anything.
func (c *chaos) report(lasting time.Duration, sent, moved int) {
	t := c.t
	c.arrived.poll(t)
	repeats := c.repeats()
	h := c.happen
	t.Logf("chaos: seed %d, %v; killed: omzmq %d, imzmq %d, sending rsyslogd %d, receiving rsyslogd %d",
		c.seed, lasting, h["omzmq"], h["imzmq"], h["sender"], h["receiver"])
	t.Logf("chaos: connections cut %d in %d cuts, stalled %d, frozen %d", h["connections"], h["cut"], h["stall"], h["freeze"])
	t.Logf("chaos: halted: omzmq %d, imzmq %d, sending rsyslogd %d, receiving rsyslogd %d; stopped: imzmq %d, sending rsyslogd %d, receiving rsyslogd %d",
		h["halt-omzmq"], h["halt-imzmq"], h["halt-sender"], h["halt-receiver"], h["stop-imzmq"], h["stop-sender"], h["stop-receiver"])
	t.Logf("chaos: refused %d messages in %d spells", c.refuser.refused.Load(), h["refuse"])
	t.Logf("chaos: sent %d, arrived %d (%d during the faults), lost %d, repeated %d, %d of them by rsyslog itself",
		sent, c.arrived.arrived, moved, sent-c.arrived.arrived, repeats, c.putBack)
	for _, kind := range c.only {
		if c.happen[kind] == 0 {
			t.Errorf("no fault of kind %s: -chaos %v is too short", kind, lasting)
		}
	}
	if moved == 0 {
		t.Error("nothing arrived during the faults")
	}
	if c.happen["omzmq"] > 0 && c.most < 2 && c.intake == nil {
		t.Errorf("%d omzmq processes at a time, want 2", c.most)
	}
	// One more may come from an omzmq that was killed in the few instructions between marking a reply and
	// writing it.
	if c.exactly() && (repeats < c.putBack || repeats > c.putBack+1) {
		t.Errorf("%d lines were repeated, %d of them by rsyslog itself", repeats, c.putBack)
	}
	c.arrived.settle(t, true)
}
