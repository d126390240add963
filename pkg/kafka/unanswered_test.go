package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// A refusal that nobody would learn of is none: the message waits, unless its sender has chosen the topic.
func TestUnansweredWait(t *testing.T) {
	t.Parallel()
	noTopic := codeFault(kerr.UnknownTopicOrPartition, kerr.UnknownTopicOrPartition).of("logs")
	wrongUser := codeFault(kerr.SaslAuthenticationFailed, kerr.SaslAuthenticationFailed)
	for _, c := range []struct {
		topic, sender string
		f             *fault
		want          bool
	}{
		{"logs", "01ab", noTopic, true},
		{"logs", "01ab", wrongUser, true},
		{"logs", "", noTopic, false},
		{"logs", "", wrongUser, false},
		{"{topic}", "", noTopic, true},
		{"{topic}", "", wrongUser, false},
	} {
		topic, err := ParseTopic(c.topic)
		if err != nil {
			t.Fatal(err)
		}
		w := &Writer{cfg: Config{Target: Target{Topic: topic}}, batch: []message.Message{{Sender: c.sender}}}
		if got := w.refuses(0, c.f); got != c.want {
			t.Errorf("topic %s, sender %q, %v: %v", c.topic, c.sender, c.f, got)
		}
	}
}
