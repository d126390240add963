package terminal

import (
	"bytes"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// Style selects what is written of a message.
type Style int

const (
	Human Style = iota // time, host, program, severity and text; or what Format says
	Raw                // the payload
	JSON               // syslog.AppendJSON's topic, message, frames, received, and what the payload says
)

// Printer formats messages as lines. One goroutine uses it.
type Printer struct {
	Style    Style
	Color    bool // Human: programs, severities and what is found in colours; see ColorWanted
	Terminal bool // the lines go to a terminal; see IsTerminal

	Zone   *time.Location // Human: that of the times; nil: this host's
	Pretty bool           // Human: JSON objects on lines of their own
	Format *Format        // Human: what is written; nil: the columns
	Grep   *regexp.Regexp // Human, with Color: what it matches in the text is shown; nil: nothing

	columns          columns
	clock            clock
	text, block      []byte // what is being made: a text, and the lines at its end
	path, pid, param []byte // its parts
	line             []byte
}

// Fit fits the columns to the width of the terminal, in characters.
func (p *Printer) Fit(width int) { p.columns = p.columns.on(width) }

// Reads reports whether the style needs what the payload says of itself.
func (p *Printer) Reads() bool { return p.Style == Human }

// Append appends m as a line with its line feed, and allocates only if its memory must grow, or for JSON strings with
// escapes. l is what syslog.Read reads in m; nil: Append does that itself, if it needs it.
//
// Human and, on a terminal, Raw are safe to look at, as the package's comment explains, and do not look like a line of
// zmqtap's own (message.Own). On a terminal and with Pretty, Human may be several lines; otherwise line feeds in the
// text are #012. A line feed at the end of the payload is not shown. Raw that does not go to a terminal is
// message.AppendLine. JSON is the same everywhere, except that on a terminal the characters that it would obey are
// written as \u.
func (p *Printer) Append(dst []byte, m *message.Message, l *syslog.Line) []byte {
	switch {
	case p.Style == JSON:
		from := len(dst)
		dst = syslog.AppendJSON(dst, &message.Message{
			Topic: m.Topic, HasTopic: m.HasTopic, Frames: m.Frames, Payload: m.Payload, Received: m.Received,
		})
		if p.Terminal {
			dst = message.EscapeJSON(dst, from)
		}
	case p.Style == Raw && p.Terminal:
		dst = message.AppendSafeLine(dst, m.Payload, true)
	case p.Style == Raw:
		dst = message.AppendLine(dst, m.Payload)
	case l == nil:
		read := syslog.Read(m.Topic, m.Payload, m.Received)
		dst = p.appendLine(dst, m, &read)
	default:
		dst = p.appendLine(dst, m, l)
	}
	return append(dst, '\n')
}

// appendLine appends a line of the style Human.
func (p *Printer) appendLine(dst []byte, m *message.Message, l *syslog.Line) []byte {
	p.clock.zone = p.Zone
	from := len(dst)
	if p.Format != nil {
		dst = p.appendFormat(dst, m, l)
	} else {
		dst = p.appendHuman(dst, m, l)
	}
	return p.disown(dst, from)
}

// disown escapes the first character of dst[from:], a line that is safe to look at, if that looks like one of zmqtap's
// own. Colours in it do not count.
func (p *Printer) disown(dst []byte, from int) []byte {
	at := from + colorEnd(dst[from:])
	if at == len(dst) || dst[at] != message.Own[0] && dst[at] < utf8.RuneSelf {
		return dst // as a rule, it begins with a time
	}
	p.line = p.line[:0]
	for rest := dst[at:]; len(rest) > 0 && len(p.line) < mostCompared; {
		if n := colorEnd(rest); n > 0 {
			rest = rest[n:]
			continue
		}
		p.line, rest = append(p.line, rest[0]), rest[1:]
	}
	if !message.LooksOwn(p.line) {
		return dst
	}
	p.line = append(p.line[:0], dst[at:]...)
	dst, size := message.AppendFirstEscaped(dst[:at], p.line)
	return append(dst, p.line[size:]...)
}

// mostCompared is how many bytes of a line decide whether it looks like one of zmqtap's own.
const mostCompared = 1 << 10

// colorEnd returns the length of the colour that b begins with; 0: none.
func colorEnd(b []byte) int {
	if len(b) == 0 || b[0] != '\x1b' {
		return 0
	}
	return bytes.IndexByte(b, 'm') + 1
}
