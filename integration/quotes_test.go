package integration

import (
	"os"
	"strings"
	"testing"
)

// rsyslog leaves the quotes in binary= in the arguments. omzmq says so instead of taking them for a part of the topic.
func TestQuotesInBinary(t *testing.T) {
	for flags, quoted := range map[string]string{
		`--connect tcp://127.0.0.1:1 --topic 'auth log'`:      `argument 'auth begins`,
		`--connect tcp://127.0.0.1:1 --topic \"auth log\"`:    `argument "auth log" begins`,
		`--connect tcp://127.0.0.1:1 --topic-delimiter=':'`:   `argument --topic-delimiter=':' begins`,
		`--connect \"tcp://127.0.0.1:1\" --topic-delimiter :`: `argument "tcp://127.0.0.1:1" begins`,
	} {
		t.Run(flags, func(t *testing.T) {
			r := startRsyslogd(t, preamble+wayIn+toOmzmq(flags, memoryQueue))
			r.say(t, 0, 1)
			eventually(t, patience, "omzmq says what is wrong", func() bool {
				said, _ := os.ReadFile(r.file("omzmq.log")) // not written yet
				return strings.Contains(string(said), quoted) && strings.Contains(string(said), "leave them out")
			})
			r.kill()
		})
	}
}
