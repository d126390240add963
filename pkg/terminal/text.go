package terminal

import (
	"bytes"
	"strconv"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// mostLines is how many lines of a text are shown: a stranger's message must not scroll away all others.
const mostLines = 1000

// appendText appends a text for people. Its line feeds begin lines that are indented, unless lines are to be whole:
// then they become #012.
func (p *Printer) appendText(dst, text []byte) []byte {
	if !p.breaks() || bytes.IndexByte(text, '\n') < 0 {
		return p.appendFound(dst, text)
	}
	for n := 0; ; n++ {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		dst = p.appendFound(dst, bytes.TrimSuffix(line, []byte("\r")))
		if !more {
			return dst
		}
		dst = append(append(dst, '\n'), p.indent()...)
		if text = rest; n+1 == mostLines {
			left := bytes.Count(text, []byte("\n")) + 1
			return append(strconv.AppendInt(append(dst, "… "...), int64(left), 10), " more lines"...)
		}
	}
}

// breaks reports whether a message may have several lines.
func (p *Printer) breaks() bool { return p.Terminal || p.Pretty }

// indent returns what the lines of a text after the first one begin with.
func (p *Printer) indent() string {
	if p.columns.width == 0 {
		return narrowIndent
	}
	return p.columns.indent
}

// appendFound appends a line of text, and shows what Grep finds in it.
func (p *Printer) appendFound(dst, line []byte) []byte {
	if !p.Color || p.Grep == nil {
		return message.AppendSafe(dst, line, true)
	}
	from := 0
	for _, at := range p.Grep.FindAllIndex(line, mostFound) {
		if at[0] == at[1] {
			continue
		}
		dst = message.AppendSafe(dst, line[from:at[0]], true)
		dst = message.AppendSafe(append(dst, foundColor...), line[at[0]:at[1]], true)
		dst, from = append(dst, reset...), at[1]
	}
	return message.AppendSafe(dst, line[from:], true)
}

// mostFound is how many places are shown of what is found in a line.
const mostFound = 100

// safe returns the first bytes of a text of somebody else's, safe to look at.
func safe(text string, most int) string {
	short := message.Cut([]byte(text), most)
	shown := string(message.AppendSafe(nil, short, false))
	if len(short) < len(text) {
		shown += "…"
	}
	return shown
}
