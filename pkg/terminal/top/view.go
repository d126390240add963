package top

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

// SGR sequences. They are the only ones in the text that bubbletea gets: what comes from messages and keys is escaped.
const (
	reset   = "\x1b[m"
	bold    = "\x1b[1m"
	reverse = "\x1b[7m"
	red     = "\x1b[1;31m"
)

// columns are the widths of the columns; 0: there is no room for it. The name takes what is left.
type columns struct {
	rate, bytes, total, spark int
}

// columnsOf returns the columns for a width of the terminal. The sparkline's widths divide its 60 seconds.
func columnsOf(width int) columns {
	c := columns{rate: 9, bytes: 13, total: 12}
	switch {
	case width >= 150:
		c.spark = 60
	case width >= 120:
		c.spark = 30
	case width >= 95:
		c.spark = 20
	case width >= 70:
		c.spark = 12
	}
	if width < 56 {
		c.total = 0
	}
	if width < 40 {
		c.bytes = 0
	}
	if width < 20 {
		c.rate = min(9, width/2)
	}
	return c
}

// body returns how many rows the screen has room for: below totals and titles, above the state and the keys.
func (m *model) body() int {
	switch {
	case m.height >= 6:
		return m.height - 4
	case m.height == 5:
		return 2
	}
	return max(1, m.height-2)
}

// View draws the screen.
func (m *model) View() tea.View {
	lines := make([]string, 0, m.height)
	lines = append(lines, m.totals())
	if m.helping {
		lines = append(lines, m.help()...)
	} else {
		lines = append(append(lines, m.titles()), m.rows()...)
	}
	fixed := m.height - len(m.footer()) // the lines above the footer
	for len(lines) < fixed {
		lines = append(lines, "")
	}
	lines = append(lines[:max(0, min(len(lines), fixed))], m.footer()...)
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, m.width, "")
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	if m.filtering && !m.helping {
		v.Cursor = tea.NewCursor(min(ansi.StringWidth(m.prompt()), m.width-1), len(lines)-len(m.footer()))
	}
	return v
}

// totals is the first line.
func (m *model) totals() string {
	var b []byte
	if m.paused {
		b = append(b, reverse+" PAUSED "+reset+" "...)
	}
	all := m.sample.All
	b = append(terminal.AppendRate(b, all.Rate), " msg/s   "...)
	b = append(terminal.AppendBytes(b, all.ByteRate), "/s   total "...)
	b = append(strconv.AppendUint(b, all.Total, 10), "   "...)
	b = fmt.Appendf(b, "%s %s   ", m.by.Plural(), m.count())
	missed := fmt.Sprintf("missed %d", m.sample.Missed)
	if m.sample.Missed > 0 {
		missed = red + missed + reset
	}
	b = append(b, missed...)
	if room := m.width - ansi.StringWidth(string(b)) - 3; all.History != nil && room >= 20 {
		b = append(b, "   "...)
		width := 20
		if room >= 30 {
			width = 30
		}
		b = all.History.AppendSpark(b, width, m.sample.AllSeconds, m.plain)
	}
	return string(b)
}

// count is the number of rows, without the one of the rest.
func (m *model) count() string {
	for _, row := range m.sample.Rows {
		if row.Rest {
			return fmt.Sprintf("%d+", len(m.sample.Rows)-1)
		}
	}
	return strconv.Itoa(len(m.sample.Rows))
}

// titles is the line of the columns' titles. An arrow is beside the one that is sorted by.
func (m *model) titles() string {
	c := columnsOf(m.width)
	var b strings.Builder
	title := func(column terminal.Column, text string) string {
		if column != m.order.By {
			return text
		}
		down, up := "↓", "↑"
		if m.plain {
			down, up = "v", "^"
		}
		if m.order.Reverse != (column == byName) {
			return text + up
		}
		return text + down
	}
	right := func(width int, text string) {
		if width > 0 {
			b.WriteString(strings.Repeat(" ", max(0, width-ansi.StringWidth(text))) + text)
		}
	}
	right(c.rate, title(byRate, "MSG/S"))
	right(c.bytes, title(byBytes, "BYTES/S"))
	right(c.total, title(byTotal, "TOTAL"))
	if c.spark > 0 {
		fmt.Fprintf(&b, "  %-*s", c.spark, "LAST MINUTE")
	}
	b.WriteString("  " + title(byName, strings.ToUpper(m.by.String())))
	b.WriteString(strings.Repeat(" ", max(0, m.width-ansi.StringWidth(b.String()))))
	return reverse + ansi.Truncate(b.String(), m.width, "") + reset
}

