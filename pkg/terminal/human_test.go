package terminal

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// lines are messages of many kinds, and what a pipe gets of them.
var lines = []struct{ topic, payload, want string }{
	{"daemon.err.nginx", "<27>1 2026-11-30T17:03:18.123456Z web3 nginx 6883 - - upstream timed out\n",
		"17:03:18 web3 nginx[6883] error  upstream timed out"},
	{"sshd/web1/", "<86>Nov 30 17:03:18 web1 sshd[42]: Failed password", "17:03:18 web1 sshd[42] info   Failed password"},
	{"auth.info.sshd", "<86>1 2026-11-29T17:03:18Z web1 sshd - - - of yesterday", "2026-11-29T17:03:18 web1 sshd info   [auth.info.sshd] of yesterday"},
	{"orders.eu", `{"time":"2026-11-30T17:03:18Z","level":"warn","msg":"slow query","service":"shop","http":{"status":500,"path":"/a b","x":{}},"ids":[1,2]}`,
		`17:03:18 orders.eu warn   slow query service=shop http.status=500 http.path="/a b" http.x={} ids=[1,2]`},
	{"app", `<13>1 2026-11-30T17:03:18Z h app - - - @cee: {"a":"b","é":"\u00e4 \"q\" \\","n":null,"t":"x\ny","e":""}`,
		`17:03:18 h app notice a=b é="ä \"q\" \\" n=null t="x\ny" e=""`},
	{"billing.ERROR", "Traceback:\n  File\nValueError\n", "17:03:19 billing.ERROR error  Traceback:#012  File#012ValueError"},
	{"", "<14>1 2026-11-30T17:03:18Z h p - - [timeQuality tzKnown=\"1\"][x@1 a=\"b \\\"c\" d=\"e\"][f] text",
		`17:03:18 h p info   text a="b \"c" d=e f`},
	{"x", "<14>1 2026-11-30T17:03:18Z - p - - - no host", "17:03:18 - p info   [x] no host"},
	{"x", "<14>1 2026-11-30T17:03:18Z h - 7 - - no program", "17:03:18 h x info   no program"},
}

func TestHumanIntoAPipe(t *testing.T) {
	p := Printer{Zone: time.UTC}
	for _, c := range lines {
		m := withTopic(c.topic, c.payload)
		m.Received = at
		if got := string(p.Append(nil, &m, nil)); got != c.want+"\n" {
			t.Errorf("%s:\ngot  %swant %s", c.payload, got, c.want)
		}
	}
}

// On a terminal, columns are as wide as their values need, up to a part of the width.
func TestHumanOnATerminal(t *testing.T) {
	for width, want := range map[int]string{
		120: `
17:03:18 web3 nginx[6883] error  upstream timed out
17:03:18 web1 sshd[42]    info   Failed password
2026-11-29T17:03:18 web1 sshd        info   [auth.info.sshd] of yesterday
17:03:18 orders.eu        warn   slow query service=shop http.status=500 http.path="/a b" http.x={} ids=[1,2]
17:03:18 h    app         notice a=b é="ä \"q\" \\" n=null e=""
         t=
         x
         y
17:03:19 billing.ERROR    error  Traceback:
           File
         ValueError
17:03:18 h    p           info   text a="b \"c" d=e f
17:03:18 -    p           info   [x] no host
17:03:18 h    x           info   no program
17:03:18 a-host-with-a-… a-program-with-a-lon…[1] info   x
17:03:18 h               p                        info   x
`,
		50: `
17:03:18 nginx error  upstream timed out
17:03:18 sshd  info   Failed password
2026-11-29T17:03:18 sshd  info   [auth.info.sshd] of yesterday
17:03:18 orders.eu warn   slow query service=shop http.status=500 http.path="/a b" http.x={} ids=[1,2]
17:03:18 app       notice a=b é="ä \"q\" \\" n=null e=""
  t=
  x
  y
17:03:19 billing.E… error  Traceback:
    File
  ValueError
17:03:18 p          info   text a="b \"c" d=e f
17:03:18 p          info   [x] no host
17:03:18 x          info   no program
17:03:18 a-program… info   x
17:03:18 p          info   x
`,
		30: `
nginx error  upstream timed out
sshd  info   Failed password
`,
	} {
		p := Printer{Terminal: true, Zone: time.UTC}
		p.Fit(width)
		var got []byte
		for _, c := range append(lines[:len(lines):len(lines)], []struct{ topic, payload, want string }{
			{"", "<14>1 2026-11-30T17:03:18Z a-host-with-a-long-name a-program-with-a-long-name 1 - - x", ""},
			{"", "<14>1 2026-11-30T17:03:18Z h p - - - x", ""},
		}...) {
			m := withTopic(c.topic, c.payload)
			m.Received = at
			got = p.Append(got, &m, nil)
		}
		if !strings.HasPrefix("\n"+string(got), want) || width >= veryNarrow && "\n"+string(got) != want {
			t.Errorf("%d columns:\n%s\nwant%s", width, got, want)
		}
	}
}

