package top

// key is what some keys do.
type key struct {
	names []string // bubbletea's
	shown string   // in the help; empty: the key before says it
	does  string   // in the help
	do    func(*model)
}

// keys are all keys while no filter is typed, as the help lists them.
var keys = []key{
	{[]string{"q", "ctrl+c", "f10"}, "q, F10, Ctrl-C", "quit", (*model).quit},
	{[]string{"r", "M"}, "r", "sort by messages per second", sortBy(byRate)},
	{[]string{"b", "B"}, "b", "sort by bytes per second", sortBy(byBytes)},
	{[]string{"t", "T"}, "t", "sort by the total", sortBy(byTotal)},
	{[]string{"n", "N"}, "n", "sort by name", sortBy(byName)},
	{[]string{"<"}, "<", "sort by the column to the left", func(m *model) { m.sortNext(-1) }},
	{[]string{">", "f6"}, ">, F6", "sort by the column to the right", func(m *model) { m.sortNext(1) }},
	{[]string{"R", "I"}, "R", "turn the order round", func(m *model) { m.sort(m.order.By, !m.order.Reverse) }},
	{[]string{"tab"}, "Tab, Shift-Tab", "count by topic, host, program, severity; and back", func(m *model) { m.divide(1) }},
	{[]string{"shift+tab"}, "", "", func(m *model) { m.divide(-1) }},
	{[]string{"/", "\\", "f3", "f4"}, "/, F4", "filter: text or regular expression; Enter keeps, Esc clears", func(m *model) { m.filtering = true }},
	{[]string{"esc"}, "Esc", "clear the filter, then the selection", (*model).clear},
	{[]string{"space", "p"}, "space, p", "freeze the screen, while counting goes on", (*model).pause},
	{[]string{"down", "j"}, "down, up, j, k", "select a row; the selection stays with it", func(m *model) { m.move(1) }},
	{[]string{"up", "k"}, "", "", func(m *model) { m.move(-1) }},
	{[]string{"pgdown", "ctrl+f"}, "PgDn, PgUp", "a page down, a page up", func(m *model) { m.move(m.body()) }},
	{[]string{"pgup", "ctrl+b"}, "", "", func(m *model) { m.move(-m.body()) }},
	{[]string{"home", "g"}, "Home, End, g, G", "the first row, the last row", func(m *model) { m.move(-len(m.shown)) }},
	{[]string{"end", "G"}, "", "", func(m *model) { m.move(len(m.shown)) }},
	{[]string{"ctrl+l"}, "Ctrl-L", "draw the screen anew", func(m *model) { m.redraw = true }},
	{[]string{"ctrl+z"}, "Ctrl-Z", "stop, until the shell's fg", func(m *model) { m.suspended = true }},
	{[]string{"?", "h", "f1"}, "?, h, F1", "this help; any key leaves it", func(m *model) { m.helping = true }},
}

// short are the keys of the last line, the more important ones first.
var short = [][2]string{{"q", "quit"}, {"?", "help"}, {"/", "filter"}, {"p", "pause"}, {"Tab", ""},
	{"r", "rate"}, {"b", "bytes"}, {"t", "total"}, {"n", "name"}}

// pressed returns the key with a name.
func pressed(name string) func(*model) {
	for _, k := range keys {
		for _, n := range k.names {
			if n == name {
				return k.do
			}
		}
	}
	return func(*model) {}
}
