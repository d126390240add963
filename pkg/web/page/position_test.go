package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// search types into the search field, without going to it.
func search(tab *webdriver.Tab, words string) {
	tab.Run(nil, "const s = document.getElementById('search'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))", words)
}

// current waits until a line is the chosen one, in view and, if focused, has the focus.
func current(t *testing.T, tab *webdriver.Tab, text string, focused bool) {
	t.Helper()
	tab.Wait(fmt.Sprintf("%q is the current line", text), `const line = document.querySelector('.current'), log = document.getElementById('log').getBoundingClientRect();
		const { top, bottom } = line?.getBoundingClientRect() ?? {};
		return line?.querySelector('.message').textContent === arguments[0] && top >= log.top - 1 && bottom <= log.bottom + 1 && (!arguments[1] || document.activeElement === line)`, text, focused)
}

// TestPauseHoldsOnlyWhatIsNew looks around during a pause, at what came before it.
func TestPauseHoldsOnlyWhatIsNew(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(0, 6000, "line"))
	waitFor(t, tab, ".line:last-child", "line 5999")
	tab.Press("g")
	waitFor(t, tab, ".line:first-child", "line 0")
	tab.Press("p")
	r.send(events(6000, 3000, "line"))
	waitFor(t, tab, "#pause", "Resume (3,000 waiting)")
	waitFor(t, tab, "#jump", "3,000 new lines")
	tab.Wait("the end of what came before", `const log = document.getElementById('log');
		log.scrollTop = log.scrollHeight;
		return document.querySelector('.line:last-child').textContent.includes('line 5999')`)
	search(tab, "line 5")
	waitFor(t, tab, "#matches", "1,111")
	for _, want := range []string{"line 5999", "line 5", "line 50"} {
		tab.Press("n")
		current(t, tab, want, false)
	}
	search(tab, "line 8")
	waitFor(t, tab, "#matches", "111")
	tab.Press("n")
	current(t, tab, "line 80", false)
	tab.Press("p")
	waitFor(t, tab, "#matches", "1,111")
	tab.Press("N")
	tab.Press("N")
	current(t, tab, "line 8999", false)
}

// TestStepsBeyondTheRows goes with the keys to lines that are in memory, but not in the document.
func TestStepsBeyondTheRows(t *testing.T) {
	_, tab, r := open(t, "")
	var b strings.Builder
	for i := range 12_000 {
		severity := 14
		if i == 10 || i == 11_000 {
			severity = 11
		}
		b.WriteString(event(i, "t", fmt.Sprintf("<%d>line %d", severity, i)))
	}
	r.send(b.String())
	waitFor(t, tab, ".line:last-child", "line 11999")
	for _, c := range []struct{ key, line string }{{"E", "line 11000"}, {"E", "line 10"}, {"E", "line 10"}, {"e", "line 11000"}, {"k", "line 10999"}, {"e", "line 11000"}, {"e", "line 11000"}} {
		tab.Press(c.key)
		current(t, tab, c.line, true)
	}
	tab.Press("g")
	tab.Wait("as many rows as there may be", "return document.querySelectorAll('.line').length === 2000")
	tab.Run(nil, "document.querySelector('.line:last-child').click()")
	tab.Press("j")
	current(t, tab, "line 2000", true)
}

