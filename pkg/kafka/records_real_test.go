package kafka_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// A message that is longer than its topic takes is cut, and counted. Shorten makes it shorter where a cut would spoil
// it.
func tooLong(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		c.create(name, map[string]string{"max.message.bytes": "20000"})
		w, log := writer(t, c.Bootstrap(), "/"+name+once+"&compression=none&key=topic", nil)
		long := message.Message{HasTopic: true, Topic: bytes.Repeat([]byte("t"), 5000), Payload: []byte(strings.Repeat("x", 100_000))}
		each(t, store(t, w, under("t", "before"), long, under("t", "after")), "ok")
		checkCut(t, w, log)
		got := c.values(name)
		if len(got) != 3 || got[0] != "before" || got[2] != "after" || strings.Trim(got[1], "x") != "" || len(got[1]) < 15_000 {
			t.Errorf("%d records, the second has %d bytes", len(got), len(got[min(1, len(got)-1)]))
		}
	})
	shorten := func(once string) {
		w, _ := writer(t, c.Bootstrap(), "/shortened"+once, nil)
		w.Shorten = func(i, limit int) []byte {
			if i != 1 || limit < 15_000 || limit > 20_000 {
				t.Errorf("message %d is to have %d bytes", i, limit)
			}
			return []byte(`{"message":"short"}`)
		}
		each(t, store(t, w, under("t", "{}"), under("t", strings.Repeat("x", 100_000))), "ok")
	}
	c.create("shortened", map[string]string{"max.message.bytes": "20000"})
	shorten("?once=false")
	shorten("?once=true&state=state-shortened")
	c.wants(t, "shortened", "{}", "{}", `{"message":"short"}`, `{"message":"short"}`)
}

func checkCut(t *testing.T, w *kafka.Writer, log *journal) {
	t.Helper()
	if w.Truncated() != 1 {
		t.Errorf("%d messages are counted as cut, want 1", w.Truncated())
	}
	log.wants(t, "message cut", "max.message.bytes", "size=100000", "messages=1")
	if log.has("senders wait") || log.has("refused") {
		t.Error("a long message is a trouble")
	}
}

// The limit is lowered while the topic is used, and then raised.
func loweredLimit(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		c.create(name, nil)
		w, log := writer(t, c.Bootstrap(), "/"+name+once+"&compression=none", nil)
		each(t, store(t, w, numbered(alice, 1, 2)...), "ok")
		c.mu.Lock()
		c.AlterTopic(name, map[string]string{"max.message.bytes": "30000"})
		c.mu.Unlock()
		batch := numbered(alice, 2, 40)
		for i := range batch { // together, they are longer, and one alone is
			batch[i].Payload = append(batch[i].Payload, bytes.Repeat([]byte(" "), 5000)...)
		}
		batch[7].Payload = bytes.Repeat([]byte("8"), 100_000)
		each(t, store(t, w, batch...), "ok")
		checkCut(t, w, log)
		if got := c.values(name); len(got) != 39 {
			t.Errorf("%d records, want 39", len(got))
		}
	})
}

// A topic that takes next to nothing refuses what cannot be cut to that, and nothing else.
func leastLimit(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		c.create(name+".a", map[string]string{"max.message.bytes": "1000"})
		c.create(name+"."+strings.Repeat("a", 100), map[string]string{"max.message.bytes": "200"})
		w, log := writer(t, c.Bootstrap(), "/"+name+".{topic}"+once+"&compression=none", nil)
		small, large := under("a", "1"), under("a", strings.Repeat("2", 5000))
		small.User, large.User = "u", "u"
		none := under(strings.Repeat("a", 100), "3")
		none.User = strings.Repeat("u", 300)
		fates := store(t, w, small, none, large)
		each(t, []string{fates[0], fates[2]}, "ok")
		each(t, fates[1:2], "max.message.bytes")
		log.wants(t, "message cut", "messages are refused", "even without its text")
		if got := c.values(name + ".a"); len(got) != 2 || got[0] != "1" || len(got[1]) < 500 {
			t.Errorf("%q", got)
		}
	})
}

// A compacted topic wants keys.
func compacted(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		c.create(name+".compacted", map[string]string{"cleanup.policy": "compact"})
		c.create(name+".other", nil)
		w, log := writer(t, c.Bootstrap(), "/"+name+".{topic}"+once, nil)
		fates := store(t, w, under("other", "1"), under("compacted", "2"), under("other", "3"))
		each(t, []string{fates[0], fates[2]}, "ok")
		each(t, fates[1:2], `topic "`+name+`.compacted": it is compacted`)
		log.wants(t, "messages are refused", "key=sender")
		c.wants(t, name+".other", "1", "3")
		w, _ = writer(t, c.Bootstrap(), "/"+name+".{topic}"+once+"&key=sender", nil)
		batch := numbered(bob, 4, 6)
		for i := range batch {
			batch[i].HasTopic, batch[i].Topic = true, []byte("compacted")
		}
		each(t, store(t, w, batch...), "ok")
		c.wants(t, name+".compacted", "4", "5")
	})
}

// A topic whose settings imzmq does not know yet refuses one record of many: it is found.
func validated(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		c.create(name, nil)
		w, log := writer(t, c.Bootstrap(), "/"+name+once+"&key=topic", nil)
		each(t, store(t, w, under("k", "0")), "ok")
		c.mu.Lock()
		c.AlterTopic(name, map[string]string{"cleanup.policy": "compact"})
		c.mu.Unlock()
		batch := numbered(alice, 1, 40)
		for i := range batch {
			if i != 23 {
				batch[i].HasTopic, batch[i].Topic = true, []byte("k")
			}
		}
		fates := store(t, w, batch...)
		each(t, fates[23:24], "it does not take this message")
		each(t, append(fates[:23:23], fates[24:]...), "ok")
		log.wants(t, "messages are refused")
		if got := len(c.values(name)); got != 39 {
			t.Errorf("%d records, want 39", got)
		}
	})
}

// A topic that does not take the lines' times gets the times when they came; and refuses those, too, with a reason.
func oldTime(t *testing.T, c *shared) {
	both(t, c, func(t *testing.T, c *shared, name, once string) {
		c.create(name, map[string]string{"message.timestamp.before.max.ms": "600000", "retention.ms": "-1"})
		w, log := writer(t, c.Bootstrap(), "/"+name+once, nil)
		now := time.Now()
		line := "<13>1 " + now.Add(-2*time.Hour).Format(time.RFC3339) + " host app - - - text"
		m := message.Message{Payload: []byte(line), Received: now}
		each(t, store(t, w, m), "ok")
		log.wants(t, "records have the time when their message came")
		c.mu.Lock()
		records := c.Read(name, true)
		c.mu.Unlock()
		if len(records) != 1 || records[0].Timestamp.Before(now.Add(-time.Minute)) || string(records[0].Value) != line {
			t.Errorf("%+v", records)
		}
		m.Received, m.Sender, m.Seq = now.Add(-2*time.Hour), alice, 1
		each(t, store(t, w, m), "clocks")
		log.wants(t, "messages are refused")
	})
}
