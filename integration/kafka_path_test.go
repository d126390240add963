package integration

import (
	"bufio"
	"flag"
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

var (
	kafkaMessages = flag.Int("kafka-messages", 40_000, "how many messages TestKafkaKilled sends")
	kafkaSeed     = flag.Uint64("kafka-seed", 0, "schedule of the faults in TestKafkaKilled; 0: another one each time")
	kafkaFaults   = flag.Int("kafka-faults", 2, "how often TestKafkaKilled kills each kind of program")
)

const kafkaTopic = "logs"

// kafkaPath is rsyslogd, its omzmq processes with journals, two imzmq, three brokers, and the faults planned for them.
type kafkaPath struct {
	schedule
	l       lines
	from    *rsyslogd
	imzmq   [2]*process
	flags   [2][]string
	words   *log // stderr of every imzmq
	cluster *kafkatest.Cluster
	away    int      // the broker that is down; 0: none
	topics  []string // that must be in sync before a broker is killed
}

// startKafkaPath starts all of it. settings are further ones of the target.
func startKafkaPath(t *testing.T, messages int, settings string) *kafkaPath {
	t.Helper()
	p := &kafkaPath{schedule: newSchedule(t, messages, *kafkaSeed), words: new(log), topics: []string{kafkaTopic}}
	if settings != "" {
		p.topics = append(p.topics, "imzmq-stored", "__transaction_state")
	}
	p.l = lines{seed: p.seed, longest: 300}
	p.cluster = kafkatest.Start(t, kafkatest.Config{Brokers: 3})
	p.cluster.CreateTopic(kafkaTopic, 6, 3, map[string]string{"min.insync.replicas": "2"})
	p.arrived = startFollower(t, p.cluster.AdminBootstrap(), kafkaTopic, p.l.account("", messages)).count
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the imzmqs wrote to stderr:\n%s", tail(p.words.String(), 6000))
		}
	})
	connect := ""
	for i := range p.imzmq {
		endpoint := nowhere(t)
		connect += " --connect " + endpoint
		p.flags[i] = []string{"--bind", endpoint, "--reconnect-max", "300ms", "--heartbeat", "1s",
			"--to", "kafka://" + p.cluster.Bootstrap() + "/" + kafkaTopic + settings}
		p.startImzmq(i)
	}
	p.from = startRsyslogd(t, preamble+impstats+wayIn+
		toOmzmq("--journal [dir]/journals --reconnect-max 300ms --heartbeat 1s --send-timeout 5m"+connect, twoOmzmq))
	return p
}

func (p *kafkaPath) startImzmq(i int) {
	cmd := exec.Command(program("imzmq"), p.flags[i]...)
	cmd.Stderr = p.words
	p.imzmq[i] = start(p.t, "imzmq", cmd)
}

func (p *kafkaPath) killImzmq(r *rand.Rand) bool {
	i := r.IntN(len(p.imzmq))
	if !p.imzmq[i].running() {
		return false
	}
	p.imzmq[i].kill()
	p.later(between(r, 0, 300*time.Millisecond), func() { p.startImzmq(i) })
	return true
}

// freezeImzmq stops an imzmq for a time, and lets it go on.
func (p *kafkaPath) freezeImzmq(least, most time.Duration) func(r *rand.Rand) bool {
	return func(r *rand.Rand) bool {
		frozen := p.imzmq[r.IntN(len(p.imzmq))]
		if !frozen.running() {
			return false
		}
		frozen.signal(p.t, syscall.SIGSTOP)
		p.later(between(r, least, most), func() {
			if frozen.running() { // it may have been killed
				frozen.signal(p.t, syscall.SIGCONT)
			}
		})
		return true
	}
}

// killBroker kills a broker, and starts it again. Two are left, which are as many as must have each message.
func (p *kafkaPath) killBroker(r *rand.Rand) bool {
	if p.away != 0 {
		return false
	}
	p.settled()
	p.away = 1 + r.IntN(3)
	p.cluster.Kill(p.away)
	p.later(between(r, 0, time.Second), func() {
		p.cluster.Launch(p.away)
		p.away = 0
	})
	return true
}

// settled returns when all brokers have all that others have.
func (p *kafkaPath) settled() {
	for _, topic := range p.topics {
		p.cluster.AwaitInSync(topic)
	}
}

// moveLeader lets another broker lead a partition.
func (p *kafkaPath) moveLeader(r *rand.Rand) bool {
	if p.away != 0 {
		return false
	}
	p.settled()
	p.cluster.MoveLeader(kafkaTopic, r.IntN(6))
	return true
}

// run feeds messages and lets faults happen until every message has arrived and everything runs again. Then it settles
// the account: a message arrives once, or, with repeats, at least once.
func (p *kafkaPath) run(within time.Duration, repeats bool) {
	t := p.t
	t.Helper()
	t.Logf("-kafka-seed %d, %d messages", p.seed, p.messages)
	begin := time.Now()
	fed := p.from.feedPaced(t, p.l, 0, p.messages, p.pace)
	if !polled(within, func() bool { return p.pursue() == p.messages && len(p.agenda) == 0 }) {
		t.Errorf("after %v, %d of %d messages have arrived and %d appointments are left",
			within, p.arrived(), p.messages, len(p.agenda))
	}
	fed()
	took := time.Since(begin)
	t.Logf("%v, %.0f messages/s; %v", took.Round(time.Millisecond), float64(p.messages)/took.Seconds(), p.happened)
	p.check()
	eventually(t, patience, "every batch is confirmed", func() bool { return p.from.counter(t, "omzmq queue", "size") == 0 })
	eventually(t, patience, "what a killed omzmq has left is delivered, too", func() bool {
		left, err := spool.Survey(t.Context(), p.from.file("journals"))
		return err == nil && !slices.ContainsFunc(left, func(c spool.Content) bool { return c.Unconfirmed > 0 })
	})
	putBack := p.from.counter(t, "omzmq queue", "enqueued") - p.messages
	p.from.stop(t)
	for _, im := range p.imzmq {
		im.stop(t)
	}
	arrived := p.l.account("", p.messages)
	p.cluster.ReadEach(kafkaTopic, true, func(r kafkatest.Record) { arrived.add(r.Value) })
	again := 0
	for _, times := range arrived.seen {
		again += max(0, times-1)
	}
	t.Logf("repeated %d; rsyslogd has put back %d", again, putBack)
	// rsyslogd itself repeats what it puts back when BEGIN fails: see redisPath.settle.
	arrived.settle(t, repeats || putBack > 0)
	if !repeats && again > putBack+1 {
		t.Errorf("%d messages were repeated, %d of them by rsyslogd itself", again, putBack)
	}
}

// follower reads the records of a topic as they are committed, with kcat, which may repeat some after a broker's death.
type follower struct {
	mu   sync.Mutex
	read *account
}

func startFollower(t *testing.T, brokers, topic string, read *account) *follower {
	t.Helper()
	f := &follower{read: read}
	cmd := exec.Command("kcat", "-C", "-q", "-u", "-b", brokers, "-t", topic, "-o", "beginning", "-f", "%s\n",
		"-X", "isolation.level=read_committed", "-X", "topic.metadata.refresh.interval.ms=1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, "kcat", cmd)
	go func() {
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			f.mu.Lock()
			f.read.add(scanner.Bytes())
			f.mu.Unlock()
		}
	}()
	return f
}

// count returns how many different lines have been read.
func (f *follower) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read.arrived
}
