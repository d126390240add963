package page_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

func TestMissedGapAndUnreadable(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(event(1, "", "first"))
	r.send("event: missed\ndata: {\"count\":1234,\"total\":5678}\n\n")
	r.send(event(2, "", "second"))
	r.send("event: gap\ndata: {\"publisher\":\"tcp://<b>x</b>:1\",\"count\":1,\"reason\":\"too slow\\u202e\"}\n\n")
	r.send("event: gap\ndata: {\"publisher\":\"tcp://h:1\",\"reason\":\"connection lost\"}\n\n")
	for _, wrong := range []string{"{", "null", "[]", `{"received":"x"}`, `{"message":1}`, `{"message_base64":"*"}`} {
		r.send("data: " + wrong + "\n\n")
	}
	r.send("event: missed\ndata: {\"count\":-1}\n\nevent: other\ndata: ignored\n\n: heartbeat\n\n")
	r.send(event(3, "", "third"))
	waitFor(t, tab, "#lines", "third")
	var got []string
	tab.Run(&got, "return Array.from(document.querySelectorAll('#lines > *'), (e) => e.className.split(' ').pop() + ' ' + e.querySelector('.message').textContent)")
	want := []string{
		"line first", "missed 1,234 messages lost: this reader was too slow, or away for too long",
		"line second", "gap tcp://<b>x</b>:1: 1 message lost: too slow<U+202E>", "gap tcp://h:1: messages may be lost: connection lost",
		"line third",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("shows %q\nwant  %q", got, want)
	}
	waitFor(t, tab, "#lost", "5,679 + unknown")
	waitFor(t, tab, "#unreadable", "7")
}

func TestReconnect(t *testing.T) {
	s, tab, r := open(t, "#topic=a")
	r.send("retry: 1500\n\n" + event(41, "a", "one") + "id: 42\ndata: half an event")
	waitFor(t, tab, "#lines", "one")
	r.end()
	waitFor(t, tab, "#state", "reconnecting in")
	r = s.next()
	if got := r.header.Get("Last-Event-ID"); got != "41" {
		t.Errorf("Last-Event-ID is %q", got)
	}
	if got := r.query.Encode(); got != "topic=a" {
		t.Errorf("asks for %q; with Last-Event-ID, last has no place there", got)
	}
	r.answer(http.StatusServiceUnavailable, "100 readers are there already")
	waitFor(t, tab, "#state", "100 readers are there already")
	r = s.live()
	r.line(42, "a", "two")
	waitFor(t, tab, "#lines", "two")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"one", "two"}) {
		t.Errorf("shows %q", got)
	}
	waitFor(t, tab, "#state", "live")
}

func TestToken(t *testing.T) {
	s := newServer(t)
	tab := newTab(t)
	tab.Go(s.URL)
	for _, c := range []struct{ says, types string }{
		{"This server needs a token.", "wrong"},
		{"The server has rejected this token.", "s3cret"},
	} {
		s.next().answer(http.StatusUnauthorized, "")
		waitFor(t, tab, "#token-reason", c.says)
		tab.Type("#token", c.types+webdriver.Enter)
	}
	r := s.live()
	if got := r.header.Get("Authorization"); got != "Bearer s3cret" {
		t.Errorf("Authorization is %q", got)
	}
	waitFor(t, tab, "#state", "live")
	var stored []any
	tab.Run(&stored, "return [document.getElementById('token').value, localStorage.length, document.cookie, location.hash, Object.values(sessionStorage)]")
	if want := []any{"", 0.0, "", "", []any{"s3cret"}}; !reflect.DeepEqual(stored, want) {
		t.Errorf("the page stores %v", stored)
	}
	tab.Go(s.URL)
	r = s.next()
	if got := r.header.Get("Authorization"); got != "Bearer s3cret" {
		t.Errorf("after a reload, Authorization is %q", got)
	}
	r.answer(http.StatusUnauthorized, "")
	waitFor(t, tab, "#state", "unauthorized")
	tab.Click("#token-cancel")
	tab.Click("#token-again")
	tab.Wait("the dialog", "return document.getElementById('token-dialog').open")
}

func TestHostilePayloads(t *testing.T) {
	s, tab, r := open(t, "")
	attacks := []string{
		`<img src=x onerror="window.__pwned=1">`, `<script>window.__pwned=1</script>`, `javascript:window.__pwned=1`,
		`"><svg onload=window.__pwned=1>`, "${window.__pwned=1}", "`;window.__pwned=1//", `{{constructor.constructor('window.__pwned=1')()}}`,
		`<a href="javascript:window.__pwned=1">x</a>`, `<iframe srcdoc="<script>parent.__pwned=1</script>">`, "' onmouseover='window.__pwned=1",
		"a\u202egnp.exe", "\x1b[31mred\x1b]0;title\x07", "one\r\n2026 forged line", `{"severity":"<img src=x onerror=window.__pwned=1>","__proto__":{"x":1}}`,
	}
	for i, a := range attacks {
		r.line(i, a, a)
	}
	r.line(99, "", "harmless")
	waitFor(t, tab, "#lines", "harmless")
	tab.Type("#search", "pwned") // marks them all
	waitFor(t, tab, "#matches", "matches")
	var pwned bool
	if tab.Run(&pwned, "return '__pwned' in window || 'x' in {}"); pwned {
		t.Error("a payload was run as a script")
	}
	var foreign []string
	tab.Run(&foreign, `return Array.from(document.querySelectorAll('#lines *'), (e) => e.localName + (e.getAttributeNames().some((n) =>
		!['class', 'title', 'dir', 'datetime'].includes(n)) && !e.classList.contains('more') ? ' with attributes ' + e.getAttributeNames() : ''))
		.filter((name) => !['div', 'span', 'time', 'mark', 'button'].includes(name))`)
	if len(foreign) > 0 {
		t.Errorf("the lines contain %q", foreign)
	}
	got := messages(t, tab)
	if got[0] != attacks[0] || got[10] != "a<U+202E>gnp.exe" || got[11] != "<U+001B>[31mred<U+001B>]0;title<U+0007>" || got[12] != "one" {
		t.Errorf("shows %q", got)
	}
	var titles string
	if tab.Run(&titles, "return document.querySelector('.line:nth-child(11) > .topic').title"); titles != "a<U+202E>gnp.exe" {
		t.Errorf("the title is %q", titles)
	}
	onlyThisHost(t, s, tab)
}

