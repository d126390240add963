package page_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// raw returns a message event with any JSON.
func raw(id int, json string) string { return fmt.Sprintf("id: %d\ndata: %s\n\n", id, json) }

// TestFieldsOfAnyName filters by fields and values that an address cannot hold as they are.
func TestFieldsOfAnyName(t *testing.T) {
	for _, c := range []struct{ name, key, value string }{
		{"colon", `a:b`, `c:d`}, {"surrogate", `\ud800`, `\udc80`}, {"escape", `%u003A`, `%u0025%`}, {"empty", ``, `x`}, {"line feed", `\n`, `\n`},
		{"prototype", `__proto__`, `x`}, {"method", `constructor`, `toString`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, tab, r := open(t, "")
			r.send(raw(1, fmt.Sprintf(`{"message":"x","text":"this","fields":{"%s":"%s"}}`, c.key, c.value)) + raw(2, `{"message":"other","fields":{"a":"b:c:d"}}`))
			waitFor(t, tab, "#lines", "other")
			tab.Click(".line:first-child > .message")
			tab.Click("#details-fields > div:last-child .only")
			shows(t, tab, "this")
			tab.Click("#details-fields > div:last-child .not")
			shows(t, tab, "other")
			tab.Click(".chip")
			shows(t, tab, "this", "other")
			if c.name != "surrogate" { // a column's name has to be text
				tab.Click("#details-fields > div:last-child .column")
				tab.Wait("a column", "return document.querySelectorAll('.line:first-child > .other').length === 1")
			}
		})
	}
}

// TestTopicOfBytes filters by a topic that is no text.
func TestTopicOfBytes(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(raw(1, `{"topic_base64":"/w==","message":"this"}`) + raw(2, `{"topic":"other","message":"other"}`))
	waitFor(t, tab, "#lines", "other")
	tab.Click(".line:first-child > .message")
	tab.Click("#details-fields .only")
	shows(t, tab, "this")
}

// TestDeepJSON opens a line whose JSON is nested deeper than the browser indents.
func TestDeepJSON(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(raw(1, `{"message":"x","text":"deep","fields":`+strings.Repeat(`{"a":`, 20_000)+"1"+strings.Repeat("}", 20_000)+"}"))
	waitFor(t, tab, "#lines", "deep")
	tab.Click(".line > .message")
	waitFor(t, tab, "#details-json", `{"a":{"a":`)
}

// TestWrongTypes sends events in which nothing has the type that it should have.
func TestWrongTypes(t *testing.T) {
	_, tab, r := open(t, "")
	for _, value := range []string{"1", "null", "[]", "{}", "true", `"+275760-09-13T00:00:00Z"`, `"-000001-01-01T00:00:00Z"`, `{"toString":1}`, `[[["\u202e"]]]`, "99", `"__proto__"`} {
		var b strings.Builder
		for _, name := range []string{"topic", "time", "received", "severity", "facility", "host", "program", "pid", "text", "fields", "structured", "frames", "frames_base64"} {
			if name != "frames_base64" || !strings.HasPrefix(value, "[[") {
				fmt.Fprintf(&b, `,"%s":%s`, name, value)
			}
		}
		r.send(raw(1, `{"message":"`+strings.ReplaceAll(value, `"`, "'")+`"`+strings.ReplaceAll(b.String(), `"frames_base64":"`, `"frames_base64":["/w=="],"x":"`)+"}"))
	}
	r.line(2, "", "last")
	waitFor(t, tab, "#lines", "last")
	var opened int
	tab.Run(&opened, `let n = 0;
		for (const line of document.querySelectorAll('.line')) {
			line.click();
			n += document.getElementById('details').checkVisibility() ? 1 : 0;
			document.getElementById('utc').click();
		}
		return n`)
	if opened != 12 {
		t.Errorf("opens %d of 12 lines; unreadable: %s", opened, text(t, tab, "#unreadable"))
	}
}

// TestManyFields sends an object with 10,000 members, and one whose fields all have a long name above them.
func TestManyFields(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(raw(1, `{"message":"x","text":"members","fields":{`+strings.Repeat(`"a":1,`, 9999)+`"b":{}}}`))
	long := strings.Repeat("k", 1<<20)
	r.send(raw(2, `{"message":"x","text":"long","fields":{"`+long+`":{"a":1,"b":2,"c":[]}}}`))
	waitFor(t, tab, "#lines", "long")
	tab.Click(".line:last-child > .message")
	tab.Wait("one field, whose name is cut", `const names = Array.from(document.querySelectorAll('#details-fields dt'), (e) => e.textContent).filter((name) => name.startsWith('kkk'));
		return names.length === 1 && names[0].length < 1000`)
	tab.Click("#details-fields > div:last-child .only") // does not fit into an address
	waitFor(t, tab, "#announcer", "too long for the address")
	if got := js(tab, "location.hash.length"); got != "0" {
		t.Errorf("the address has %s characters", got)
	}
}