// rows are the lines of the body.
func (m *model) rows() (lines []string) {
	switch {
	case len(m.sample.Rows) == 0:
		return []string{"", "Nothing has arrived yet."}
	case len(m.shown) == 0:
		return []string{"", fmt.Sprintf("No %s matches %s. Esc clears the filter.", m.by, m.filterText())}
	}
	c := columnsOf(m.width)
	for i, row := range m.shown[m.first:min(len(m.shown), m.first+m.body())] {
		m.scratch = m.appendRow(m.scratch[:0], c, row)
		line := ansi.Truncate(string(m.scratch), m.width, "")
		if m.marked() && m.first+i == m.place {
			line = reverse + line + strings.Repeat(" ", max(0, m.width-ansi.StringWidth(line))) + reset
		}
		lines = append(lines, line)
	}
	return lines
}

func (m *model) appendRow(dst []byte, c columns, row *terminal.Row) []byte {
	var number [32]byte
	right := func(width int, text []byte) {
		if width > 0 {
			dst = append(append(dst, strings.Repeat(" ", max(0, width-len(text)))...), text...)
		}
	}
	right(c.rate, terminal.AppendRate(number[:0], row.Rate))
	right(c.bytes, append(terminal.AppendBytes(number[:0], row.ByteRate), "/s"...))
	right(c.total, strconv.AppendUint(number[:0], row.Total, 10))
	dst = append(dst, "  "...)
	if c.spark > 0 {
		if row.History != nil {
			dst = row.History.AppendSpark(dst, c.spark, m.sample.Seconds, m.plain)
		} else {
			dst = append(dst, strings.Repeat(" ", c.spark)...)
		}
		dst = append(dst, "  "...)
	}
	return m.by.AppendName(dst, row)
}

// footer is the state, if there is room, and the keys.
func (m *model) footer() []string {
	switch {
	case m.helping:
		return []string{"any key goes back"}
	case m.height < 5 && m.filtering:
		return []string{m.prompt()}
	case m.height < 5:
		return nil
	case m.height == 5 && m.filtering:
		return []string{m.state()}
	case m.height == 5:
		return []string{m.short()}
	}
	return []string{m.state(), m.short()}
}

// state is what is typed, else what is selected, else what is filtered, else which publishers there are.
func (m *model) state() string {
	found := fmt.Sprintf("%d of %d %s", len(m.shown), len(m.sample.Rows), m.by.Plural())
	switch {
	case m.filtering && m.filter.literal:
		return m.prompt() + "   " + found + ", as text: it is no regular expression"
	case m.filtering:
		return m.prompt() + "   " + found
	case m.marked():
		return m.details(m.shown[m.place])
	case m.filter.text != "":
		return fmt.Sprintf("filter %s: %s", m.filterText(), found)
	}
	return string(message.AppendSafe(nil, []byte(m.sample.Publishers), false))
}

func (m *model) prompt() string { return "/" + m.filterText() }

func (m *model) filterText() string {
	return string(message.AppendSafe(nil, []byte(m.filter.text), false))
}

// details are what there is no room for in a row.
func (m *model) details(row *terminal.Row) string {
	text := ""
	if row.History != nil {
		peak, mean := row.History.Peak()
		text = fmt.Sprintf("last minute: mean %s, peak %s msg/s   ", terminal.AppendRate(nil, mean), terminal.AppendRate(nil, peak))
	}
	return text + string(m.by.AppendName(nil, row))
}

// short are the keys that there is room for.
func (m *model) short() string {
	if !m.keyboard {
		return "no keys: standard input is no terminal, and the program has no other"
	}
	line, width := "", 0
	for _, k := range short {
		does := k[1]
		switch k[0] {
		case "Tab":
			does = "by " + m.by.Next(1).String()
		case "p":
			if m.paused {
				does = "go on"
			}
		}
		n := len(k[0]) + 1 + len(does)
		if width > 0 {
			n += 2
		}
		if width+n > m.width {
			break
		}
		if width > 0 {
			line += "  "
		}
		line += bold + k[0] + reset + " " + does
		width += n
	}
	return line
}

// help lists the keys.
func (m *model) help() (lines []string) {
	for _, k := range keys {
		if k.shown != "" {
			lines = append(lines, fmt.Sprintf("  "+bold+"%-16s"+reset+" %s", k.shown, k.does))
		}
	}
	return lines
}
