package top

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

const (
	byRate  = terminal.ByRate
	byBytes = terminal.ByBytes
	byTotal = terminal.ByTotal
	byName  = terminal.ByName
)

// model is the screen's state. Only bubbletea's event loop uses it.
type model struct {
	source        Source
	out           *output
	keyboard      bool
	color, plain  bool // plain: without block elements
	width, height int

	by     terminal.By
	order  terminal.Order
	filter filter
	sample Sample
	paused bool
	shown  []*terminal.Row // the sample's rows that the filter lets through, in order
	first  int             // the first of them on the screen

	selected  bool
	selection identity
	place     int // of the selected row in shown; -1: the filter hides it
	near      int // the last place that it had

	filtering, helping bool
	// What a key asks bubbletea for.
	quitting, redraw, suspended bool

	scratch []byte
}

// identity is what remains of a row that is forgotten and comes back.
type identity struct {
	key  string
	rest bool
}

func identify(row *terminal.Row) identity { return identity{row.Key, row.Rest} }

func newModel(cfg Config, out *output) *model {
	m := &model{source: cfg.Source, out: out, keyboard: cfg.In != nil, color: cfg.Color, by: cfg.By,
		width: terminal.DefaultWidth, height: terminal.DefaultHeight}
	m.plain = slices.Contains(cfg.Environ, "TERM=linux") // the console's font lacks most of the block elements
	return m
}

type tick time.Time

func next() tea.Cmd { return tea.Tick(refresh, func(t time.Time) tea.Msg { return tick(t) }) }

// Init is called at the start.
func (m *model) Init() tea.Cmd {
	m.update(time.Now())
	return next()
}

// Update is called for each event.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tick:
		m.update(time.Time(msg))
		switch {
		case m.out.hungUp():
			return m, tea.Quit
		case m.out.resumed():
			return m, tea.Batch(next(), tea.ClearScreen)
		}
		return m, next()
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.scroll()
	case tea.PasteMsg:
		if m.filtering {
			m.setFilter(typed(m.filter.text, msg.Content))
		}
	case tea.KeyPressMsg:
		return m, m.press(msg)
	}
	return m, nil
}

// press does what a key asks for.
func (m *model) press(k tea.KeyPressMsg) tea.Cmd {
	switch name := k.String(); {
	case m.helping && name != "ctrl+c" && name != "ctrl+z":
		m.helping = false
	case m.filtering && m.edit(name, k.Text):
	default:
		pressed(name)(m)
	}
	quitting, redraw, suspended := m.quitting, m.redraw, m.suspended
	m.redraw, m.suspended = false, false
	switch {
	case quitting:
		return tea.Quit
	case redraw:
		return tea.ClearScreen
	case suspended:
		return tea.Exec(suspension{}, nil)
	}
	return nil
}

// edit changes the filter. It reports whether the key was for that.
func (m *model) edit(name, text string) bool {
	switch name {
	case "enter":
		m.filtering = false
		m.arrange(false)
	case "esc":
		m.filtering = false
		m.setFilter("")
	case "backspace", "ctrl+h":
		m.setFilter(shorter(m.filter.text))
	case "ctrl+u":
		m.setFilter("")
	case "ctrl+w":
		m.setFilter(withoutWord(m.filter.text))
	default:
		if text == "" {
			return name != "ctrl+c" && name != "ctrl+z" && name != "ctrl+l" && !isMove(name)
		}
		m.setFilter(typed(m.filter.text, text))
	}
	return true
}

func isMove(name string) bool {
	return slices.Contains([]string{"up", "down", "pgup", "pgdown", "home", "end"}, name)
}

// update takes a sample.
func (m *model) update(now time.Time) {
	sample := m.source.Update(now)
	if !m.paused {
		m.sample = sample
		m.arrange(false)
	}
}

// arrange filters and sorts the sample's rows, and finds the selected one.
func (m *model) arrange(anew bool) {
	clear(m.shown)
	m.shown = m.shown[:0]
	m.order.Sort(m.sample.Rows, anew)
	for _, row := range m.sample.Rows {
		if m.filter.pattern != nil {
			m.scratch = m.by.AppendName(m.scratch[:0], row)
		}
		if m.filter.match(m.scratch) {
			m.shown = append(m.shown, row)
		}
	}
	if m.selected {
		m.find()
	}
	m.scroll()
}

// find finds the place of the selected row. If it is gone, the one that is now in its place is selected; but while a
// filter is typed, it may come back.
func (m *model) find() {
	place := slices.IndexFunc(m.shown, func(row *terminal.Row) bool { return identify(row) == m.selection })
	switch {
	case place >= 0:
		m.place, m.near = place, place
	case m.filtering:
		m.place = -1
	default:
		m.choose(m.near)
	}
}

// choose selects a row by its place, or the nearest.
func (m *model) choose(place int) {
	m.selected = len(m.shown) > 0
	if m.selected {
		m.place = min(max(place, 0), len(m.shown)-1)
		m.near, m.selection = m.place, identify(m.shown[m.place])
	}
}

// marked reports whether there is a selected row in shown.
func (m *model) marked() bool { return m.selected && m.place >= 0 }

// move moves the selection. Without one, it selects the first row or the last.
func (m *model) move(rows int) {
	switch {
	case m.marked():
		m.choose(m.place + rows)
	case rows > 1:
		m.choose(rows - 1)
	case rows > 0:
		m.choose(m.first)
	default:
		m.choose(m.first + max(0, min(m.body(), len(m.shown))-1) + min(0, rows+1))
	}
	m.scroll()
}

// scroll brings the selected row onto the screen; without one, the first row.
func (m *model) scroll() {
	if !m.marked() {
		m.first = 0
		return
	}
	m.first = min(max(m.first, m.place-m.body()+1), m.place, max(0, len(m.shown)-m.body()))
	m.first = max(m.first, 0)
}

func (m *model) setFilter(text string) {
	m.filter = newFilter(text)
	m.arrange(false)
}

func (m *model) quit() { m.quitting = true }

func (m *model) clear() {
	if m.filter.text != "" {
		m.setFilter("")
		return
	}
	m.selected = false
	m.scroll()
}

// pause freezes the sample or goes on with the present one.
func (m *model) pause() {
	if m.paused = !m.paused; m.paused {
		m.sample = m.sample.clone()
		m.arrange(false)
		return
	}
	m.update(time.Now())
}

func sortBy(column terminal.Column) func(*model) {
	return func(m *model) { m.sort(column, false) }
}

func (m *model) sort(column terminal.Column, reverse bool) {
	m.order = terminal.Order{By: column, Reverse: reverse}
	m.arrange(true)
}

// sortNext sorts by a column beside the present one.
func (m *model) sortNext(n int) {
	m.sort((m.order.By+terminal.Column(n)+terminal.Columns)%terminal.Columns, false)
}

// divide counts by another field.
func (m *model) divide(n int) {
	m.by = m.by.Next(n)
	m.source.Divide(m.by)
	m.paused, m.selected = false, false
	m.filter = filter{}
	m.update(time.Now())
	m.arrange(true)
}

// clone copies the sample with its rows.
func (s Sample) clone() Sample {
	s.All = s.All.Clone()
	s.Rows = slices.Clone(s.Rows)
	for i, row := range s.Rows {
		s.Rows[i] = row.Clone()
	}
	return s
}
