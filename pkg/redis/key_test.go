package redis

import (
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

func TestKey(t *testing.T) {
	t.Parallel()
	const id = "01ab"
	for _, c := range []struct {
		key, topic, want     string
		memory, memoryInSlot string // alone, in a cluster
	}{
		{"logs", "mail", "logs", "{logs}:stored:logs:01ab", "{logs}:stored:logs:01ab"},
		{"{logs}", "mail", "{logs}", "{logs}:stored:{logs}:01ab", "{logs}:stored:{logs}:01ab"},
		{"{l}ogs", "mail", "{l}ogs", "{l}:stored:{l}ogs:01ab", "{l}:stored:{l}ogs:01ab"},
		{"logs.{topic}", "mail", "logs.mail", "{logs.*}:stored:logs.{topic}:01ab", "{logs.mail}:stored:logs.mail:01ab"},
		{"logs.*", "mail", "logs.*", "{logs.*}:stored:logs.*:01ab", "{logs.*}:stored:logs.*:01ab"},
		{"{topic}", "", "-", "{*}:stored:{topic}:01ab", "{-}:stored:-:01ab"},
		{"{l}.{topic}", "a b", "{l}.a%20b", "{l}:stored:{l}.{topic}:01ab", "{l}:stored:{l}.{topic}:01ab"},
		{"{topic}.{l}", "a", "a.{l}", "{l}:stored:{topic}.{l}:01ab", "{l}:stored:{topic}.{l}:01ab"},
		{"{a{topic}}", "b", "{ab}", "{a*}:stored:{a{topic}}:01ab", "{ab}:stored:{ab}:01ab"},
	} {
		k, err := ParseKey(c.key)
		if err != nil {
			t.Errorf("%s: %v", c.key, err)
			continue
		}
		got := k.append(nil, []byte(c.topic))
		memory, inSlot := k.appendMemory(nil, got, false, id), k.appendMemory(nil, got, true, id)
		if string(got) != c.want || string(memory) != c.memory || string(inSlot) != c.memoryInSlot {
			t.Errorf("%s of %q: %s, %s, %s", c.key, c.topic, got, memory, inSlot)
		}
	}
}

func TestSafeTopic(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		"auth.info/sshd:x@h-1_,+=~!#$&()<>;|": "auth.info/sshd:x@h-1_,+=~!#$&()<>;|",
		"a b\n\x00\x7f":                       "a%20b%0A%00%7F",
		"{x}%*?[a]^\\\"'`":                    "%7Bx%7D%25%2A%3F%5Ba%5D%5E%5C%22%27%60",
		"é\xff":                               "%C3%A9%FF",
		strings.Repeat("x", 200):              strings.Repeat("x", 200),
	} {
		if got := string(appendSafe(nil, []byte(topic))); got != want {
			t.Errorf("%q: %s", topic, got)
		}
	}
	seen := map[string]string{}
	for _, topic := range []string{strings.Repeat("x", 201), strings.Repeat("x", 202), strings.Repeat("x", 1<<20), strings.Repeat("\n", 67), strings.Repeat("\n", 68)} {
		got := string(appendSafe([]byte("key."), []byte(topic)))
		if len(got) > 4+maxTopic || seen[got] != "" {
			t.Errorf("a topic of %d bytes makes %s", len(topic), got)
		}
		seen[got] = topic
	}
}

// The memory must be in the slot of its list, by the word of a server in cluster mode.
func TestMemoryIsInTheSlotOfItsKey(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--cluster-enabled", "yes")
	for _, text := range []string{"logs", "{l}ogs", "lo{g}s", "logs.{topic}", "{topic}", "{l}.{topic}", "{topic}.{l}", "{a{topic}}", "{{topic}}"} {
		k, err := ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"", "mail", "{x}", "}{"} {
			key := k.append(nil, []byte(topic))
			memory := k.appendMemory(nil, key, true, "01ab")
			if a, b := server.Do("cluster", "keyslot", key), server.Do("cluster", "keyslot", memory); a != b {
				t.Errorf("%s is in slot %v and %s in %v", key, a, memory, b)
			}
		}
	}
}
