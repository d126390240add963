package terminal

import (
	"strconv"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// maxSummaryTopic is how many characters of a topic a Summary shows.
const maxSummaryTopic = 60

// Summary is what is reported at the end. Zero fields are left out, except Seen and Printed.
type Summary struct {
	Seen, Printed uint64 // messages that arrived, and those of them that were written
	Counted       bool   // they were counted, and not written
	Bytes         uint64 // of the payloads of all that arrived
	Duration      time.Duration

	Topics uint64       // Rates.Topics
	More   bool         // there were more topics than are counted separately: Rates.More
	Top    []TopicCount // the topics to list, those with the most messages; Rates.Top

	Slow    uint64 // messages missed because this end was too slow
	Dropped uint64 // messages that publishers reported as dropped, or as lost before
	Before  uint64 // places where hubs, or a recording, report as lost before them what may or may not have been wanted here
	Lost    uint64 // connections lost
}

// Missing reports whether messages, or connections, were lost.
func (s *Summary) Missing() bool { return s.Slow|s.Dropped|s.Before|s.Lost != 0 }

// Append appends one to six lines for a person:
//
//	5678 messages seen, 1234 printed; 1.2 MiB in 12.3s, 461.6 messages/s
//	12 topics, most messages: auth.info 3000, mail.err 1200, cron.info 300
//	20 messages missed: this end was too slow
//	5 messages missed: publishers dropped them
//	1 place where messages may be missing: they were lost before
//	2 connections lost: what was sent meanwhile is missed as well
func (s *Summary) Append(dst []byte) []byte {
	dst = append(appendCount(dst, s.Seen, "message"), " seen, "...)
	dst = strconv.AppendUint(dst, s.Printed, 10)
	if s.Counted {
		dst = append(dst, " counted"...)
	} else {
		dst = append(dst, " printed"...)
	}
	if s.Duration > 0 {
		dst = append(AppendBytes(append(dst, "; "...), float64(s.Bytes)), " in "...)
		dst = append(append(dst, round(s.Duration).String()...), ", "...)
		dst = append(AppendRate(dst, float64(s.Seen)/s.Duration.Seconds()), " messages/s"...)
	}
	dst = append(dst, '\n')
	if s.Topics > 0 {
		dst = append(s.appendTopics(dst), '\n')
	}
	if s.Slow > 0 {
		dst = append(appendCount(dst, s.Slow, "message"), " missed: this end was too slow\n"...)
	}
	if s.Dropped > 0 {
		dst = append(appendCount(dst, s.Dropped, "message"), " missed: publishers dropped them\n"...)
	}
	if s.Before > 0 {
		dst = append(appendCount(dst, s.Before, "place"), " where messages may be missing: they were lost before\n"...)
	}
	if s.Lost > 0 {
		dst = append(appendCount(dst, s.Lost, "connection"), " lost: what was sent meanwhile is missed as well\n"...)
	}
	return dst
}

// String is Append's text.
func (s *Summary) String() string {
	return string(s.Append(nil))
}

func (s *Summary) appendTopics(dst []byte) []byte {
	if s.More {
		dst = append(dst, "more than "...)
	}
	dst = appendCount(dst, s.Topics, "topic")
	for i, t := range s.Top {
		switch {
		case i > 0:
			dst = append(dst, ", "...)
		case s.Topics > uint64(len(s.Top)):
			dst = append(dst, ", most messages: "...)
		default:
			dst = append(dst, ": "...)
		}
		name := t.Topic
		if name == "" {
			name = "(no topic)"
		}
		from := len(dst)
		dst = message.AppendSafe(dst, []byte(name), false)
		dst = dst[:from+len(cut(dst[from:], maxSummaryTopic))]
		dst = strconv.AppendUint(append(dst, ' '), t.Messages, 10)
	}
	return dst
}

// appendCount appends a number and the name of what is counted, in the plural unless n is 1.
func appendCount(dst []byte, n uint64, name string) []byte {
	dst = append(append(strconv.AppendUint(dst, n, 10), ' '), name...)
	if n != 1 {
		dst = append(dst, 's')
	}
	return dst
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
