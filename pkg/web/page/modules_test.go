package page_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity/table"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// modules opens the page, whose modules tests then import, and ends the page's own stream.
func modules(t *testing.T) (*server, *webdriver.Tab) {
	t.Helper()
	s, tab, r := open(t, "")
	waitFor(t, tab, "#state", "live")
	r.end()
	return s, tab
}

func TestEventParser(t *testing.T) {
	_, tab := modules(t)
	for _, c := range []struct{ name, stream, want string }{
		{"one", "data: a\n\n", "message:a:"},
		{"no space", "data:a\n\n", "message:a:"},
		{"only one space goes", "data:  a\n\n", "message: a:"},
		{"several lines", "data: a\ndata\ndata: b\n\n", "message:a\n\nb:"},
		{"empty data", "data\n\n", "message::"},
		{"no data", "event: x\nid: 1\n\ndata: a\n\n", "message:a:1"},
		{"name and id", "event: gap\nid: 7\ndata: a\n\ndata: b\n\n", "gap:a:7 message:b:7"},
		{"id with NUL", "id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", "message:a:1 message:b:1"},
		{"empty id", "id: 1\ndata: a\n\nid\ndata: b\n\n", "message:a:1 message:b:"},
		{"CR and CRLF", "data: a\r\rdata: b\r\n\r\ndata: c\r\n\n", "message:a: message:b: message:c:"},
		{"CRLF within an event", "data: a\r\ndata: b\r\n\r\n", "message:a\nb:"},
		{"comment", ": x\ndata: a\n:\n\n", "message:a:"},
		{"unknown field", "datax: a\n data: b\ndata: c\n\n", "message:c:"},
		{"colon in the value", "data: a: b\n\n", "message:a: b:"},
		{"unfinished", "data: a\n", ""},
		{"byte order mark", "\ufeffdata: a\n\n", "message:a:"},
		{"characters", "data: äöü😀\n\n", "message:äöü😀:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			tab.Run(&got, `const { EventParser } = await import('/sse.js');
				const bytes = new TextEncoder().encode(arguments[0]);
				const outs = new Set();
				for (const size of [1, 2, 3, 1000]) {
					const out = [];
					const decoder = new TextDecoder();
					const parser = new EventParser((e) => out.push([e.name, e.data, e.id].join(':')));
					for (let i = 0; i < bytes.length; i += size) parser.push(decoder.decode(bytes.slice(i, i + size), { stream: true }));
					outs.add(out.join(' '));
				}
				return [...outs]`, c.stream)
			if !reflect.DeepEqual(got, []string{c.want}) {
				t.Errorf("yields %q, want %q wherever it is cut", got, c.want)
			}
		})
	}
}

func TestEventParserLimits(t *testing.T) {
	_, tab := modules(t)
	var got []any
	tab.Run(&got, `const { EventParser } = await import('/sse.js');
		const out = [], retry = [];
		const parser = new EventParser((e) => out.push(e.data.slice(0, 20)), (ms) => retry.push(ms));
		const mebi = 'x'.repeat(1 << 20);
		parser.push('data: ');
		for (let i = 0; i < 9; i++) parser.push(mebi);
		parser.push('\n\ndata: after a line\n\n');
		for (let i = 0; i < 9; i++) parser.push('data: ' + mebi + '\n');
		parser.push('\nretry: 1500\nretry: -1\nretry: 1e3\ndata: after data\n\n');
		return [parser.tooLong, out.join('|'), retry.join()]`)
	if want := []any{2.0, "after a line|after data", "1500"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What the terminal's test reads, too, as the server sends it.
func TestSeverityOf(t *testing.T) {
	_, tab := modules(t)
	cases := table.Read(t, "../../../testdata/severities.json")
	var events []string
	for _, c := range cases {
		events = append(events, string(message.AppendJSON(nil, &message.Message{Payload: c.Message})))
	}
	var got []severity.Severity
	tab.Run(&got, "const { lineOf } = await import('/record.js'); return arguments[0].map((event) => lineOf(event).severity)", events)
	if len(got) != len(cases) {
		t.Fatalf("%d severities, want %d", len(got), len(cases))
	}
	for i, c := range cases {
		if got[i] != c.Want {
			t.Errorf("%s: %.80q has the severity %d, want %d", c.Why, c.Message, got[i], c.Want)
		}
	}
}

func TestText(t *testing.T) {
	_, tab := modules(t)
	for _, c := range []struct{ call, want string }{
		{`segments('a\u202eb')`, `[{"text":"a","named":false},{"text":"<U+202E>","named":true},{"text":"b","named":false}]`},
		{`segments('')`, `[]`},
		{`segments('a\tb äöü 😀 \u05d0')`, `[{"text":"a\tb äöü 😀 א","named":false}]`},
		{`segments('\x00\x1b\x7f\x9b')`, `[{"text":"<U+0000><U+001B><U+007F><U+009B>","named":true}]`},
		{`segments('\u2066\u2069\u200f\u061c\u2028\u{e0041}\ud800\ufeff')`, `[{"text":"<U+2066><U+2069><U+200F><U+061C><U+2028><U+E0041><U+D800><U+FEFF>","named":true}]`},
		{`segments('a\n'.repeat(5000)).length`, `129`},
		{`segments('a\n'.repeat(5000)).map((s) => s.text).join('') === 'a<U+000A>'.repeat(5000)`, `true`},
		{`printable('a\nb')`, `"a<U+000A>b"`},
		{`textOfBase64('aMOkbMO2')`, `"hälö"`},
		{`printable(textOfBase64(btoa('a\xff\xc3(\xf0\x9f\x98\x80\xed\xa0\x80\xe2\x82')))`, `"a<0xFF><0xC3>(😀<0xED><0xA0><0x80><0xE2><0x82>"`},
		{`cut('x'.repeat(8192)).more`, `0`},
		{`cut('x'.repeat(8193))`, `{"head":"` + strings.Repeat("x", 8192) + `","more":1}`},
		{`cut('x' + 'ä'.repeat(4096)).more`, `2`},
		{`cut('x'.repeat(8192) + textOfBase64('//8=')).more`, `2`},
		{`[counted(0, 'line'), counted(1, 'line'), counted(12345, 'line')]`, `["0 lines","1 line","12,345 lines"]`},
	} {
		var got any
		tab.Run(&got, "const { segments, printable, textOfBase64, cut, counted } = await import('/text.js'); return "+c.call)
		var want any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %.300v, want %.300v", c.call, got, want)
		}
	}
}

func TestQueue(t *testing.T) {
	_, tab := modules(t)
	var got string
	tab.Run(&got, `const { Queue } = await import('/queue.js');
		const q = new Queue(3, 100), out = [];
		const record = (n, size = 1) => ({ n, size });
		for (let n = 0; n < 20; n++) {
			while (!q.push(record(n))) out.push(q.take(2).map((r) => r.n).join('+'));
		}
		out.push(q.length, q.takeAll().map((r) => r.n).join('+'), q.length);
		out.push(q.push(record(1, 100)), q.push(record(2)), q.take(9).length, q.push(record(3)));
		return out.join()`)
	if want := "0+1,2+3,4+5,6+7,8+9,10+11,12+13,14+15,16+17,2,18+19,0,true,false,1,true"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFilters(t *testing.T) {
	_, tab := modules(t)
	var got []string
	tab.Run(&got, `const { filtersOf, hashOf, streamAddress, topicsOf } = await import('/address.js');
		const all = filtersOf('');
		const some = { topics: topicsOf('  a&b  c#d\te=f '), grep: '^x+ y&', severity: 3, wrap: false };
		return [JSON.stringify(all), hashOf(all), streamAddress(all, true), hashOf(some), JSON.stringify(filtersOf('#' + hashOf(some))) === JSON.stringify(some),
			streamAddress(some, true), JSON.stringify(filtersOf('#severity=toString&wrap=x&topic='))].map(String)`)
	if want := []string{
		`{"topics":[],"grep":"","severity":8,"wrap":true}`, "", "stream",
		"topic=a%26b&topic=c%23d&topic=e%3Df&grep=%5Ex%2B+y%26&severity=error&wrap=off", "true",
		"stream?topic=a%26b&topic=c%23d&topic=e%3Df&grep=%5Ex%2B+y%26", `{"topics":[],"grep":"","severity":8,"wrap":true}`,
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestRate(t *testing.T) {
	_, tab := modules(t)
	var got []float64
	tab.Run(&got, `const { Rate } = await import('/chart.js');
		const rate = new Rate(), server = Math.floor(Date.now() / 1000) * 1000 + 3600_500; // its clock is an hour ahead
		rate.setServerTime(server);
		for (const ago of [1000, 1000, 30_000, 119_000, 500_000]) rate.add(server - ago);
		rate.add(server + 86400_000);
		const s = rate.series();
		return [s.length, s.reduce((a, b) => a + b), Math.max(...s)]`)
	if got[0] != 120 || got[1] < 3 || got[1] > 5 || got[2] < 1 {
		t.Errorf("the series is %v", got)
	}
}

// TestSilence checks that a connection without heartbeats is abandoned, and another one is opened.
func TestSilence(t *testing.T) {
	s, tab := modules(t)
	tab.Run(nil, `const { Stream } = await import('/stream.js');
		window.__states = [];
		new Stream({ address: () => 'stream?silence', token: () => '', silence: 200, first: 50, longest: 50, onEvent: () => {},
			onState: (state) => window.__states.push(state.name + ' ' + (state.reason ?? '')) }).start();`)
	next := func() *reader {
		for r := s.next(); ; r = s.next() {
			if r.query.Has("silence") {
				return r
			}
		}
	}
	r := next()
	r.answer(200, "")
	select {
	case <-r.gone:
	case <-time.After(patience):
		t.Error("the silent connection stays open")
	}
	next().answer(200, "")
	tab.Wait("the states of both", "return window.__states.join().startsWith('connecting ,live ,waiting the server was silent,connecting ,live ')")
}
