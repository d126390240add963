package page_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// status returns the event of a status of the publishers.
func status(up bool, endpoints ...string) string {
	return fmt.Sprintf("event: status\ndata: {\"up\":%v,\"since\":\"2026-05-04T10:00:00.000000Z\",\"publishers\":1,\"endpoints\":[%s]}\n\n", up, strings.Join(endpoints, ","))
}

const (
	upEndpoint   = `{"endpoint":"tcp://h1:1","bound":false,"up":true,"since":"2026-05-04T10:00:00Z"}`
	downEndpoint = `{"endpoint":"tcp://h2:1","bound":false,"up":false,"since":"2026-05-04T10:00:01Z","reason":"connection refused"}`
	ownEndpoint  = `{"endpoint":"tcp://*:1","bound":true,"up":false,"since":"2026-05-04T10:00:02Z"}`
)

// TestStates checks that the page says what is so: whether the server is there, and publishers, and lines.
func TestStates(t *testing.T) {
	s, tab, r := open(t, "#time=utc")
	waitFor(t, tab, "#absence", "Nothing has been published since then.")
	r.send("retry: 100\n\n" + status(false, downEndpoint, ownEndpoint))
	waitFor(t, tab, "#state", "no publisher since 10:00:00: tcp://h2:1: connection refused since 10:00:01; tcp://*:1: nobody has connected to it since 10:00:02")
	waitFor(t, tab, "#absence", "There is no publisher since 10:00:00")
	r.send(status(true, upEndpoint, downEndpoint, ownEndpoint))
	waitFor(t, tab, "#state", "live, 1 publisher away: tcp://h2:1: connection refused since 10:00:01")
	for _, wrong := range []string{"{", "null", "{}", `{"up":1}`, `{"up":true,"endpoints":1}`} {
		r.send("event: status\ndata: " + wrong + "\n\n")
	}
	waitFor(t, tab, "#unreadable", "5")
	r.send(status(true, upEndpoint) + event(1, "", "a line"))
	waitFor(t, tab, "#lines", "a line")
	tab.Wait("live", "return document.getElementById('state-text').textContent === 'live'")
	tab.Click("#pause")
	waitFor(t, tab, "#state", "paused, live")
	tab.Click("#pause")
	tab.Wait("live", "return document.getElementById('state-text').textContent === 'live'")
	r.end()
	waitFor(t, tab, "#state", ": the server ended the connection, reconnecting in")
	since := text(t, tab, "#state-text")[:len("away since 17:03:18")]
	s.next().answer(http.StatusServiceUnavailable, "too many readers")
	waitFor(t, tab, "#state", since+": too many readers") // it is away since the same moment
	s.live()
	waitFor(t, tab, "#state", "live")
}

// TestNothingMatches checks that the page says which topics there are, if a filter lets nothing through.
func TestNothingMatches(t *testing.T) {
	s, tab, _ := open(t, "#topic=ssh/&grep=x&time=utc")
	waitFor(t, tab, "#absence", "No message with a topic that begins with “ssh/” and a text that matches “x” since")
	select {
	case sample := <-s.samples:
		if got := sample.query.Encode(); got != "last=1000" {
			t.Errorf("asks for %q", got)
		}
		sample.answer(http.StatusOK, "")
		sample.send(event(1, "sshd/web1/", "") + event(2, "cron/", "") + event(3, "sshd/web1/", ""))
		waitFor(t, tab, "#absence", "There are messages of sshd/web1/, cron/.")
		<-sample.gone
	case r := <-s.readers:
		t.Fatalf("asks for %q", r.query.Encode())
	}
}

// TestFollowing checks that the page stops following when the reader looks at something, and says so.
func TestFollowing(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(1, 100, "line"))
	waitFor(t, tab, "#lines", "line 100")
	tab.Wait("at the end", atTheEnd)
	n := 100
	for _, c := range []struct{ how, run, why string }{
		{"selects", "getSelection().selectAllChildren(document.querySelector('.line:last-child > .message'))", "you selected text"},
		{"searches", "getSelection().removeAllRanges(); const s = document.getElementById('search'); s.value = 'line 9'; s.dispatchEvent(new Event('input')); document.getElementById('next').click()", "you searched"},
		{"scrolls", "document.getElementById('log').scrollTop -= 300", "you scrolled"},
		{"opens a line", "document.querySelector('.line:last-child').click()", "you opened a line"},
	} {
		tab.Run(nil, c.run)
		waitFor(t, tab, "#held-text", "Not following: "+c.why+".")
		r.send(events(n+1, 50, "line"))
		waitFor(t, tab, "#jump", "50 new lines ↓")
		tab.Wait("who "+c.how+" is not taken to the end", "const l = document.getElementById('log'); return l.scrollHeight - l.scrollTop - l.clientHeight > 300")
		n += 50
		tab.Click("#jump")
		tab.Wait("at the end", atTheEnd)
		waitFor(t, tab, ".line:last-child", fmt.Sprint("line ", n))
	}
}

