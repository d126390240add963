package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// rsyslog leaves the quotes in binary= in the arguments, newer releases only single ones. omzmq says so
// instead of taking them for a part of the topic.
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
			want := []string{quoted, "leave them out"}
			if strings.HasPrefix(quoted, `argument "`) {
				want = byRelease(t, takesQuotes, want, []string{"no connection; will go on trying", "tcp://127.0.0.1:1"})
			}
			eventually(t, patience, fmt.Sprintf("omzmq logs %q", want), func() bool {
				said, _ := os.ReadFile(r.file("omzmq.log")) // not written yet
				return strings.Contains(string(said), want[0]) && strings.Contains(string(said), want[1])
			})
			r.kill()
		})
	}
}