// A terminal that changes its width has other columns from then on. What still fits stays.
func TestFit(t *testing.T) {
	p := Printer{Terminal: true, Zone: time.UTC}
	show := func(width int, host, want string) {
		t.Helper()
		p.Fit(width)
		m := withTopic("", "<14>1 2026-11-30T17:03:18Z "+host+" p - - - x")
		m.Received = at
		if got := string(p.Append(nil, &m, nil)); got != want+"\n" {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
	show(200, "a-long-hostname", "17:03:18 a-long-hostname p info   x")
	show(80, "h", "17:03:18 h          p info   x")
	show(80, "a-long-hostname", "17:03:18 a-long-ho… p info   x")
	show(59, "h", "17:03:18 p info   x")
	show(200, "h", "17:03:18 h       p info   x")
}

// A message of very many lines does not scroll away all others.
func TestManyLines(t *testing.T) {
	p := Printer{Terminal: true, Zone: time.UTC}
	m := withTopic("t", strings.Repeat("x\n", 5000))
	got := string(p.Append(nil, &m, nil))
	if n := strings.Count(got, "\n"); n != mostLines+1 || !strings.HasSuffix(got, "\n  … 4000 more lines\n") {
		t.Errorf("%d lines, which end with %q", n, got[len(got)-50:])
	}
}

func TestPretty(t *testing.T) {
	m := withTopic("t", `{"level":"error","msg":"a\nb","n":[1,{}]}`)
	m.Received = at
	p := Printer{Pretty: true, Zone: time.UTC}
	const want = "17:03:19 t error  a\n  b\n  {\n    \"level\": \"error\",\n    \"msg\": \"a\\nb\",\n    \"n\": [\n      1,\n      {}\n    ]\n  }\n"
	if got := string(p.Append(nil, &m, nil)); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// A topic is shown if it says something that the line does not.
func TestTopics(t *testing.T) {
	const payload = "<38>1 2026-11-30T17:03:18Z web1.example.com sshd 42 - - x"
	for topic, want := range map[string]bool{
		"": false, "auth.info.sshd": false, "sshd/web1.example.com/": false, "sshd/web1/": false, "AUTH/sshd": true,
		"sshd/web2/": true, "auth.err.sshd": true, "auth.info.sshd.x": true, "sshd-x": true, "42": false, "web": true,
		"info:sshd|web1": false, "error": true, "///": false,
	} {
		got := line(t, withTopic(topic, strings.Replace(payload, ":18Z", ":19Z", 1)))
		if shown := strings.Contains(got, "["+topic+"] x"); shown != want {
			t.Errorf("%q: %q", topic, got)
		}
	}
}

// What --grep finds is shown, wherever the text has it.
func TestFound(t *testing.T) {
	m := withTopic("t", "<14>1 2026-11-30T17:03:19Z web1 web - - - web x\x1b webweb\nx web")
	m.Received = at
	p := Printer{Color: true, Terminal: true, Grep: regexp.MustCompile("web|^"), Zone: time.UTC}
	got := string(p.Append(nil, &m, nil))
	web := foundColor + "web" + reset
	if want := web + " x#033 " + web + web + "\n  x " + web + "\n"; !strings.HasSuffix(got, "[t] "+want) {
		t.Errorf("%q", got)
	}
	p.Color = false
	if got := string(p.Append(nil, &m, nil)); strings.Contains(got, "\x1b") {
		t.Errorf("without colours: %q", got)
	}
}

// Times are in the local zone, or in another one, and have a date if they are of another day there.
func TestClock(t *testing.T) {
	zone := time.FixedZone("", 5*60*60)
	late := time.Date(2026, 11, 30, 19, 30, 0, 0, time.UTC) // after midnight in the zone
	for _, c := range []struct {
		t, received time.Time
		want        string
	}{
		{late, late, "00:30:00"},
		{late.Add(-time.Hour), late, "2026-11-30T23:30:00"},
		{late.Add(-time.Hour), late.Add(-time.Hour), "23:30:00"},
		{late, time.Time{}, "00:30:00"},
		{time.Time{}, time.Time{}, "-"},
		{late, late, "00:30:00"},
	} {
		clock := clock{zone: zone}
		for range 2 { // the second time it is remembered
			if got := string(clock.append(nil, c.t, c.received)); got != c.want {
				t.Errorf("%v, received at %v: %s, want %s", c.t, c.received, got, c.want)
			}
		}
	}
	local := clock{}
	if got := string(local.append(nil, late, late)); got != late.Local().Format(time.TimeOnly) {
		t.Errorf("local: %s", got)
	}
}

func TestFormat(t *testing.T) {
	m := message.Message{Topic: []byte("t"), HasTopic: true, Received: at,
		Payload: []byte("<27>1 2026-11-30T18:03:18.123456+01:00 web3 nginx 6883 ID [a@1 b=\"c\"] {\"msg\":\"x\\u001b\",\"n\":1}\n")}
	for format, want := range map[string]string{
		"{time} {host} {text}":          `17:03:18 web3 x#033 n=1 b=c`,
		"{date}|{timestamp}|{received}": "2026-11-30|2026-11-30T17:03:18.123456Z|2026-11-30T17:03:19.000000Z",
		`{program}\t{pid}{facility}`:    "nginx\t6883daemon",
		"{severity}{{{topic}}}":         "error{t}",
		"{msgid} {structured} {fields}": `ID [a@1 b="c"] {"msg":"x\u001b","n":1}`,
		"{message}":                     `<27>1 2026-11-30T18:03:18.123456+01:00 web3 nginx 6883 ID [a@1 b="c"] {"msg":"x\u001b","n":1}`,
		"zmqtap: {host}":                "#172mqtap: web3",
		`a\\b`:                          `a\b`,
		"":                              "",
	} {
		f, err := ParseFormat(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		p := Printer{Format: f, Zone: time.UTC}
		if got := string(p.Append(nil, &m, nil)); got != want+"\n" {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
		p.Color = true
		if got := string(stripColors(p.Append(nil, &m, nil))); got != want+"\n" {
			t.Errorf("%s in colours: %q", format, got)
		}
	}
	for _, name := range FieldNames() {
		f, err := ParseFormat("{" + name + "}")
		if err != nil {
			t.Error(err)
			continue
		}
		p := Printer{Format: f}
		if got := string(p.Append(nil, &message.Message{}, nil)); got != "-\n" {
			t.Errorf("an empty message has the %s %q", name, got)
		}
	}
	for _, wrong := range []string{"{hots}", "{host", "{", "}", "a}b", `\`, `\n`, "a\nb", "\x1b", "{host }"} {
		if f, err := ParseFormat(wrong); err == nil {
			t.Errorf("%q is %v", wrong, f)
		}
	}
}
