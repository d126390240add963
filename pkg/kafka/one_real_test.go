package kafka_test

import (
	"path"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

// One broker: what it refuses, side by side. Then it is killed, and its disk is full.
func TestOneBroker(t *testing.T) {
	t.Parallel()
	c := &shared{Cluster: kafkatest.Start(t, kafkatest.Config{})}
	t.Run("Refuses", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *shared){
			"UnknownTopic": unknownTopic, "PerTopic": perTopic, "Deleted": deletedTopic,
			"TooLong": tooLong, "LoweredLimit": loweredLimit, "LeastLimit": leastLimit,
			"Compacted": compacted, "OldTime": oldTime, "Validated": validated, "TLSToPlain": tlsToPlain, "SASLToPlain": saslToPlain,
			"Names":     names,
			"Elsewhere": elsewhere, "Dead": deadOwner, "Frozen": frozen, "TimedOut": timedOut,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})
	t.Run("Quota", func(t *testing.T) { quota(t, c) })
	p := newPair(t, c)
	p.renew(t)
	c.Kill(1)
	waits(t, "cannot be reached", func() { c.Launch(1) }, p.clients...)
	p.renew(t)
	c.LimitFiles(1, 1<<20)
	p.fill(t, func() {
		c.AwaitEnd(1)
		c.Launch(1)
	})
	p.check(t)
}

// both runs a test with once=true and without.
func both(t *testing.T, c *shared, test func(t *testing.T, c *shared, name, once string)) {
	name := strings.ToLower(path.Base(t.Name()))
	t.Run("Least", func(t *testing.T) {
		t.Parallel()
		test(t, c, name, "?once=false")
	})
	t.Run("Once", func(t *testing.T) {
		t.Parallel()
		test(t, c, name+"-once", "?once=true&state=state-"+name)
	})
}

// A topic that is not there refuses, by its name. Once it is created, it takes messages.
func unknownTopic(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		w, log := writer(t, c.Bootstrap(), "/"+name+once, nil)
		says := `topic "` + name + `": there is no such topic: create it`
		each(t, store(t, w, numbered(alice, 1, 4)...), says)
		log.wants(t, "messages are refused", "there is no such topic")
		cfg, _ := config(t, c.Bootstrap(), "/"+name+once, nil)
		if err := kafka.Check(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Check: %v", err)
		}
		c.create(name, nil)
		var fates []string
		eventually(t, "the topic's discovery", func() bool {
			fates = store(t, w, numbered(alice, 1, 4)...)
			return fates[0] == "ok"
		})
		each(t, fates, "ok")
		c.wants(t, name, texts(1, 4)...)
		log.wants(t, "messages are no longer refused")
		if err := kafka.Check(t.Context(), cfg); err != nil {
			t.Errorf("Check: %v", err)
		}
	})
}

// In a batch, only the messages whose topic cannot be used are refused.
func perTopic(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		for _, topic := range []string{"a", "b", "-"} {
			c.create(name+"."+topic, nil)
		}
		w, log := writer(t, c.Bootstrap(), "/"+name+".{topic}"+once, nil)
		batch := numbered(alice, 1, 7)
		for i, topic := range []string{"a", "missing", "b", "", "b", "a/b"} {
			batch[i].HasTopic, batch[i].Topic = true, []byte(topic)
		}
		fates := store(t, w, batch...)
		each(t, []string{fates[0], fates[2], fates[3], fates[4]}, "ok")
		each(t, fates[1:2], `topic "`+name+`.missing": there is no such topic`)
		each(t, fates[5:], `topic "`+name+`.a_x2fb": there is no such topic`)
		c.wants(t, name+".a", "1")
		c.wants(t, name+".b", "3", "5")
		c.wants(t, name+".-", "4")
		log.wants(t, "missing")
		cfg, _ := config(t, c.Bootstrap(), "/"+name+".{topic}"+once, nil)
		if err := kafka.Check(t.Context(), cfg); err != nil {
			t.Errorf("Check: %v", err)
		}
	})
	w, log := writer(t, c.Bootstrap(), "/{topic}?once=true&state=memory", nil)
	each(t, store(t, w, under("memory", "x")), `topic "memory": imzmq remembers there which messages are stored`)
	log.wants(t, "messages are refused")
	c.create("beside-the-memory", nil)
	fates := store(t, w, under("memory", "x"), under("beside-the-memory", "y"), under("__consumer_offsets", "z"))
	each(t, fates[:1], "imzmq remembers there")
	each(t, fates[1:2], "ok")
	t.Log(fates[2])
	c.wants(t, "beside-the-memory", "y")
}

// A topic that is deleted while it is used refuses its messages alone, and takes them when it is there again.
func deletedTopic(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		c.create(name+".a", nil)
		c.create(name+".b", nil)
		w, log := writer(t, c.Bootstrap(), "/"+name+".{topic}"+once, nil)
		each(t, store(t, w, under("a", "1"), under("b", "1")), "ok")
		c.mu.Lock()
		c.DeleteTopic(name + ".a")
		c.mu.Unlock()
		fates := store(t, w, under("a", "2"), under("b", "2"), under("b", "3"))
		each(t, fates[:1], `topic "`+name+`.a": there is no such topic`)
		each(t, fates[1:], "ok")
		log.wants(t, "messages are refused")
		c.create(name+".a", nil)
		eventually(t, "the topic's discovery", func() bool { return store(t, w, under("a", "3"))[0] == "ok" })
		c.wants(t, name+".a", "3")
		c.wants(t, name+".b", "1", "2", "3")
	})
}
