package kafka_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

// pair is two clients of a cluster, one of which stores each once.
type pair struct {
	*shared
	clients []*client
}

func newPair(t *testing.T, c *shared) *pair {
	p := &pair{shared: c}
	for _, topic := range []string{"pair", "pair-once"} {
		brokers := len(c.Running())
		c.CreateTopic(topic, 1, brokers, nil)
		p.clients = append(p.clients, &client{topic: topic})
	}
	return p
}

// renew gives the clients new writers, whose logs are empty, and which are in contact with the cluster.
func (p *pair) renew(t *testing.T) {
	t.Helper()
	for _, c := range p.clients {
		if c.w != nil {
			closeWriter(t, c.w)
		}
		once := "?once=false"
		if strings.HasSuffix(c.topic, "once") {
			// No transaction times out while a broker is away: see docs/kafka.md, "What Kafka can do wrong".
			once = "?once=true&transaction-timeout=10m&state=pair-memory"
		}
		cfg, log := config(t, p.Bootstrap(), "/"+c.topic+once, nil)
		c.w, c.log = newWriter(t, cfg), log
		eachStored(t, store(t, c.w, c.batch(10)...))
	}
}

// busy has the clients store messages until a disturbance is over.
func (p *pair) busy(t *testing.T, disturb func()) {
	t.Helper()
	over := make(chan struct{})
	var work sync.WaitGroup
	for _, c := range p.clients {
		work.Go(func() {
			for {
				eachStored(t, store(t, c.w, c.batch(20)...))
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	disturb()
	close(over)
	work.Wait()
	for _, c := range p.clients {
		if c.log.has("are refused") {
			t.Error("messages were refused")
		}
	}
}

// eachStored wants all messages to be stored. "repeat": that was not known when the session ended that did it.
func eachStored(t *testing.T, fates []string) {
	t.Helper()
	for i, fate := range fates {
		if fate != "ok" && fate != "repeat" {
			t.Errorf("message %d of %d: %q", i, len(fates), fate)
			return
		}
	}
}

// fill has the clients store 3 MB while something is done.
func (p *pair) fill(t *testing.T, during func()) {
	t.Helper()
	var work sync.WaitGroup
	for _, c := range p.clients {
		work.Go(func() {
			for range 3 {
				batch := c.batch(10)
				for i := range batch {
					text := make([]byte, 100_000)
					rand.Read(text)
					batch[i].Payload = append(batch[i].Payload, text...)
				}
				eachStored(t, store(t, c.w, batch...))
			}
		})
	}
	during()
	work.Wait()
}

// check wants all that the clients have stored in the topics, in their order: once, or at least once.
func (p *pair) check(t *testing.T) {
	t.Helper()
	for _, c := range p.clients {
		closeWriter(t, c.w)
		var got []string
		seen := make(map[string]int64) // their offsets
		var repeats []string
		for _, r := range p.Read(c.topic, true) {
			_, seq, _ := strings.Cut(r.Headers, "seq=")
			seq, _, _ = strings.Cut(seq, ",")
			if before, again := seen[seq]; again {
				repeats = append(repeats, fmt.Sprintf("%s at %d and %d", seq, before, r.Offset))
				continue
			}
			seen[seq] = r.Offset
			got = append(got, seq)
		}
		if want := texts(0, c.next); !slices.Equal(got, want) {
			t.Errorf("%s: %d records, want %d in their order: %.1000q", c.topic, len(got), len(want), got)
		}
		if len(repeats) > 0 && strings.HasSuffix(c.topic, "once") {
			t.Errorf("%s: records are there twice: %q", c.topic, repeats)
		}
	}
}

// Leaders move, too few replicas are in sync, a disk is full, most brokers are dead: nothing is lost; with once=true,
// nothing is repeated.
func TestThreeBrokers(t *testing.T) {
	t.Parallel()
	c := &shared{Cluster: kafkatest.Start(t, kafkatest.Config{Brokers: 3})}
	p := newPair(t, c)
	p.renew(t)
	all := []string{"pair", "pair-once", "pair-memory"}
	inSync := func() {
		for _, topic := range all {
			c.AwaitInSync(topic)
		}
	}
	p.busy(t, func() {
		for range 2 {
			for _, topic := range all {
				c.MoveLeader(topic, 0)
			}
		}
	})
	p.renew(t)
	for _, topic := range all[:2] {
		c.AlterTopic(topic, map[string]string{"min.insync.replicas": "3"})
	}
	dead := c.Leader("pair-memory", 0)
	c.Kill(dead)
	waits(t, "fewer replicas are in sync than min.insync.replicas: bring the brokers back", func() { c.Launch(dead) }, p.clients...)
	for _, topic := range all[:2] {
		c.AlterTopic(topic, map[string]string{"min.insync.replicas": "2"})
	}
	inSync()
	p.renew(t)
	full := c.Leader("pair", 0)
	c.LimitFiles(full, 1<<20)
	p.fill(t, func() { c.AwaitEnd(full) })
	p.renew(t)
	dead = c.Leader("pair", 0)
	c.Kill(dead) // one that is left is no majority
	waits(t, "senders wait", func() { c.Launch(full, dead) }, p.clients...)
	p.check(t)
}
