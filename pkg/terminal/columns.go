package terminal

import (
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// columns are the columns before the text, on a terminal. Each is as wide as the widest value so far, up to a limit
// that leaves most of the terminal to the text. The zero value has no widths: values are as long as they are.
type columns struct {
	width         int // the terminal's
	host, program column
	noHost        bool   // a narrow terminal: there is neither host nor PID
	noTime        bool   // a very narrow one: there is no time, either
	indent        string // of a text's lines after the first one
}

type column struct{ width, limit int }

// Widths of terminals.
const (
	narrow     = 60 // below it, there is neither host nor PID
	veryNarrow = 40 // below it, there is no time
)

// Indentations of a text's lines after the first one: on narrow terminals, and to the end of the time on others.
const narrowIndent, wideIndent = "  ", "         "

// on returns the columns on a terminal that is width characters wide. Widths stay as far as they fit.
func (c columns) on(width int) columns {
	if width == c.width {
		return c
	}
	wide := columns{width: width, noHost: width < narrow, noTime: width < veryNarrow, indent: wideIndent}
	wide.host = column{min(c.host.width, width/8), min(width/8, 24)}
	wide.program = column{min(c.program.width, width/5), min(width/5, 32)}
	if wide.noHost {
		wide.indent = narrowIndent
	}
	return wide
}

// fit cuts a value that dst[from:] is, without the room characters that are to follow it, and returns its width and
// the column's; 0 if the column has none.
func (c *column) fit(dst []byte, from, room int) (cutTo []byte, used, width int) {
	if c.limit == 0 {
		return dst, 0, 0
	}
	used = characters(dst[from:])
	if most := max(1, c.limit-room); used > most {
		n, width := fitting(dst[from:], most-1) // half of a wide character does not
		dst, used = append(dst[:from+n], "…"...), width+1
	}
	c.width = max(c.width, min(used+room, c.limit))
	return dst, used, c.width
}

const spaces = "                                "

// pad appends n spaces.
func pad(dst []byte, n int) []byte {
	if n <= 0 {
		return dst
	}
	for ; n > len(spaces); n -= len(spaces) {
		dst = append(dst, spaces...)
	}
	return append(dst, spaces[:n]...)
}

// appendHost appends a host in its column, and a space.
func (p *Printer) appendHost(dst, host []byte) []byte {
	from := len(dst)
	dst, used, width := p.columns.host.fit(appendValue(dst, host), from, 0)
	return append(pad(dst, width-used), ' ')
}

// appendProgram appends a program and its PID in their column, and a space.
func (p *Printer) appendProgram(dst, program, pid []byte) []byte {
	c, room := &p.columns.program, 0
	if p.columns.noHost {
		pid = nil
	}
	if pid != nil && c.limit > 0 {
		p.pid = appendPID(p.pid[:0], pid)
		if room = characters(p.pid); room > c.limit/2 {
			pid, room = nil, 0 // a long PROCID would leave no room for the program
		}
	}
	color := ""
	if p.Color && program != nil {
		color = colorOf(program)
	}
	dst = append(dst, color...)
	from := len(dst)
	dst, used, width := c.fit(appendValue(dst, program), from, room)
	if color != "" {
		dst = append(dst, reset...)
	}
	if pid != nil {
		dst = appendPID(dst, pid)
	}
	return append(pad(dst, width-used-room), ' ')
}

func appendPID(dst, pid []byte) []byte {
	return append(message.AppendSafe(append(dst, '['), pid, false), ']')
}

// appendSource appends, in the place of host and program, a topic: it says where a message comes from, as a rule.
func (p *Printer) appendSource(dst, topic []byte) []byte {
	c := p.columns.source()
	before, color := c.width, ""
	if p.Color && len(topic) > 0 {
		color = colorOf(topic)
	}
	dst = append(dst, color...)
	from := len(dst)
	dst, used, width := c.fit(appendValue(dst, topic), from, 0)
	if color != "" {
		dst = append(dst, reset...)
	}
	p.columns.widen(width - before)
	return append(pad(dst, width-used), ' ')
}

// source returns the column that host and program are together.
func (c *columns) source() column {
	if c.noHost || c.width == 0 {
		return c.program
	}
	return column{c.host.width + 1 + c.program.width, c.host.limit + 1 + c.program.limit}
}

// widen makes the column that host and program are together wider.
func (c *columns) widen(by int) {
	if by <= 0 {
		return
	}
	c.program.width += by
	if over := c.program.width - c.program.limit; over > 0 {
		c.program.width -= over
		c.host.width += over
	}
}

// appendValue appends a value of a column; a minus if there is none.
func appendValue(dst, value []byte) []byte {
	if len(value) == 0 {
		return append(dst, '-')
	}
	return message.AppendSafe(dst, value, false)
}
