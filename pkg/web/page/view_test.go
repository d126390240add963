package page_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// open loads the page, and returns it with the answered request for its stream.
func open(t *testing.T, hash string) (*server, *webdriver.Tab, *reader) {
	t.Helper()
	s := newServer(t)
	tab := newTab(t)
	tab.Go(s.URL + "/" + hash)
	return s, tab, s.live()
}

func TestLinesInOrder(t *testing.T) {
	_, tab, r := open(t, "")
	if got := r.query.Encode(); got != "last=200" {
		t.Errorf("asks for %q", got)
	}
	if got := r.header.Get("Accept"); got != "text/event-stream" {
		t.Errorf("accepts %q", got)
	}
	if r.header.Get("Authorization") != "" || r.header.Get("Last-Event-ID") != "" {
		t.Errorf("sends %v", r.header)
	}
	waitFor(t, tab, "#state", "live")
	var want []string
	for i := range 100 {
		m := fmt.Sprintf("<%d>message %d äöü 😀", 8+i%8, i)
		want = append(want, fmt.Sprintf("message %d äöü 😀", i))
		e := event(i, "auth.info", m)
		r.send(e[:i%len(e)]) // cut anywhere, in the middle of characters, too
		r.send(e[i%len(e):])
	}
	waitFor(t, tab, ".line:last-child", "message 99")
	if got := messages(t, tab); !reflect.DeepEqual(got, want) {
		t.Errorf("shows %q", got)
	}
	var row []string
	tab.Run(&row, "return ['time', '.topic', '.severity'].map((s) => document.querySelector('.line:last-child > ' + s).textContent)")
	if row[1] != "auth.info" || row[2] != "error" || len(row[0]) != len("12:34:56.789") {
		t.Errorf("the last line has %q", row)
	}
	waitFor(t, tab, "#received", "100")
	var atEnd bool
	tab.Run(&atEnd, "const log = document.querySelector('#log'); return log.scrollTop > 0 && log.scrollHeight - log.scrollTop - log.clientHeight < 2")
	if !atEnd {
		t.Error("does not follow the end")
	}
}

func TestNoTopicBinaryAndFrames(t *testing.T) {
	_, tab, r := open(t, "")
	r.send("data: {\"message\":\"plain\",\"received\":\"2026-05-04T10:00:00.123456Z\"}\n\n")
	r.send("data: {\"topic_base64\":\"/w==\",\"message_base64\":\"w6TDKA==\",\"frames\":[\"one\",\"two\"],\"received\":\"x\"}\n\n")
	waitFor(t, tab, ".line:nth-child(2)", "[one] [two]")
	var got []string
	tab.Run(&got, "return Array.from(document.querySelectorAll('.line'), (e) => e.textContent.replace(/^[0-9-]{2}:.{9}|^05-0[345] [0-9:]{5}/, ''))")
	if want := []string{"   plain", "  <0xFF> [one] [two] ä<0xC3>("}; !reflect.DeepEqual(got, want) {
		t.Errorf("shows %q, want %q", got, want)
	}
}

func TestTopicFilter(t *testing.T) {
	s, tab, r := open(t, "")
	r.line(1, "auth.info", "before")
	waitFor(t, tab, "#lines", "before")
	tab.Type("#topics", "auth. mail.err"+webdriver.Enter)
	r2 := s.live()
	if got := r2.query; !reflect.DeepEqual(got["topic"], []string{"auth.", "mail.err"}) || got.Has("grep") || got.Get("last") != "200" {
		t.Errorf("asks for %v", got)
	}
	if r2.header.Get("Last-Event-ID") != "" {
		t.Error("sends the ID of an event of another view")
	}
	<-r.gone
	r2.line(2, "mail.err", "after")
	waitFor(t, tab, "#lines", "after")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"after"}) {
		t.Errorf("shows %q", got)
	}
	var hash string
	tab.Run(&hash, "return location.hash")
	if hash != "#topic=auth.&topic=mail.err" {
		t.Errorf("the address has %q", hash)
	}
	tab.Run(nil, "history.back()")
	if got := s.live().query.Encode(); got != "last=200" {
		t.Errorf("after going back it asks for %q", got)
	}
}

