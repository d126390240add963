package terminal

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"

// Style is what of a message is written.
type Style int

const (
	Human Style = iota // topic, tab and payload; only the payload where there is no topic
	Raw                // the payload
	JSON               // message.AppendJSON's topic, message, frames and received
)

// Printer writes messages as lines. Its fields are set once; it keeps nothing, and any number of goroutines may use it.
type Printer struct {
	Style    Style
	Color    bool // Human: topics and severities in colours; ColorWanted knows
	Terminal bool // the lines go to a terminal; IsTerminal knows
}

// Append appends m as one line with its line feed, and allocates only to let dst grow.
//
// Human and, on a terminal, Raw are safe to look at, as the package's comment says; a tab in a payload stays, one in a topic
// does not. Frames between topic and payload are left out. Raw that does not go to a terminal is message.AppendLine. JSON is the
// same everywhere but for characters that a terminal would obey, which are written as \u there.
func (p *Printer) Append(dst []byte, m *message.Message) []byte {
	switch {
	case p.Style == JSON:
		from := len(dst)
		dst = message.AppendJSON(dst, &message.Message{
			Topic: m.Topic, HasTopic: m.HasTopic, Frames: m.Frames, Payload: m.Payload, Received: m.Received,
		})
		if p.Terminal {
			dst = escapeJSON(dst, from)
		}
	case p.Style == Human && p.Color:
		dst = appendColored(dst, m)
	case p.Style == Human:
		if m.HasTopic {
			dst = append(appendSafe(dst, m.Topic, false), '\t')
		}
		dst = appendSafe(dst, m.Payload, true)
	case p.Terminal:
		dst = appendSafe(dst, m.Payload, true)
	default:
		dst = message.AppendLine(dst, m.Payload)
	}
	return append(dst, '\n')
}
