package terminal

import (
	"strings"
	"testing"
	"time"
)

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		name    string
		summary Summary
		want    string
	}{
		{"nothing", Summary{}, "0 messages seen, 0 printed\n"},
		{"everything", Summary{
			Seen: 5678, Printed: 1234, Bytes: 1258291, Duration: 12345 * time.Millisecond, Topics: 12,
			Top:  []TopicCount{{"auth.info", 3000}, {"mail\x1b[2J", 1200}, {"", 300}},
			Slow: 20, Dropped: 5, Lost: 2,
		}, `5678 messages seen, 1234 printed; 1.2 MiB in 12.3s, 459.9 messages/s
12 topics, most messages: auth.info 3000, mail#033[2J 1200, (no topic) 300
20 messages missed: this end was too slow
5 messages missed: publishers dropped them
2 connections lost: what was sent meanwhile is missed as well
`},
		{"counted", Summary{Seen: 2, Printed: 1, Counted: true}, "2 messages seen, 1 counted\n"},
		{"one of each", Summary{
			Seen: 1, Printed: 1, Bytes: 10, Duration: 1500 * time.Microsecond, Topics: 1, Top: []TopicCount{{"a", 1}},
			Slow: 1, Dropped: 1, Before: 1, Lost: 1,
		}, `1 message seen, 1 printed; 10 B in 2ms, 666.7 messages/s
1 topic: a 1
1 message missed: this end was too slow
1 message missed: publishers dropped them
1 place where messages may be missing: they were lost before
1 connection lost: what was sent meanwhile is missed as well
`},
		{"long", Summary{Seen: 3, Duration: 25*time.Hour + time.Second, Topics: 2}, "3 messages seen, 0 printed; 0 B in 25h0m1s, 0.0 messages/s\n2 topics\n"},
		{"very many topics", Summary{Topics: 10_000, More: true, Top: []TopicCount{{"a", 1}}},
			"0 messages seen, 0 printed\nmore than 10000 topics, most messages: a 1\n"},
		{"long topic", Summary{Topics: 1, Top: []TopicCount{{strings.Repeat("é", 100), 2}}},
			"0 messages seen, 0 printed\n1 topic: " + strings.Repeat("é", maxSummaryTopic) + " 2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.summary.String(); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := string(c.summary.Append([]byte("> "))); got != "> "+c.want {
				t.Errorf("appended: %q", got)
			}
		})
	}
}
