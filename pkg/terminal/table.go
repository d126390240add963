package terminal

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Enter prepares a terminal for Render in place: the alternate screen, no cursor, and no line wrap. Leave
// undoes that. It must be written however the program ends.
const (
	Enter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
	Leave = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

const (
	home       = "\x1b[H"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// Render appends a table of the rates since the last call: a line of totals, and the topics, the busiest first.
//
//	461.2 msg/s   92.3 KiB/s   total 12345   topics 12   missed 0
//	     MSG/S       BYTES/S           TOTAL  TOPIC
//	     311.0    62.2 KiB/s            9876  auth.info
//
// With ansi the table is for a terminal of width columns and height lines, on which it replaces the last
// one. It ends without a line feed if it fills the screen, and shows silent topics, too. Without ansi it is
// a block of text that ends with an empty line, and shows only topics that had messages. A width or height
// of 0 or less is no limit.
func (r *Rates) Render(dst []byte, now time.Time, width, height int, ansi bool) []byte {
	r.update(now)
	if width <= 0 {
		width = math.MaxInt
	}
	p := page{dst: dst, width: width, left: height, unlimited: height <= 0, ansi: ansi}
	if ansi {
		p.dst = append(p.dst, home...)
	}
	r.scratch = r.appendTotals(r.scratch[:0])
	p.line(r.scratch)
	r.scratch = append(r.scratch[:0], "     MSG/S       BYTES/S           TOTAL  TOPIC"...)
	p.line(r.scratch)
	for _, c := range r.sorted {
		if !ansi && c.rate == 0 {
			continue
		}
		if !p.room() {
			break
		}
		r.scratch = c.appendRow(r.scratch[:0], c == &r.other)
		p.line(r.scratch)
	}
	return p.end()
}

func (r *Rates) appendTotals(dst []byte) []byte {
	dst = append(appendRate(dst, r.all.rate), " msg/s   "...)
	dst = append(appendBytes(dst, r.all.byteRate), "/s   total "...)
	dst = append(strconv.AppendUint(dst, r.all.total, 10), "   topics "...)
	dst = strconv.AppendInt(dst, int64(len(r.topics)), 10)
	if r.other.total > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendUint(append(dst, "   missed "...), r.missed, 10)
}

func (c *counter) appendRow(dst []byte, other bool) []byte {
	from := len(dst)
	dst = alignRight(appendRate(dst, c.rate), from, 10)
	from = len(dst)
	dst = alignRight(append(appendBytes(dst, c.byteRate), "/s"...), from, 14)
	from = len(dst)
	dst = alignRight(strconv.AppendUint(dst, c.total, 10), from, 16)
	dst = append(dst, "  "...)
	switch {
	case other:
		return append(dst, "(other topics)"...)
	case c.topic == "":
		return append(dst, "(no topic)"...)
	}
	return message.AppendSafe(dst, []byte(c.topic), false)
}

// alignRight moves dst[from:] to the right margin of a column of width bytes.
func alignRight(dst []byte, from, width int) []byte {
	const spaces = "                    "
	size := len(dst) - from
	if size >= width {
		return dst
	}
	dst = append(dst, spaces[:width-size]...)
	copy(dst[len(dst)-size:], dst[from:from+size])
	copy(dst[from:], spaces[:width-size])
	return dst
}

// appendRate appends a number of messages per second.
func appendRate(dst []byte, rate float64) []byte {
	if rate >= 999.95 {
		return strconv.AppendFloat(dst, rate, 'f', 0, 64)
	}
	return strconv.AppendFloat(dst, rate, 'f', 1, 64)
}

// appendBytes appends a number of bytes with its unit.
func appendBytes(dst []byte, n float64) []byte {
	if n < 1023.5 {
		return append(strconv.AppendFloat(dst, n, 'f', 0, 64), " B"...)
	}
	units := [...]string{" KiB", " MiB", " GiB", " TiB"}
	n /= 1024
	i := 0
	for ; n >= 1023.95 && i < len(units)-1; i++ {
		n /= 1024
	}
	return append(strconv.AppendFloat(dst, n, 'f', 1, 64), units[i]...)
}

// page is a screen, or a block of text, that is being filled with lines.
type page struct {
	dst       []byte
	width     int
	left      int // lines that there is room for, unless unlimited
	unlimited bool
	ansi      bool
	begun     bool
}

func (p *page) room() bool {
	return p.unlimited || p.left > 0
}

// line appends one line, cut to the width, if there is room. On a terminal the line feed precedes it,
// because after the last line it would scroll. The earlier content is erased first, because after a full
// line that would erase its last character.
func (p *page) line(text []byte) {
	if !p.room() {
		return
	}
	p.left--
	text = cut(text, p.width)
	if !p.ansi {
		p.dst = append(append(p.dst, text...), '\n')
		return
	}
	if p.begun {
		p.dst = append(p.dst, "\r\n"...)
	}
	p.begun = true
	p.dst = append(append(p.dst, clearLine...), text...)
}

func (p *page) end() []byte {
	switch {
	case !p.ansi:
		return append(p.dst, '\n')
	case p.room():
		return append(p.dst, "\r\n"+clearBelow...)
	}
	return p.dst
}

// cut returns the first characters of a UTF-8 text.
func cut(text []byte, characters int) []byte {
	if len(text) <= characters {
		return text
	}
	for i := 0; i < len(text); characters-- {
		if characters == 0 {
			return text[:i]
		}
		_, size := utf8.DecodeRune(text[i:])
		i += size
	}
	return text
}
