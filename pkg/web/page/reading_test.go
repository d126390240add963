package page_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// rfc5424 returns a line of RFC 5424.
func rfc5424(priority int, host, program, text string) string {
	return fmt.Sprintf("<%d>1 2026-01-02T03:04:05.678+01:00 %s %s 42 - - %s", priority, host, program, text)
}

// js returns what an expression yields in the page, as text.
func js(tab *webdriver.Tab, expression string) (got string) {
	tab.Run(&got, "return String("+expression+")")
	return got
}

// shows waits until the messages of all lines are these.
func shows(t *testing.T, tab *webdriver.Tab, want ...string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("shows %q", messages(t, tab))
		}
	}()
	tab.Wait(fmt.Sprintf("the lines are %q", want),
		"return Array.from(document.querySelectorAll('.line > .message'), (e) => e.textContent).join('\\n') === arguments[0]", strings.Join(want, "\n"))
}

// drag moves the mouse with its button pressed, from one place in the view to another.
func drag(tab *webdriver.Tab, x1, y1, x2, y2 float64) {
	mouse := func(kind string, x, y float64) {
		tab.Command("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
	}
	mouse("mouseMoved", x1, y1)
	mouse("mousePressed", x1, y1)
	mouse("mouseMoved", (x1+x2)/2, (y1+y2)/2)
	mouse("mouseMoved", x2, y2)
	mouse("mouseReleased", x2, y2)
}

// place returns where an element is: left, top, width and height.
func place(tab *webdriver.Tab, selector string) (at [4]float64) {
	tab.Run(&at, "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.left, r.top, r.width, r.height]", selector)
	return at
}

func TestColumns(t *testing.T) {
	_, tab, r := open(t, "")
	r.line(1, "sshd/web1/", rfc5424(38, "web1", "sshd", "accepted"))
	r.line(2, "orders", `{"level":"error","msg":"timed out","http":{"status":504},"order":"A 1"}`)
	waitFor(t, tab, "#lines", "timed out")
	const cells = "Array.from(document.querySelectorAll('.line:first-child > .cell:not(time)'), (e) => e.textContent).join('|')"
	if got := js(tab, cells); got != "info|web1|sshd[42]" {
		t.Errorf("the first line has %q", got)
	}
	if got := js(tab, "document.querySelector('.line:last-child').textContent.replace(/.*error/, '')"); got != `  orders timed out http.status=504 order="A 1"` {
		t.Errorf("the second line has %q", got)
	}
	const heading = "Array.from(document.querySelectorAll('#heading > .cell'), (e) => e.textContent).join('|')"
	click := func(selector, want string) {
		t.Helper()
		tab.Click(selector)
		tab.Wait(want, "return "+heading+" === arguments[0]", want)
	}
	tab.Click("#columns")
	click("#show-topic", "Time|Level|Host|Program|Topic")
	click("#show-topic", "Time|Level|Host|Program")
	click("#show-facility", "Time|Level|Host|Program|Facility")
	click("#left-facility", "Time|Level|Host|Facility|Program")
	click("#right-time", "Level|Time|Host|Facility|Program")
	tab.Run(nil, "const e = document.getElementById('width-host'); e.value = '33'; e.dispatchEvent(new Event('change', { bubbles: true }))")
	tab.Wait("the address", "return decodeURIComponent(location.hash) === '#columns=severity,time,host:33,facility,program'")
	if got := js(tab, cells); got != "info|web1|auth|sshd[42]" {
		t.Errorf("the first line has %q", got)
	}
	tab.Click("#columns-close")
	narrow := place(tab, ".line > .host")
	edge := place(tab, "[data-column=host] > .edge")
	drag(tab, edge[0]+2, edge[1]+5, edge[0]-98, edge[1]+5)
	tab.Wait("a narrower column", "return /host%3A(1|2)\\d/.test(location.hash)")
	if got := place(tab, ".line > .host"); got[2] >= narrow[2] {
		t.Errorf("the column was %v wide and is %v", narrow[2], got[2])
	}
	from, to := place(tab, "[data-column=facility]"), place(tab, "[data-column=severity]")
	drag(tab, from[0]+5, from[1]+5, to[0]+5, to[1]+5)
	tab.Wait("the facility in front", "return "+heading+" === 'Facility|Level|Time|Host|Program'")
	tab.Click("#columns")
	click("#columns-reset", "Time|Level|Host|Program")
	tab.Wait("the address", "return location.hash === ''")
}

// TestColumnsOfALink checks that columns are as the address says, those of JSON included.
func TestColumnsOfALink(t *testing.T) {
	_, tab, r := open(t, "#columns=received:12,pid,fields.http.status:6,structured.x.a&time=utc")
	r.send(eventAt(1, "", `<6>1 2026-01-02T03:04:05Z h p 7 - [x a="b"] {"msg":"m","http":{"status":504}}`, time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)))
	waitFor(t, tab, "#lines", "504")
	if got := js(tab, "document.querySelector('.line').textContent"); !strings.HasPrefix(got, "05-04 10:00 7 504 b m") {
		t.Errorf("the line has %q", got)
	}
}

