package page_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
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

// The page takes over what the server has read in a payload: package syslog.
func TestFieldsOfALine(t *testing.T) {
	_, tab := modules(t)
	for i := range 8 {
		at := time.Date(2026, 1, 2, 3, 4, 5, 123e6, time.UTC)
		payload := fmt.Sprintf(`<%d>1 2026-01-02T03:04:04.5+01:00 h p 7 m [x@1 a="b"] {"msg":"text","n":{"m":[1,null]}}`, 16*8+i)
		event := syslog.AppendJSON(nil, &message.Message{Topic: []byte("t"), HasTopic: true, Payload: []byte(payload), Received: at})
		var got string
		tab.Run(&got, `const { lineOf } = await import('/record.js'), { fieldsOf } = await import('/columns.js');
			const l = lineOf(arguments[0], 'x-1');
			return [l.id, l.topic, l.host, l.program, l.pid, l.facility, l.severity, l.text, l.received - l.time,
				...fieldsOf(JSON.parse(l.data)).map((f) => f.name + '=' + f.value)].join('|')`, string(event))
		if want := fmt.Sprintf(`x-1|t|h|p|7|local0|%d|text|3600623|structured.x@1.a=b|fields.msg=text|fields.n.m=[1,null]`, i); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", event, got, want)
		}
	}
	var got []float64
	tab.Run(&got, `const { lineOf } = await import('/record.js');
		return [{}, { severity: 'toString' }, { severity: 3 }].map((more) => lineOf(JSON.stringify({ message: 'x', ...more })).severity)`)
	if !reflect.DeepEqual(got, []float64{8, 8, 8}) {
		t.Errorf("without a severity it is %v", got)
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

func TestMemory(t *testing.T) {
	_, tab := modules(t)
	var got string
	tab.Run(&got, `const { Memory } = await import('/memory.js');
		const out = [], m = new Memory(3, 100, (r) => out.push('-' + r.n));
		const add = (n, size = 1) => { m.add({ n, size }); out.push([m.first, m.next, m.length, m.at(m.next - 1).n].join('/')); };
		for (let n = 0; n < 5; n++) add(n);
		add(5, 99);
		add(6, 1000);
		add(7);
		m.clear();
		out.push([m.first, m.next, m.length, m.at(7), m.at(8)].join('/'));
		add(8);
		return out.join()`)
	if want := "0/1/1/0,0/2/2/1,0/3/3/2,-0,1/4/3/3,-1,2/5/3/4,-2,-3,4/6/2/5,-4,-5,6/7/1/6,-6,7/8/1/7,8/8/0//,8/9/1/8"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFilters(t *testing.T) {
	_, tab := modules(t)
	var got []string
	tab.Run(&got, `const { filtersOf, hashOf, streamAddress, topicsOf } = await import('/address.js');
		const all = filtersOf('');
		const some = { ...all, topics: topicsOf('  a&b  c#d\te=f '), grep: '^x+ y&', severity: 3, wrap: false, group: false, utc: true, line: 'x-1',
			is: [{ field: 'topic', value: 'a:b,&' }], not: [{ field: 'fields.a.b', value: '' }, { field: 'host', value: 'h' }],
			exclude: 'e&', search: 's#', hide: true, expression: true,
			columns: [{ name: 'time', width: 12 }, { name: 'fields.a,b:c', width: 7 }] };
		const wrong = filtersOf('#severity=toString&wrap=x&topic=&is=message:x&not=x&columns=toString,host:999,pid:x,%25&time=x');
		return [JSON.stringify(all), hashOf(all), streamAddress(all, true), hashOf(some), JSON.stringify(filtersOf('#' + hashOf(some))) === JSON.stringify(some),
			streamAddress(some, true), JSON.stringify({ ...wrong, columns: null }) === JSON.stringify(all), JSON.stringify(wrong.columns),
			JSON.stringify(filtersOf('#columns=none').columns), hashOf({ ...all, columns: [] })].map(String)`)
	if want := []string{
		`{"topics":[],"grep":"","severity":8,"is":[],"not":[],"exclude":"","search":"","hide":false,"expression":false,"wrap":true,"group":true,"utc":false,"columns":null,"line":""}`,
		"", "stream",
		"topic=a%26b&topic=c%23d&topic=e%3Df&grep=%5Ex%2B+y%26&severity=error&is=topic%3Aa%3Ab%2C%26&not=fields.a.b%3A&not=host%3Ah&exclude=e%26&search=s%23&hide=on&re=on&wrap=off&group=off&time=utc&columns=time%2Cfields.a%252Cb%253Ac%3A7&line=x-1",
		"true", "stream?topic=a%26b&topic=c%23d&topic=e%3Df&grep=%5Ex%2B+y%26", "true",
		`[{"name":"host","width":80},{"name":"pid","width":7}]`, "[]", "columns=none",
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestHistogram(t *testing.T) {
	_, tab := modules(t)
	var got []float64
	tab.Run(&got, `const { Histogram } = await import('/histogram.js');
		const h = new Histogram(), server = Math.floor(Date.now() / 1000) * 1000 + 3600_500; // its clock is an hour ahead
		h.setServerTime(server);
		for (const [ago, severity] of [[1000, 3], [1000, 4], [1000, 8], [30_000, 0], [119_000, 6], [500_000, 3], [4000_000, 3]]) h.add(server - ago, severity);
		h.add(server + 86400_000, 3);
		const sums = () => h.series().reduce((a, b) => a.map((n, i) => n + b[i]), [0, 0, 0]);
		const two = sums();
		h.step = 30;
		return [h.series().length, ...two, ...sums()]`)
	between := [][2]float64{{120, 120}, {2, 3}, {1, 1}, {1, 2}, {2, 4}, {0, 1}, {1, 2}}
	for i, b := range between {
		if got[i] < b[0] || got[i] > b[1] {
			t.Fatalf("%v: number %d is not from %v to %v", got, i, b[0], b[1])
		}
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