// TestFocusIsNotLost checks that the focus stays in the page's parts, whatever replaces what has it.
func TestFocusIsNotLost(t *testing.T) {
	_, tab, r := open(t, "")
	var b strings.Builder
	for i := range 9000 {
		b.WriteString(event(i, "t", fmt.Sprintf(`{"msg":"line %d","n":%d}`, i, i%2)))
	}
	r.send(b.String())
	waitFor(t, tab, ".line:last-child", "line 8999")
	search(tab, "line 77")
	waitFor(t, tab, "#matches", "111")
	tab.Press("k")
	current(t, tab, "line 8999", true)
	for _, c := range []struct{ key, line string }{{"n", "line 77"}, {"N", "line 7799"}, {"n", "line 77"}, {"n", "line 770"}, {"N", "line 77"}} {
		tab.Press(c.key)
		current(t, tab, c.line, true)
	}
	tab.Press(webdriver.Enter)
	tab.Press("f")
	tab.Press("g")
	tab.Press("n")
	tab.Press(webdriver.Enter)
	focus := func(selector string) { tab.Run(nil, "document.querySelector(arguments[0]).focus()", selector) }
	focused := func(what string) {
		t.Helper()
		tab.Wait("the focus is at "+what, "await new Promise((done) => requestAnimationFrame(() => setTimeout(done))); return document.activeElement.matches(arguments[0])", what)
	}
	tab.Wait("the details", "return document.getElementById('details').checkVisibility()")
	focus("#details-fields > div:last-child .column")
	tab.Press(webdriver.Enter)
	waitFor(t, tab, "#heading", "n")
	focused("#details-fields .column[aria-pressed=true]")
	focus("#details-fields > div:last-child .not")
	tab.Press(webdriver.Enter)
	waitFor(t, tab, "#chips", "not n")
	focus(".chip")
	tab.Press(webdriver.Enter)
	focused("#log, .chip, .line")
	tab.Run(nil, "document.querySelector('.line').click()")
	focus("#details-close")
	tab.Run(nil, "location.hash = 'exclude=line'")
	waitFor(t, tab, "#absence", "are hidden by")
	tab.Press(webdriver.Escape)
	focused("#log")
	focus("#show-all")
	tab.Press(webdriver.Enter)
	focused("#log")
}

// TestNewLinesAreCounted checks the number on the button, when another view is shown and when lines are forgotten.
func TestNewLinesAreCounted(t *testing.T) {
	_, tab, r := open(t, "")
	lines := func(from, n int) string {
		var b strings.Builder
		for i := from; i < from+n; i++ {
			b.WriteString(event(i, "t", fmt.Sprintf("<%d>line %d", 8+i%8, i)))
		}
		return b.String()
	}
	r.send(lines(0, 19_000))
	waitFor(t, tab, ".line:last-child", "line 18999")
	tab.Press("g")
	waitFor(t, tab, ".line:first-child", "line 0")
	r.send(lines(19_000, 8000) + "event: gap\ndata: {}\n\n")
	waitFor(t, tab, "#received", "27,000")
	waitFor(t, tab, "#jump", "8,000 new lines")
	tab.Run(nil, "location.hash = 'severity=error'")
	waitFor(t, tab, "#jump", "4,000 new lines")
}

// TestLinesAround goes to the lines around a line twice, and where a span is chosen.
func TestLinesAround(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(0, 3000, "line"))
	waitFor(t, tab, ".line:last-child", "line 2999")
	search(tab, "line 1234")
	tab.Press("n")
	tab.Press("a")
	current(t, tab, "line 1234", true)
	tab.Run(nil, "document.getElementById('log').scrollTop = 0")
	tab.Wait("it is out of view", "return document.querySelector('.current').getBoundingClientRect().top > innerHeight")
	tab.Press("a")
	current(t, tab, "line 1234", true)
	tab.Run(nil, "document.getElementById('chart').focus()")
	tab.Press("\ue012")
	waitFor(t, tab, "#held-text", "you chose a span of time")
	tab.Press("a")
	current(t, tab, "line 1234", true)
	waitFor(t, tab, "#lines", "line 1235")
}