// TestOlderLines checks that lines come from memory when the reader scrolls up to the first one.
func TestOlderLines(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(1, 9000, "line"))
	waitFor(t, tab, ".line:last-child", "line 9000")
	tab.Wait("the first one", `const log = document.getElementById('log');
		log.scrollTop = 0;
		return document.querySelector('.line > .message').textContent === 'line 1'`)
	got := messages(t, tab)
	for i, m := range got {
		if want := fmt.Sprint("line ", i+1); m != want {
			t.Fatalf("%q in place of %q", m, want)
		}
	}
	if len(got) > 2000 {
		t.Errorf("there are %d lines in the document", len(got))
	}
	tab.Wait("the last one", `const log = document.getElementById('log');
		log.scrollTop = log.scrollHeight;
		return document.querySelector('.line:last-child > .message').textContent === 'line 9000'`)
}

// TestKeys presses every key of the list that ? shows.
func TestKeys(t *testing.T) {
	_, tab, r := open(t, "")
	tab.Run(nil, "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.__copied = text; } } }); window.__saved = []; HTMLAnchorElement.prototype.click = function () { window.__saved.push(this.download); }")
	for i := range 100 {
		r.line(i, "t", fmt.Sprintf("<%d>line %d\nmore", 11+i%4, i))
	}
	waitFor(t, tab, ".line:last-child", "line 99")
	pressed := func(id string) string { return "(document.getElementById('" + id + "').ariaPressed === 'true')" }
	focused := func(id string) string { return "document.activeElement.id === '" + id + "'" }
	open := func(id string) string { return "document.getElementById('" + id + "').checkVisibility()" }
	current := func(n int) string {
		return fmt.Sprintf("document.querySelector('.current')?.textContent.includes('line %d +')", n)
	}
	const blur = "document.activeElement.blur()"
	var side string
	if side = open("side"); js(tab, side) == "true" {
		side = "!" + side
	}
	seen := map[string]bool{}
	for _, c := range []struct{ key, then, after string }{
		{"k", current(99), ""}, {"k", current(98), ""}, {"j", current(99), ""}, {"E", current(96), ""}, {"E", current(92), ""}, {"e", current(96), ""},
		{"o", "document.querySelector('.current .message').textContent.endsWith('more')", ""},
		{"y", "window.__copied === '<11>line 96\\nmore'", ""}, {"Y", "window.__copied.startsWith('{')", ""}, {"l", "window.__copied.endsWith('line=96')", ""},
		{"a", "location.hash.includes('line=96') && " + open("details"), ""}, {webdriver.Escape, "!" + open("details"), ""},
		{webdriver.Enter, open("details"), ""}, {webdriver.Escape, "!" + open("details"), ""},
		{"g", "document.getElementById('log').scrollTop === 0", ""}, {"f", atTheEndExpression, ""}, {"g", "document.getElementById('log').scrollTop === 0", ""}, {"G", atTheEndExpression, ""},
		{"/", focused("search"), "const s = document.getElementById('search'); s.value = 'line 1'; s.dispatchEvent(new Event('input')); s.blur()"},
		{"n", "document.getElementById('matches').textContent.startsWith('11 of 11')", ""}, {"N", "document.getElementById('matches').textContent.startsWith('10 of 11')", ""},
		{"h", pressed("hide"), ""}, {"h", "!" + pressed("hide"), ""}, {"r", pressed("expression"), ""},
		{"x", focused("exclude"), blur}, {"p", "document.getElementById('pause').textContent.startsWith('Resume')", ""}, {" ", "document.getElementById('pause').textContent === 'Pause'", ""},
		{"w", "!" + pressed("wrap"), ""}, {"u", pressed("utc"), ""}, {"s", "!" + pressed("group"), ""}, {"t", side, ""}, {"z", "document.getElementById('range').textContent === '10 min'", ""},
		{"c", "document.getElementById('columns-dialog').open", "document.getElementById('columns-close').click()"},
		{"d", "window.__saved.at(-1)?.endsWith('.log')", ""}, {"D", "window.__saved.at(-1).endsWith('.ndjson')", ""},
		{"?", "document.getElementById('help').open && document.getElementById('help').scrollTop === 0 && document.getElementById('help-keys').textContent.includes('Previous match')", "document.getElementById('help-close').click()"},
	} {
		tab.Press(c.key)
		what := fmt.Sprintf("%q: %s, after %d keys", c.key, c.then, len(seen))
		tab.Wait(what, "return "+c.then)
		if c.after != "" {
			tab.Run(nil, c.after)
			tab.Wait("no dialog", "return document.querySelector('dialog[open]') === null")
		}
		seen[map[string]string{webdriver.Enter: "Enter", webdriver.Escape: "Escape"}[c.key]] = true
		seen[c.key] = true
	}
	var keys []string
	tab.Run(&keys, "return (await import('/keys.js')).KEYS.flatMap(([keys]) => keys)")
	keys = slices.DeleteFunc(keys, func(key string) bool { return seen[key] })
	if len(keys) > 0 {
		t.Errorf("not tested: %q", keys)
	}
}

const atTheEndExpression = "(() => { " + atTheEnd + "})()"