// TestWhatIsHeld checks that what is held beside the memory is bounded, too.
func TestWhatIsHeld(t *testing.T) {
	_, tab := modules(t)
	var got []any
	tab.Run(&got, `const { Facets } = await import('/facets.js'), { Traces } = await import('/trace.js'), { lineOf } = await import('/record.js');
		const facets = new Facets(), traces = new Traces();
		const long = lineOf(JSON.stringify({ message: 'x'.repeat(1 << 20), topic: 't'.repeat(1 << 20) })), next = lineOf(JSON.stringify({ message: '  at a(b)', topic: long.topic }));
		facets.add(long);
		traces.join(long);
		traces.join(next);
		const { counts, others } = facets.of('topic', Date.now());
		return [counts.length, others, next.head]`)
	if want := []any{0.0, 1.0, nil}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestCostOfATrace checks that each line of a trace is read once, and is counted once however often it is added.
func TestCostOfATrace(t *testing.T) {
	_, tab := modules(t)
	var got []any
	tab.Run(&got, `const { List } = await import('/list.js');
		const log = document.createElement('div'), lines = document.createElement('div');
		log.append(lines);
		document.body.append(log);
		const list = new List(log, lines, { columns: [], clock: null, group: true });
		let reads = 0;
		const line = (seq, head) => ({ kind: 'line', seq, frames: [], extra: '', severity: 8, size: 1 << 20, head, get text() { reads++; return '  x'; } });
		const head = line(0, null), other = line(1, null), next = line(2, head);
		list.append([other, head]);
		for (let i = 0; i < 20; i++) list.append([next]);
		const { length } = list;
		reads = 0;
		list.append([other, head].slice(2));
		for (let seq = 3; seq < 13; seq++) list.append([line(seq, head)]);
		log.remove();
		return [length, reads]`)
	if want := []any{2.0, 10.0}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestTokenThatIsNoHeader types a token with a character that no header can have.
func TestTokenThatIsNoHeader(t *testing.T) {
	s := newServer(t)
	tab := newTab(t)
	tab.Go(s.URL)
	s.next().answer(http.StatusUnauthorized, "")
	waitFor(t, tab, "#token-reason", "This server needs a token.")
	tab.Type("#token", "s3cret\u200b"+webdriver.Enter)
	waitFor(t, tab, "#token-reason", "The server has rejected this token.")
	tab.Type("#token", "s3cret"+webdriver.Enter)
	s.live()
	waitFor(t, tab, "#state", "live")
}

// TestSlowExpression searches with an expression that takes as good as for ever for a text.
func TestSlowExpression(t *testing.T) {
	_, tab, r := open(t, "#re=on")
	r.line(1, "", "before")
	waitFor(t, tab, "#lines", "before")
	tab.Type("#search", "(a+)+$")
	tab.Type("#exclude", "bef")
	shows(t, tab)
	r.line(2, "", strings.Repeat("a", 27)+"!")
	waitFor(t, tab, "#pattern-error", "An expression takes too long for these lines: there is no search, and nothing is excluded.")
	shows(t, tab, "before", strings.Repeat("a", 27)+"!")
	r.line(3, "", strings.Repeat("a", 50)+"!") // would take years
	waitFor(t, tab, "#lines", strings.Repeat("a", 50)+"!")
	tab.Type("#search", webdriver.Escape)
	shows(t, tab, strings.Repeat("a", 27)+"!", strings.Repeat("a", 50)+"!")
}

// TestExpressionAndLongText searches a text for which an expression takes the square of its length.
func TestExpressionAndLongText(t *testing.T) {
	_, tab, r := open(t, "#re=on&search=%5Cs%2B!")
	r.line(1, "", "x"+strings.Repeat(" ", 4<<20)+"x")
	r.line(2, "", "is found !")
	waitFor(t, tab, "#matches", "1 match")
	if got := js(tab, "document.getElementById('pattern-error').checkVisibility()"); got != "false" {
		t.Error("the expression was given up")
	}
}

// TestExpressionThatHasStoppedThePage loads the page after one that stopped while it ran the same expression.
func TestExpressionThatHasStoppedThePage(t *testing.T) {
	s, tab, r := open(t, "#re=on&search=x%2B")
	r.line(1, "", "xx")
	waitFor(t, tab, "mark", "xx")
	tab.Wait("it is noted", "return sessionStorage.length === 1")
	tab.Go(s.URL + "/?again#re=on&search=x%2B") // an orderly end
	r = s.live()
	r.line(1, "", "xx")
	waitFor(t, tab, "mark", "xx")
	tab.Run(nil, `for (const [target, event] of [[window, 'pagehide'], [document, 'visibilitychange']]) { // they are no end, where a page has stopped
			target.addEventListener(event, () => sessionStorage.setItem('zmqtap.expression', JSON.stringify([JSON.stringify(['x+', '']), Date.now() - 60_000])));
		}`)
	tab.Go(s.URL + "/#re=on&search=x%2B")
	r = s.live()
	r.line(1, "", "xx")
	waitFor(t, tab, "#lines", "xx")
	waitFor(t, tab, "#pattern-error", "This expression has stopped the page")
	tab.Type("#search", "x")
	waitFor(t, tab, "mark", "xx")
}

// TestSettingsAreAppliedAtOnce changes settings faster than a browser tells of its address, or lets it be changed.
func TestSettingsAreAppliedAtOnce(t *testing.T) {
	_, tab, r := open(t, "#topic=a%20b")
	r.line(1, "a b", "xxx")
	waitFor(t, tab, "#lines", "xxx")
	tab.Run(nil, "for (const key of ['w', 'u', 's', 's']) document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))")
	tab.Wait("two are set", "return ['wrap', 'utc', 'group'].map((id) => document.getElementById(id).ariaPressed).join() === 'false,true,true'")
	tab.Run(nil, "const s = document.getElementById('severity'); s.value = 'debug'; s.dispatchEvent(new Event('change'))")
	tab.Wait("the topic is what it was", "return location.hash.startsWith('#topic=a+b&severity=debug')")
	tab.Run(nil, "location.hash = ''")
	tab.Wait("another address", "return document.getElementById('wrap').ariaPressed === 'true'")
	var got []any
	tab.Run(&got, `const field = document.getElementById('search');
		for (let i = 1; i <= 300; i++) {
			field.value = 'y'.repeat(i);
			field.dispatchEvent(new Event('input'));
		}
		field.value += 'z';
		field.dispatchEvent(new Event('input'));
		return [field.value.length, field.value.endsWith('yz')]`)
	if want := []any{301.0, true}; !reflect.DeepEqual(got, want) {
		t.Errorf("the field has %v, want %v", got, want)
	}
}

// TestDamagedAddress loads the page with addresses of which little makes sense.
func TestDamagedAddress(t *testing.T) {
	for _, hash := range []string{
		"%", "%E0%A4%A", "&&&=", "columns=%25E0%25A4,fields.%E0,host:1e9,host:-3", "is=host&is=:&not=fields.:&not=fields.%25u00&is=__proto__:x",
		"re=on&search=(&exclude=%5B", "severity=__proto__&line=%00%0A", "line=" + strings.Repeat("x", 60_000), "columns=" + strings.Repeat("fields.a,", 5000), "<script>alert(1)</script>",
	} {
		t.Run(hash[:min(len(hash), 20)], func(t *testing.T) {
			_, tab, r := open(t, "#"+hash)
			r.send(event(1, "t", "<11>one"))
			waitFor(t, tab, "#received", "1")
			tab.Run(nil, "document.querySelector('.line')?.click(); document.getElementById('wrap').click(); document.getElementById('columns').click()")
			tab.Run(nil, "location.hash = ''")
			waitFor(t, tab, "#lines", "one")
			tab.Wait("no error", "return !document.getElementById('pattern-error').checkVisibility()")
		})
	}
}

// TestClocksOff receives lines from clocks that are far off.
func TestClocksOff(t *testing.T) {
	_, tab, r := open(t, "")
	for i, hours := range []int{-100_000, -5, 5, 100_000} {
		r.send(eventAt(i, "t", fmt.Sprint("m", i), time.Now().Add(time.Duration(hours)*time.Hour)))
	}
	waitFor(t, tab, "#lines", "m3")
	r.line(9, "t", "now")
	waitFor(t, tab, "#lines", "now")
	if got := len(messages(t, tab)); got != 5 {
		t.Errorf("shows %d lines", got)
	}
}
