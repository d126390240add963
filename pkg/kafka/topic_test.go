package kafka

import (
	"bytes"
	"strings"
	"testing"
)

// A topic's bytes that Kafka does not allow are escaped, and different topics stay different.
func TestTopicNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 200)
	seen := make(map[string]string)
	for text, want := range map[string]string{
		"auth.err": "logs.auth.err", "": "logs.-", "a b": "logs.a_x20b", "a_x20b": "logs.a_x5fx20b", "_x": "logs._x",
		"a_b": "logs.a_b", "{topic}": "logs._x7btopic_x7d", "\x00/": "logs._x00_x2f", long: "", long + "é": "", "..": "logs...",
	} {
		topic, err := ParseTopic("logs.{topic}")
		if err != nil {
			t.Fatal(err)
		}
		got := topic.of([]byte(text))
		if want != "" && got != want || !validTopic(got) {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
		if other, twice := seen[got]; twice {
			t.Errorf("%q and %q are both %q", text, other, got)
		}
		seen[got] = text
	}
	if topic, _ := ParseTopic("{topic}"); topic.of([]byte(".")) != "_x2e" || topic.of([]byte("..")) != "_x2e_x2e" {
		t.Error("the names . and .. are not allowed by Kafka")
	}
	if topic, _ := ParseTopic("logs"); topic.of([]byte("auth")) != "logs" {
		t.Error("a name without {topic} depends on the topic")
	}
}

func FuzzTopic(f *testing.F) {
	for _, seed := range []string{"", "-", "auth.err", "a_x20b", "_x5f", strings.Repeat("x", 300), strings.Repeat("\xff", 90)} {
		f.Add([]byte(seed), []byte(seed+"_"))
	}
	topic, err := ParseTopic("l.{topic}")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		nameA, nameB := topic.of(a), topic.of(b)
		if !validTopic(nameA) || !validTopic(nameB) {
			t.Fatalf("%q and %q are %q and %q", a, b, nameA, nameB)
		}
		dash := func(b []byte) bool { return len(b) == 0 || string(b) == "-" }
		if nameA == nameB && !bytes.Equal(a, b) && !(dash(a) && dash(b)) {
			t.Fatalf("%q and %q are both %q", a, b, nameA)
		}
	})
}
