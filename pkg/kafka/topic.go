package kafka

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// topicMark stands for a message's topic in the name of a Kafka topic.
const topicMark = "{topic}"

// maxName is the most bytes that the name of a Kafka topic may have.
const maxName = 249

// Topic is the name of the Kafka topic: as it is, or with {topic} in it. ParseTopic makes it.
type Topic struct {
	before, after string
	perTopic      bool
}

// ParseTopic reads the name of a topic.
func ParseTopic(text string) (Topic, error) {
	var t Topic
	t.before, t.after, t.perTopic = strings.Cut(text, topicMark)
	fixed := t.before + t.after
	switch {
	case text == "":
		return t, errors.New("the topic is missing after the servers")
	case t.perTopic && fixed == "":
		return t, nil
	case !validTopic(fixed) && !(t.perTopic && strings.Trim(fixed, ".") == ""):
		return t, fmt.Errorf("topic %q: a name has 1 to %d letters, digits, dots, underscores and hyphens, "+
			"and %s at most once", text, maxName, topicMark)
	case t.perTopic && len(fixed) > maxName-100:
		return t, fmt.Errorf("topic %q: beside %s, it may have %d bytes", text, topicMark, maxName-100)
	}
	return t, nil
}

// PerTopic reports whether the name depends on the message's topic.
func (t Topic) PerTopic() bool { return t.perTopic }

// String returns the name as ParseTopic reads it.
func (t Topic) String() string {
	if t.perTopic {
		return t.before + topicMark + t.after
	}
	return t.before
}

// of returns the Kafka topic of a message's topic.
func (t Topic) of(topic []byte) string {
	if !t.perTopic {
		return t.before
	}
	room := maxName - len(t.before) - len(t.after)
	name := t.before + safe(topic, room) + t.after
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "_x2e")
	}
	return name
}

// safe returns a topic in at most room bytes that Kafka allows. A byte that it does not allow is written _xHH, and so
// is an underscore that would read as the beginning of that. Different topics stay different; one that is too long is
// cut and ends with its hash. No topic is "-", RFC 5424's nil value.
func safe(topic []byte, room int) string {
	if len(topic) == 0 {
		return "-"
	}
	var b strings.Builder
	for i, c := range topic {
		switch {
		case c == '_' && escapes(topic[i:]), !allowed(c):
			fmt.Fprintf(&b, "_x%02x", c)
		default:
			b.WriteByte(c)
		}
		if b.Len() > room {
			sum := sha256.Sum256(topic)
			return b.String()[:room-33] + "-" + hex.EncodeToString(sum[:16])
		}
	}
	return b.String()
}

func allowed(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

// escapes reports whether text begins as an escaped byte does.
func escapes(text []byte) bool {
	if len(text) < 4 || text[1] != 'x' {
		return false
	}
	_, err := hex.DecodeString(string(text[2:4]))
	return err == nil
}