func TestLinkToAView(t *testing.T) {
	_, tab, r := open(t, "#topic=auth.&topic=mail.&grep=a%2Bb&severity=warning&wrap=off")
	if got := r.query.Encode(); got != "grep=a%2Bb&last=200&topic=auth.&topic=mail." {
		t.Errorf("asks for %q", got)
	}
	r.send(event(1, "auth.", "<15>debug") + event(2, "auth.", "<12>warn") + event(3, "auth.", "none") + event(4, "auth.", "<8>emerg"))
	waitFor(t, tab, "#lines", "emerg")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"warn", "emerg"}) {
		t.Errorf("shows %q", got)
	}
	var fields []any
	tab.Run(&fields, "return [...['topics', 'grep', 'severity'].map((id) => document.getElementById(id).value), document.getElementById('wrap').ariaPressed]")
	if want := []any{"auth. mail.", "a+b", "warning", "false"}; !reflect.DeepEqual(fields, want) {
		t.Errorf("the fields have %q", fields)
	}
	waitFor(t, tab, "#hidden", "2")
	tab.Run(nil, "const s = document.getElementById('severity'); s.value = ''; s.dispatchEvent(new Event('change'))")
	waitFor(t, tab, "#lines", "none")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"debug", "warn", "none", "emerg"}) {
		t.Errorf("with all severities it shows %q", got)
	}
	tab.Run(nil, "const s = document.getElementById('severity'); s.value = 'error'; s.dispatchEvent(new Event('change'))")
	tab.Wait("only the emergency", "return document.querySelectorAll('.line').length === 1")
}

func TestWrongRegularExpression(t *testing.T) {
	s, tab, before := open(t, "")
	before.line(1, "", "before")
	waitFor(t, tab, "#lines", "before")
	tab.Type("#grep", "a("+webdriver.Enter)
	r := s.next()
	if got := r.query.Get("grep"); got != "a(" {
		t.Errorf("asks for %q", got)
	}
	r.answer(http.StatusBadRequest, "grep: missing closing ): `a(`")
	waitFor(t, tab, "#grep-error", "grep: missing closing ): `a(`")
	var field []any
	tab.Run(&field, "const g = document.getElementById('grep'), e = document.getElementById('grep-error'); return [g.ariaInvalid, e.checkVisibility(), g.getAttribute('aria-describedby')]")
	if want := []any{"true", true, "grep-error"}; !reflect.DeepEqual(field, want) {
		t.Errorf("the field says %v, want %v", field, want)
	}
	before.line(2, "", "and on")
	waitFor(t, tab, "#lines", "and on")
	waitFor(t, tab, "#grep-error", "the lines are still those of the filter before")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"before", "and on"}) || text(t, tab, "#state-text") != "live" {
		t.Errorf("shows %q, and is %q", got, text(t, tab, "#state-text"))
	}
	tab.Type("#grep", "b)"+webdriver.Enter)
	if got := s.live().query.Get("grep"); got != "a(b)" {
		t.Errorf("asks for %q", got)
	}
	tab.Wait("the error has gone", "return !document.getElementById('grep-error').checkVisibility()")
}