func TestDetails(t *testing.T) {
	_, tab, r := open(t, "")
	payload := `<11>1 2026-01-02T03:04:05.678+01:00 web1 app 42 - [x a="b"] {"msg":"m` + "\u202e" + `","http":{"status":504}}`
	r.send(event(1, "t/", payload) + event(2, "t/", "plain"))
	waitFor(t, tab, "#lines", "plain")
	tab.Click(".line:first-child > .message")
	tab.Wait("the details", "return document.getElementById('details').checkVisibility()")
	waitFor(t, tab, "#held-text", "Not following: you opened a line.")
	tab.Wait("the line is in view", "const r = document.querySelector('.line.current').getBoundingClientRect(); return r.top > 0 && r.bottom < innerHeight")
	tab.Click("#utc")
	waitFor(t, tab, "#details-fields", "2026-01-02 02:04:05.678 UTC")
	const fields = "Array.from(document.querySelectorAll('#details-fields > div'), (e) => e.querySelector('dt').textContent + '=' + e.querySelector('.value').textContent).slice(2).join('|')"
	if got := js(tab, fields); got != "Level=error|Topic=t/|Host=web1|Program=app|PID=42|Facility=user|Text=m<U+202E>|x.a=b|msg=m<U+202E>|http.status=504" {
		t.Errorf("the fields are %q", got)
	}
	if got := text(t, tab, "#details-json"); !strings.Contains(got, "\n    \"status\": 504\n") {
		t.Errorf("the JSON is %q", got)
	}
	if got := text(t, tab, "#details-raw"); got != strings.ReplaceAll(payload, "\u202e", "<U+202E>") {
		t.Errorf("the payload is %q", got)
	}
	tab.Click("#details-hex")
	waitFor(t, tab, "#details-raw", "00000000  3c 31 31 3e 31 20 32 30  32 36 2d 30 31 2d 30 32  |<11>1 2026-01-02|")
	waitFor(t, tab, "#details-raw", "e2 80 ae")

	tab.Run(nil, "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.__copied = text; } }, configurable: true })")
	copied := func(selector, want string) {
		t.Helper()
		tab.Run(nil, "window.__copied = ''")
		tab.Click(selector)
		tab.Wait(selector+" copies", "return window.__copied === arguments[0]", want)
		waitFor(t, tab, "#announcer", "copied")
	}
	copied("#copy-line", payload)
	tab.Click("#copy-json")
	tab.Wait("the JSON is copied", "return window.__copied.startsWith('{') && JSON.parse(window.__copied).message === arguments[0]", payload)
	tab.Run(nil, "delete navigator.clipboard; Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true }); document.addEventListener('copy', () => { window.__copied = document.activeElement.value; })")
	copied("#copy-link", js(tab, "location.href.replace(/#.*/, '')")+"#time=utc&line=1") // without a clipboard, as with http://
	tab.Click("#details-fields .not")
	shows(t, tab)
	waitFor(t, tab, "#absence", "All 2 lines in memory are hidden by “not t/”.")
	tab.Click("#show-all")
	shows(t, tab, "m<U+202E>", "plain")
	tab.Click("#details-fields > div:last-child .only")
	shows(t, tab, "m<U+202E>")
	waitFor(t, tab, "#chips", "only http.status 504 ×")
	tab.Click(".chip")
	shows(t, tab, "m<U+202E>", "plain")
	tab.Click("#details-fields > div:last-child .column")
	waitFor(t, tab, "#heading", "http.status")
	tab.Click("#details-close")
	tab.Wait("no details, and the line has the focus", "return !document.getElementById('details').checkVisibility() && document.activeElement.matches('.line.current')")
}

