package terminal

import (
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// Style selects what is written of a message.
type Style int

const (
	Human Style = iota // topic, tab and payload; only the payload where there is no topic
	Raw                // the payload
	JSON               // syslog.AppendJSON's topic, message, frames, received, and what the payload says
)

// Printer formats messages as lines. Any number of goroutines may use it once its fields are set.
type Printer struct {
	Style    Style
	Color    bool // Human: topics and severities in colours; see ColorWanted
	Terminal bool // the lines go to a terminal; see IsTerminal
}

// Append appends m as one line with its line feed, and allocates only if dst must grow.
//
// Human and, on a terminal, Raw are safe to look at, as the package's comment explains, and do not look like a line of
// zmqtap's own (message.Own). They escape a tab in a topic but not in a payload, and leave out frames between topic and
// payload. Raw that does not go to a terminal is message.AppendLine. JSON is the same everywhere, except that on a
// terminal the characters that it would obey are written as \u.
func (p *Printer) Append(dst []byte, m *message.Message) []byte {
	switch {
	case p.Style == JSON:
		from := len(dst)
		dst = syslog.AppendJSON(dst, &message.Message{
			Topic: m.Topic, HasTopic: m.HasTopic, Frames: m.Frames, Payload: m.Payload, Received: m.Received,
		})
		if p.Terminal {
			dst = message.EscapeJSON(dst, from)
		}
	case p.Style == Human && p.Color:
		dst = appendColored(dst, m)
	case p.Style == Human && m.HasTopic:
		dst = append(message.AppendSafeLine(dst, m.Topic, false), '\t')
		dst = message.AppendSafe(dst, m.Payload, true)
	case p.Style == Human, p.Terminal:
		dst = message.AppendSafeLine(dst, m.Payload, true)
	default:
		dst = message.AppendLine(dst, m.Payload)
	}
	return append(dst, '\n')
}