func TestSearch(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(event(1, "a.b", "one Needle") + event(2, "needle.topic", "nee\u200bdle, needle.needle") + event(3, "c", "hay") + event(4, "c", "İ (needle)"))
	waitFor(t, tab, "#lines", "(needle)")
	tab.Press("/")
	tab.Type("#search", "needle")
	waitFor(t, tab, "#matches", "3 matches")
	marks := "return Array.from(document.querySelectorAll('mark'), (e) => e.textContent + (e.closest('.current') ? '!' : '')).join(' ')"
	for _, c := range []struct{ keys, marks, matches string }{
		{webdriver.Enter, "Needle needle needle needle needle!", "3 of 3"},
		{webdriver.Enter, "Needle! needle needle needle needle", "1 of 3"},
		{webdriver.Enter, "Needle needle! needle! needle! needle", "2 of 3"},
		{webdriver.Shift + webdriver.Enter, "Needle! needle needle needle needle", "1 of 3"},
	} {
		tab.Type("#search", c.keys)
		var got string
		if tab.Run(&got, marks); got != c.marks || text(t, tab, "#matches") != c.matches {
			t.Errorf("marks %q, %q; want %q, %q", got, text(t, tab, "#matches"), c.marks, c.matches)
		}
	}
	tab.Click("#next")
	waitFor(t, tab, "#matches", "2 of 3")
	r.line(5, "", "a late needle")
	waitFor(t, tab, "#matches", "2 of 4") // which may be so before the next frame shows the line
	waitFor(t, tab, "#lines", "a late needle")
	if got := strings.Join(messages(t, tab), "|"); got != "one Needle|nee<U+200B>dle, needle.needle|hay|İ (needle)|a late needle" {
		t.Errorf("the text has become %q", got)
	}
	tab.Type("#search", webdriver.Escape)
	tab.Wait("no mark", "return document.querySelectorAll('mark').length === 0 && document.getElementById('search').value === ''")
	tab.Type("#search", "(n.") // taken as it is, not as a regular expression
	waitFor(t, tab, "#matches", "0 matches")
	tab.Type("#search", webdriver.Escape)
	tab.Wait("the field is left", "return document.activeElement.id !== 'search' && document.getElementById('search').value === ''")
	tab.Type("#search", "<U+200B>d")
	waitFor(t, tab, "mark", "<U+200B>d")
}

func TestPauseAndResume(t *testing.T) {
	_, tab, r := open(t, "")
	r.line(1, "", "before")
	waitFor(t, tab, "#lines", "before")
	tab.Press("p")
	waitFor(t, tab, "#pause", "Resume (0 waiting)")
	r.send(events(1, 1000, "held"))
	waitFor(t, tab, "#pause", "Resume (1,000 waiting)")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"before"}) {
		t.Errorf("while paused it shows %d lines", len(got))
	}
	tab.Press(" ")
	waitFor(t, tab, "#lines", "held 1000")
	if got := messages(t, tab); len(got) != 1001 || got[1] != "held 1" {
		t.Errorf("after the pause it shows %d lines", len(got))
	}
	waitFor(t, tab, "#pause", "Pause")
	tab.Type("#search", "p /") // which are shortcuts outside the fields
	var value string
	if tab.Run(&value, "return document.getElementById('search').value"); value != "p /" || text(t, tab, "#pause") != "Pause" {
		t.Errorf("the field has %q, the button says %q", value, text(t, tab, "#pause"))
	}
}

func TestPauseTooLong(t *testing.T) {
	_, tab, r := open(t, "")
	waitFor(t, tab, "#state", "live")
	tab.Click("#pause")
	waitFor(t, tab, "#pause", "Resume")
	r.send(events(1, 26_000, "held"))
	waitFor(t, tab, "#skipped", "6,000")
	waitFor(t, tab, "#pause", "Resume (20,000 waiting)")
	tab.Click("#pause")
	tab.Wait("the first ones are there", "return document.getElementById('lines').children.length === 2000")
	if note, got := text(t, tab, "#lines > :first-child"), messages(t, tab)[0]; note != "6,000 lines not shown: too many came meanwhile to hold them all" || got != "held 6001" {
		t.Errorf("shows %q and %q", note, got)
	}
	waitFor(t, tab, "#jump", "new lines")
	tab.Run(nil, `const log = document.getElementById('log');
		for (let i = 0; i < 2000 && !document.getElementById('lines').textContent.includes('held 26000'); i++) {
			log.scrollTop = log.scrollHeight;
			await new Promise((resolve) => requestAnimationFrame(resolve));
		}`)
	waitFor(t, tab, "#lines", "held 26000")
	r.line(26_001, "", "live again")
	waitFor(t, tab, "#lines", "live again")
}

// atTheEnd is whether the page shows its last line and follows.
const atTheEnd = `const log = document.getElementById('log');
	return log.scrollHeight - log.scrollTop - log.clientHeight < 2 && !document.getElementById('jump').checkVisibility()`