func TestLinkToALine(t *testing.T) {
	s, tab, r := open(t, "#line=x-7")
	if got := r.query.Encode(); got != "last=20000" {
		t.Errorf("asks for %q", got)
	}
	var b strings.Builder
	for i := range 3000 {
		b.WriteString(strings.Replace(event(i, "", fmt.Sprintf("line %d", i)), "id: ", "id: x-", 1))
	}
	r.send(b.String())
	waitFor(t, tab, "#details-raw", "line 7")
	tab.Wait("the line is in view", "const e = document.querySelector('.line.current'); return e.textContent.endsWith('line 7') && e.getBoundingClientRect().bottom < innerHeight")
	tab.Run(nil, "location.hash = 'line=x-2500'") // is in memory: nobody is asked
	waitFor(t, tab, "#details-raw", "line 2500")
	tab.Run(nil, "location.hash = 'line=gone'")
	s.live()
	waitFor(t, tab, "#announcer", "The server no longer remembers the line of this link.")
}

func TestSideList(t *testing.T) {
	_, tab, r := open(t, "")
	tab.Run(nil, "const side = document.getElementById('side'); if (!side.checkVisibility()) document.getElementById('side-toggle').click()")
	for i := range 6 {
		r.line(i, []string{"a/", "b/", "a/"}[i%3], rfc5424(14, fmt.Sprintf("h%d", i%2), "p", fmt.Sprint("m", i)))
	}
	const list = "Array.from(document.querySelectorAll('#side-list li'), (e) => e.querySelector('.is').textContent + ' ' + e.querySelector('.count').textContent).join('|')"
	tab.Wait("the counts", "return "+list+" === 'a/ 4|b/ 2'")
	waitFor(t, tab, ".per-second", "/s")
	tab.Click("#side-list li:last-child .is")
	shows(t, tab, "m1", "m4")
	tab.Click("#side-list li:first-child .is") // this in its place
	shows(t, tab, "m0", "m2", "m3", "m5")
	tab.Click("#side-list li:first-child .not")
	shows(t, tab, "m1", "m4")
	tab.Wait("the address", "return location.hash === '#not=topic%3Aa%2F' && document.querySelector('.not').ariaPressed === 'true'")
	tab.Run(nil, "const e = document.getElementById('side-field'); e.value = 'host'; e.dispatchEvent(new Event('change'))")
	tab.Wait("the hosts", "return "+list+" === 'h0 3|h1 3'")
	tab.Click("#side-list li:last-child .is")
	shows(t, tab, "m1")
	waitFor(t, tab, "#chips", "only host h1 ×not topic a/ ×")
	tab.Click(".chip:last-child")
	shows(t, tab, "m1", "m3", "m5")
	tab.Click("#side-toggle")
	tab.Wait("no list", "return !document.getElementById('side').checkVisibility()")
}

func TestSpan(t *testing.T) {
	_, tab, r := open(t, "")
	now := time.Now()
	for i := range 100 {
		r.send(eventAt(i, "", fmt.Sprintf("<%d>m%d", 11+i%2, i), now.Add(time.Duration(i-110)*time.Second)))
	}
	waitFor(t, tab, "#lines", "m99")
	at := place(tab, "#chart")
	drag(tab, at[0]+at[2]*0.5, at[1]+5, at[0]+at[2]*0.6, at[1]+5)
	waitFor(t, tab, "#held-text", "Not following: you chose a span of time.")
	tab.Wait("about twelve seconds", "const n = document.querySelectorAll('.line').length; return n > 9 && n < 16")
	r.line(100, "", "later")
	waitFor(t, tab, "#received", "101")
	if got := len(messages(t, tab)); got > 15 {
		t.Errorf("shows %d lines", got)
	}
	waitFor(t, tab, "#chips", " to ")
	tab.Click(".chip")
	waitFor(t, tab, "#lines", "later")
	tab.Wait("follows", atTheEnd)
	tab.Run(nil, "document.getElementById('chart').focus()")
	tab.Press("\ue012") // left: the last second
	tab.Press("\ue012")
	first := js(tab, "document.getElementById('chart').ariaValueText")
	tab.Run(nil, "document.getElementById('chart').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', shiftKey: true, bubbles: true }))")
	if second := js(tab, "document.getElementById('chart').ariaValueText"); first == second || first[:8] != second[:8] {
		t.Errorf("the span was %q and is %q", first, second)
	}
	tab.Press(webdriver.Escape)
	tab.Wait("all", "return document.getElementById('chart').ariaValueText === 'all' && document.getElementById('lines').textContent.includes('m99')")
	for _, want := range []string{"10 min", "1 h", "2 min"} {
		tab.Click("#range")
		waitFor(t, tab, "#range", want)
	}
}