// TestLargeLinesStayInView looks at lines that are large together, while others come.
func TestLargeLinesStayInView(t *testing.T) {
	_, tab, r := open(t, "")
	large := strings.Repeat("x", 4<<20)
	for i := range 3 {
		r.line(i, "t", fmt.Sprint("line ", i, " ", large))
	}
	waitFor(t, tab, ".line:last-child", "line 2")
	search(tab, "line 0")
	tab.Press("n")
	tab.Wait("the first one", "return document.querySelector('.current')?.textContent.includes('line 0')")
	for i := range 3 {
		r.line(3+i, "t", fmt.Sprint("line ", 3+i, " ", large))
	}
	waitFor(t, tab, "#received", "6")
	waitFor(t, tab, "#jump", "3 new lines")
	tab.Wait("still the first one", "return document.querySelector('.current')?.textContent.includes('line 0')")
	tab.Wait("the end", `const log = document.getElementById('log');
		log.scrollTop = log.scrollHeight;
		return document.querySelector('.line:last-child').textContent.includes('line 5')`)
}

// TestTracesOfOlderLines scrolls up to traces between whose lines are others.
func TestTracesOfOlderLines(t *testing.T) {
	_, tab, r := open(t, "")
	for round := range 5 { // slowly, lest the first rows are left out at once
		var b strings.Builder
		for i := range 1020 {
			trace := (round*1020+i)/34*17 + i%17
			b.WriteString(event(i, fmt.Sprint("t", i%17), fmt.Sprintf([]string{"head %d", "  at a(b) %d"}[i/17%2], trace)))
		}
		r.send(b.String())
		waitFor(t, tab, ".line:last-child", fmt.Sprint("head ", round*510+509))
		tab.Run(nil, "await new Promise((resolve) => setTimeout(resolve, 800))")
	}
	tab.Wait("the first one", "document.getElementById('log').scrollTop = 0; return document.querySelector('.line').textContent.includes('head 0')")
	var missing []int
	tab.Run(&missing, `const texts = Array.from(document.querySelectorAll('.line'), (e) => e.querySelector('.message').textContent + (e.querySelector('.more') ? ' folded' : ''));
		const heads = texts.filter((text) => text.startsWith('head'));
		return heads.slice(0, -1).map((text) => parseInt(text.slice(5))).filter((n) => !texts.includes('head ' + n + ' folded') && !texts.includes('  at a(b) ' + n))`)
	if len(missing) > 0 {
		t.Errorf("without their second lines: %v", missing)
	}
}

// TestHolesAreNoted checks that there is a note wherever lines are missing between two that are shown.
func TestHolesAreNoted(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(0, 3000, "line"))
	waitFor(t, tab, ".line:last-child", "line 2999")
	tab.Press("g")
	tab.Wait("as many rows as there may be", "return document.querySelectorAll('.line').length === 2000")
	r.send(events(3000, 30_000, "line"))
	waitFor(t, tab, "#received", "33,000")
	search(tab, "line 32")
	waitFor(t, tab, "#matches", "matches")
	tab.Press("N")
	waitFor(t, tab, ".current", "line 32")
	seen := map[string]bool{}
	for i := 0; !seen["line 13000"] || !seen["line 10"]; i++ {
		if i == 2000 {
			t.Fatalf("line 10: %v, line 13000: %v", seen["line 10"], seen["line 13000"])
		}
		var rows []string
		tab.Run(&rows, `const log = document.getElementById('log');
			const rows = Array.from(document.querySelectorAll('#lines > *'), (e) => (e.matches('.note') ? 'note' : e.querySelector('.message').textContent));
			log.scrollTop = 0;
			await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
			return rows`)
		inOrder(t, rows)
		for _, row := range rows {
			seen[row] = true
		}
		if t.Failed() {
			return
		}
	}
}

// inOrder checks that numbered lines follow each other, but for holes that have a note.
func inOrder(t *testing.T, rows []string) {
	t.Helper()
	before, noted := -1, false
	for _, row := range rows {
		var n int
		if row == "note" {
			noted = true
			continue
		}
		if _, err := fmt.Sscanf(row, "line %d", &n); before < 0 && err == nil {
			before, noted = n, false
			continue
		} else if err != nil || n <= before || (n != before+1) != noted {
			t.Errorf("%q after line %d, note: %v", row, before, noted)
		}
		before, noted = n, false
		if t.Failed() {
			return
		}
	}
}