func TestScrolledUp(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(1, 1600, "line"))
	waitFor(t, tab, "#lines", "line 1600")
	tab.Wait("at the end", atTheEnd)
	tab.Run(nil, "document.getElementById('log').scrollTop = 0")
	waitFor(t, tab, ".line:first-child", "line 1") // from memory
	const inView = `const log = document.getElementById('log'), at = log.getBoundingClientRect().top + 40;
		return document.elementFromPoint(log.getBoundingClientRect().left + 300, at).closest('.line').textContent`
	var before, after string
	tab.Run(&before, inView)
	r.send(events(1601, 900, "line"))
	waitFor(t, tab, "#jump", "900 new lines ↓")
	waitFor(t, tab, "#held-text", "Not following: you scrolled.")
	if tab.Run(&after, inView); after != before {
		t.Errorf("the view has moved from %q to %q", before, after)
	}
	tab.Click("#jump")
	waitFor(t, tab, ".line:last-child", "line 2500")
	tab.Wait("at the end", atTheEnd)
	r.line(2501, "", "followed")
	waitFor(t, tab, ".line:last-child", "followed")
}

func TestClear(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(1, 10, "old"))
	waitFor(t, tab, "#lines", "old 10")
	tab.Click("#clear")
	tab.Wait("no line", "return document.querySelectorAll('.line').length === 0 && document.getElementById('empty').checkVisibility()")
	r.line(11, "", "new")
	waitFor(t, tab, "#lines", "new")
	waitFor(t, tab, "#received", "1")
}

func TestLongLine(t *testing.T) {
	_, tab, r := open(t, "")
	r.line(1, "", strings.Repeat("ä", 4096)+strings.Repeat("x", 12345)+"end")
	waitFor(t, tab, ".more", "… 12,348 more bytes")
	if got := messages(t, tab)[0]; got != strings.Repeat("ä", 4096) {
		t.Errorf("shows %d bytes at first", len(got))
	}
	tab.Click(".more")
	waitFor(t, tab, ".message", "xend")
	if got := text(t, tab, ".more"); got != "show less" {
		t.Errorf("the button says %q", got)
	}
	tab.Click(".more")
	waitFor(t, tab, ".more", "more bytes")
}

// TestSearchInMemory searches among lines of which few are in the document.
func TestSearchInMemory(t *testing.T) {
	_, tab, r := open(t, "")
	for i := 0; i < 15_000; i += 500 {
		r.send(events(i, 500, "line"))
	}
	waitFor(t, tab, "#received", "15,000")
	waitFor(t, tab, ".line:last-child", "line 14999")
	tab.Press("/")
	tab.Type("#search", "line 77")
	waitFor(t, tab, "#matches", "111 matches") // 77, 770 to 779, 7700 to 7799
	current := "#lines > .current"
	for _, c := range []struct{ keys, line, matches string }{
		{webdriver.Enter, "line 7799", "111 of 111"},
		{webdriver.Enter, "line 77", "1 of 111"},
		{webdriver.Enter, "line 770", "2 of 111"},
		{webdriver.Shift + webdriver.Enter, "line 77", "1 of 111"},
		{webdriver.Shift + webdriver.Enter, "line 7799", "111 of 111"},
	} {
		tab.Type("#search", c.keys)
		waitFor(t, tab, "#matches", c.matches)
		if got := text(t, tab, current+" > .message"); got != c.line {
			t.Errorf("at %s it shows %q, want %q", c.matches, got, c.line)
		}
		tab.Wait("it is in view", `const line = document.querySelector('#lines > .current').getBoundingClientRect(), log = document.getElementById('log').getBoundingClientRect();
			return line.top >= log.top && line.bottom <= log.bottom && document.activeElement.id === 'search'`)
	}
	waitFor(t, tab, "#held-text", "Not following: you searched.")
}

// TestTurned turns a phone while lines arrive: nobody has scrolled.
func TestTurned(t *testing.T) {
	_, tab, r := open(t, "")
	n := 0
	for _, size := range [][2]int{{1280, 760}, {390, 844}, {844, 390}, {700, 500}, {1280, 760}, {390, 844}} {
		tab.SetSize(size[0], size[1], 1, size[0] < 1000)
		for range 5 {
			for range 20 {
				n++
				r.line(n, "t", rfc5424(14, "host", "program", fmt.Sprintf("line %d %s", n, strings.Repeat("word ", n%40))))
			}
			waitFor(t, tab, ".line:last-child", fmt.Sprintf("line %d ", n))
		}
		tab.Wait(fmt.Sprint("at the end at ", size), atTheEnd)
	}
}