func TestExcludeAndHide(t *testing.T) {
	_, tab, r := open(t, "")
	for i, m := range []string{"GET /a 200", "GET /health 200", "POST /b 500", "x"} {
		r.line(i, "t", m)
	}
	shows(t, tab, "GET /a 200", "GET /health 200", "POST /b 500", "x")
	tab.Type("#exclude", "HEALTH")
	shows(t, tab, "GET /a 200", "POST /b 500", "x")
	waitFor(t, tab, "#hidden", "1")
	tab.Type("#search", "[25]00$")
	waitFor(t, tab, "#matches", "0 matches")
	tab.Click("#expression")
	waitFor(t, tab, "#matches", "2 matches")
	tab.Click("#hide")
	shows(t, tab, "GET /a 200", "POST /b 500")
	r.send(event(5, "t", "later 200") + event(6, "t", "later 300"))
	shows(t, tab, "GET /a 200", "POST /b 500", "later 200")
	tab.Type("#search", "(") // the expression is wrong now: the lines stay
	waitFor(t, tab, "#pattern-error", "The lines are still those of the expression before.")
	shows(t, tab, "GET /a 200", "POST /b 500", "later 200")
	tab.Wait("the address", "return location.hash === '#exclude=HEALTH&search=%5B25%5D00%24%28&hide=on&re=on'")
	tab.Type("#search", webdriver.Escape)
	tab.Wait("no error", "return !document.getElementById('pattern-error').checkVisibility()")
	shows(t, tab, "GET /a 200", "POST /b 500", "x", "later 200", "later 300")
	tab.Type("#search", "nowhere")
	waitFor(t, tab, "#absence", "All 6 lines in memory are hidden by Exclude “HEALTH” and Hide others, with the search “nowhere”.")
	tab.Type("#exclude", webdriver.Escape)
	tab.Wait("no exclusion", "return document.getElementById('exclude').value === ''")
}

func TestTraces(t *testing.T) {
	_, tab, r := open(t, "")
	id := 0
	line := func(priority int, program, text string) {
		id++
		r.line(id, "", rfc5424(priority, "h", program, text))
	}
	line(11, "java", "ERROR failed")
	line(14, "other", "between")
	line(14, "java", "java.lang.IllegalStateException: no")
	line(14, "java", "\tat a.B.c(B.java:1)")
	line(14, "java", "Caused by: x.Y: why")
	line(14, "java", "\t... 3 more")
	line(14, "py", "Traceback (most recent call last):")
	line(14, "py", `  File "x.py", line 1, in <module>`)
	line(14, "py", "ValueError: bad")
	line(14, "py", "next")
	r.line(99, "multi", "first\n  second\n\tthird <U>\u202e")
	r.line(100, "rsyslog", "one#012#011two")
	waitFor(t, tab, "#lines", "one")
	rows := "Array.from(document.querySelectorAll('.line'), (e) => e.querySelector('.message').textContent + (e.querySelector('.more') ? ' ' + e.querySelector('.more').textContent : '') + (e.querySelector('.tail')?.textContent ?? '')).join('|')"
	want := "ERROR failed|between|java.lang.IllegalStateException: no + 3 lines|Traceback (most recent call last): + 2 lines ValueError: bad|next|first + 2 lines|one + 1 line"
	if got := js(tab, rows); got != want {
		t.Errorf("the rows are\n%s\nwant\n%s", got, want)
	}
	tab.Click(".line:nth-child(3) .more")
	waitFor(t, tab, ".line:nth-child(3) .message", "java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\nCaused by: x.Y: why\n\t... 3 more")
	tab.Click(".line:nth-child(6) .more")
	waitFor(t, tab, ".line:nth-child(6) .message", "first\n  second\n\tthird <U><U+202E>")
	tab.Type("#search", "two") // in what is folded: it unfolds
	waitFor(t, tab, "mark", "two")
	tab.Click("#group")
	tab.Wait("a row for each line of the stream", "return document.querySelectorAll('.line').length === 12")
	tab.Click("#group")
	tab.Wait("folded again", "return document.querySelectorAll('.line').length === 7")
}