// onlyThisHost checks that the page has requested only its own files and the stream, and from no other host.
func onlyThisHost(t *testing.T, s *server, tab *webdriver.Tab) {
	t.Helper()
	var loaded []string
	tab.Run(&loaded, "return performance.getEntriesByType('resource').map((e) => e.name)")
	if len(loaded) < 5 {
		t.Errorf("the browser has loaded only %q", loaded)
	}
	for _, address := range loaded {
		if !strings.HasPrefix(address, s.URL+"/") {
			t.Errorf("the page has requested %s", address)
		}
	}
	for _, asked := range s.asked() {
		path, _, _ := strings.Cut(asked, "?")
		if path != "/" && path != "/stream" && !strings.HasSuffix(path, ".css") && path != "/favicon.svg" && !strings.HasSuffix(path, ".js") {
			t.Errorf("the page has requested %s", asked)
		}
	}
}

func TestFlood(t *testing.T) {
	const n = 50_000
	_, tab, r := open(t, "")
	tab.Run(nil, `window.__most = 0;
		new MutationObserver(() => { window.__most = Math.max(window.__most, document.getElementById('lines').children.length); })
			.observe(document.getElementById('lines'), { childList: true });`)
	for i := 0; i < n; i += 500 {
		r.send(events(i, 500, "flood"))
		if i == n/2 { // the page takes input in the middle of it
			tab.Type("#search", "flood 1")
		}
	}
	waitFor(t, tab, "#received", "50,000")
	waitFor(t, tab, ".line:last-child", fmt.Sprintf("flood %d", n-1))
	var most int
	if tab.Run(&most, "return window.__most"); most > 2000 {
		t.Errorf("the document had %d rows", most)
	}
	if got := js(tab, "document.getElementById('log').scrollHeight > document.getElementById('log').clientHeight"); got != "true" {
		t.Error("the lines do not fill the view")
	}
	numbers := messages(t, tab)
	last := -1
	for _, m := range numbers {
		var i int
		if _, err := fmt.Sscanf(m, "flood %d", &i); err != nil || i <= last {
			t.Fatalf("%q after number %d", m, last)
		}
		last = i
	}
	tab.Type("#search", webdriver.Escape)
	tab.Press("\ue004")
	tab.Wait("no marks", "return document.querySelectorAll('mark').length === 0")
}

// TestFloodWhileLookingBack checks that every received line is shown, waits, or is counted as skipped.
func TestFloodWhileLookingBack(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(0, 100, "line"))
	waitFor(t, tab, "#lines", "line 99")
	tab.Run(nil, "document.getElementById('log').scrollTop = 0")
	tab.Wait("the button", "return document.getElementById('jump').checkVisibility()")
	r.send(events(100, 8000, "line"))
	waitFor(t, tab, "#received", "8,100")
	tab.Wait("a full document", "return document.querySelectorAll('.line').length === 2000")
	var counts []int
	tab.Run(&counts, `await new Promise((resolve) => setTimeout(resolve, 300)); // longer than the counters take to be updated
		return ['jump', 'skipped'].map((id) => Number(document.getElementById(id).textContent.replace(/[^0-9]/g, '')))`)
	if sum := 100 + counts[0] + counts[1]; sum < 8100 || sum > 8110 { // the notes about skipped lines count, too
		t.Errorf("below the view there are %d, and %d were skipped", counts[0], counts[1])
	}
	got := messages(t, tab)
	if i := slices.Index(got, "line 0"); i != 0 || got[1999] != "line 1999" {
		t.Errorf("shows %s to %s", got[0], got[1999])
	}
}

func TestHiddenTabStaysBounded(t *testing.T) {
	_, tab, r := open(t, "")
	waitFor(t, tab, "#state", "live")
	tab.Run(nil, `window.__frame = window.requestAnimationFrame; // a hidden tab draws no frame
		window.__late = [];
		window.requestAnimationFrame = (f) => window.__late.push(f);`)
	r.send(events(0, 30_000, "hidden"))
	waitFor(t, tab, "#received", "30,000")
	tab.Run(nil, `window.requestAnimationFrame = window.__frame; window.__late.forEach((f) => requestAnimationFrame(f));`)
	waitFor(t, tab, ".line:last-child", "hidden 29999")
	tab.Wait("skipped lines are counted", "return document.getElementById('skipped').checkVisibility()")
	var rows int
	if tab.Run(&rows, "return document.getElementById('lines').children.length"); rows > 2000 {
		t.Errorf("the document has %d rows", rows)
	}
}
