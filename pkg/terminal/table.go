package terminal

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// Render appends a table of the rates since the last call: a line of totals, the topics that had messages, the busiest
// first, and an empty line.
//
//	461.2 msg/s   92.3 KiB/s   total 12345   topics 12   missed 0
//	     MSG/S       BYTES/S           TOTAL  TOPIC
//	     311.0    62.2 KiB/s            9876  auth.info
//
// A width (in characters) or height (in lines) of 0 or less is no limit.
func (r *Rates) Render(dst []byte, now time.Time, width, height int) []byte {
	_, rows := r.Update(now)
	slices.SortFunc(rows, busier)
	if width <= 0 {
		width = math.MaxInt
	}
	p := page{dst: dst, width: width, left: height, unlimited: height <= 0}
	r.scratch = r.appendTotals(r.scratch[:0])
	p.line(r.scratch)
	r.scratch = append(r.scratch[:0], "     MSG/S       BYTES/S           TOTAL  "...)
	r.scratch = append(r.scratch, r.by.title()...)
	p.line(r.scratch)
	for _, row := range rows {
		if row.Rate > 0 {
			r.scratch = r.by.appendRow(r.scratch[:0], row)
			p.line(r.scratch)
		}
	}
	return append(p.dst, '\n')
}

// appendTotals appends the first line of a table, without a line feed.
func (r *Rates) appendTotals(dst []byte) []byte {
	dst = append(AppendRate(dst, r.all.Rate), " msg/s   "...)
	dst = append(AppendBytes(dst, r.all.ByteRate), "/s   total "...)
	dst = append(strconv.AppendUint(dst, r.all.Total, 10), "   "...)
	dst = append(append(dst, r.by.Plural()...), ' ')
	dst = strconv.AppendInt(dst, int64(len(r.topics)), 10)
	if r.other.Total > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendUint(append(dst, "   missed "...), r.missed, 10)
}

func (b By) appendRow(dst []byte, row *Row) []byte {
	from := len(dst)
	dst = alignRight(AppendRate(dst, row.Rate), from, 10)
	from = len(dst)
	dst = alignRight(append(AppendBytes(dst, row.ByteRate), "/s"...), from, 14)
	from = len(dst)
	dst = alignRight(strconv.AppendUint(dst, row.Total, 10), from, 16)
	return b.AppendName(append(dst, "  "...), row)
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

// AppendRate appends a number of messages per second.
func AppendRate(dst []byte, rate float64) []byte {
	if rate >= 999.95 {
		return strconv.AppendFloat(dst, rate, 'f', 0, 64)
	}
	return strconv.AppendFloat(dst, rate, 'f', 1, 64)
}

// AppendBytes appends a number of bytes with its unit.
func AppendBytes(dst []byte, n float64) []byte {
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

// page is a block of text that is being filled with lines.
type page struct {
	dst       []byte
	width     int
	left      int // lines that there is room for, unless unlimited
	unlimited bool
}

// line appends one line, cut to the width, if there is room.
func (p *page) line(text []byte) {
	if p.left--; p.left >= 0 || p.unlimited {
		p.dst = append(append(p.dst, cut(text, p.width)...), '\n')
	}
}