func TestDownload(t *testing.T) {
	_, tab, r := open(t, "#exclude=not")
	folder := t.TempDir()
	tab.Command("Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": folder}, nil)
	r.send(event(1, "t", rfc5424(14, "h", "p", "ä\nb")) + event(2, "t", "not this"))
	r.send("data: {\"message_base64\":\"/w==\",\"received\":\"2026-05-04T10:00:00Z\"}\n\n")
	waitFor(t, tab, "#received", "3")
	for _, c := range []struct{ button, suffix, want string }{
		{"#save-log", ".log", rfc5424(14, "h", "p", "ä#012b") + "\n\xff\n"},
		{"#save-ndjson", ".ndjson", `"text":"ä\nb"}` + "\n" + `{"message_base64":"/w==","received":"2026-05-04T10:00:00Z"}` + "\n"},
	} {
		tab.Click(c.button)
		waitFor(t, tab, "#announcer", "2 lines saved.")
		if got := downloaded(t, folder, c.suffix); !strings.HasSuffix(got, c.want) || strings.Count(got, "\n") != 2 {
			t.Errorf("%s saves %q", c.button, got)
		}
		tab.Run(nil, "document.getElementById('announcer').textContent = ''")
	}
}

// downloaded waits for a file in a folder, and returns its text.
func downloaded(t *testing.T, folder, suffix string) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if found, _ := filepath.Glob(filepath.Join(folder, "zmqtap-*"+suffix)); len(found) == 1 {
			text, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 0 {
				return string(text)
			}
		}
	}
	t.Fatalf("no %s after %v", suffix, patience)
	return ""
}

// TestNumbersAgree checks that every line is counted once.
func TestNumbersAgree(t *testing.T) {
	_, tab, r := open(t, "#severity=error")
	var b strings.Builder
	for i := range 25_000 {
		b.WriteString(event(i, "", fmt.Sprintf("<%d>line %d", 8+i%8, i)))
	}
	r.send(b.String())
	waitFor(t, tab, "#received", "25,000")
	tab.Wait("the counters", "return document.getElementById('forgotten').textContent === '5,000'")
	var got []float64
	tab.Run(&got, "return ['received', 'matching', 'hidden', 'forgotten'].map((id) => Number(document.getElementById(id).textContent.replace(',', '')))")
	if want := []float64{25_000, 10_000, 10_000, 5_000}; !reflect.DeepEqual(got, want) {
		t.Errorf("received, shown, hidden and forgotten are %v, want %v", got, want)
	}
}

// TestContext checks that the page shows what it has hidden around a line.
func TestContext(t *testing.T) {
	_, tab, r := open(t, "#severity=error&exclude=nobody")
	for i := range 2000 {
		r.line(i, "t", rfc5424(11+3*min(i%1000, 1), "h", "p", fmt.Sprint("m", i)))
	}
	shows(t, tab, "m0", "m1000")
	tab.Click(".line:last-child")
	tab.Click("#context")
	waitFor(t, tab, ".line.current > .message", "m1000")
	tab.Wait("those beside it", `const line = document.querySelector('.line.current');
		return line.previousElementSibling?.textContent.endsWith('m999') && line.nextElementSibling?.textContent.endsWith('m1001') &&
			line.getBoundingClientRect().bottom < innerHeight && location.hash === '#line=1000' && document.getElementById('details').checkVisibility()`)
}

// TestTopicsOfProgramless checks where the topic of a line stands that has no program.
func TestTopicsOfProgramless(t *testing.T) {
	_, tab, r := open(t, "")
	const cells = "Array.from(document.querySelectorAll('.line'), (e) => Array.from(e.querySelectorAll('.cell:not(time)'), (c) => c.textContent).join(',')).join('|')"
	r.line(1, "orders.INFO", "an order")
	tab.Wait("a column of topics", "return "+cells+" === 'info,orders.INFO'")
	r.line(2, "nginx/web1/", rfc5424(14, "web1", "nginx", "GET /"))
	r.line(3, "orders.INFO", "another")
	const want = "info,,orders.INFO|info,web1,nginx[42]|info,,orders.INFO"
	tab.Wait("its place", "return "+cells+" === '"+want+"'")
	tab.Type("#search", "orders")
	waitFor(t, tab, "#matches", "2 matches")
	tab.Type("#search", "web1/") // is not shown
	waitFor(t, tab, "#matches", "0 matches")
	tab.Run(nil, "location.hash = 'columns=program,topic'")
	tab.Wait("both", "return "+cells+" === ',orders.INFO|nginx[42],nginx/web1/|,orders.INFO'")
}

// TestSeveritiesOfAddresses checks that each name of a severity is one in an address.
func TestSeveritiesOfAddresses(t *testing.T) {
	_, tab, _ := open(t, "")
	for name, want := range map[string]string{"err": "error", "crit": "critical", "warn": "warning", "emerg": "emergency", "5": "notice", "info": "info", "8": "", "loud": ""} {
		tab.Run(nil, "location.hash = 'severity="+name+"'")
		tab.Wait(name, "return document.getElementById('severity').value === '"+want+"'")
	}
}
