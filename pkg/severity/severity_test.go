package severity

import (
	"strings"
	"testing"
)

const none = Severity(255) // in tables: Of finds no severity

func check(t *testing.T, payload string, want Severity) {
	t.Helper()
	got, found := Of([]byte(payload))
	if found != (want != none) || found && got != want {
		t.Errorf("Of(%.80q) = %v, %v; want %v", payload, got, found, want)
	}
}

func TestPRI(t *testing.T) {
	for _, c := range []struct {
		payload string
		want    Severity
	}{
		{"<0>kernel", Emerg},
		{"<1>", Alert},
		{"<13>Oct 11 22:14:15 host su: failed", Notice},
		{"<34>1 2026-10-11T22:14:15.003Z host su - ID47 - failed", Crit},
		{"<191>x", Debug},
		{"<011>x", Err},
		{"<192>x", none},
		{"<999>x", none},
		{"<0191>x", none},
		{"<>x", none},
		{"<13", none},
		{"<", none},
		{"<-1>x", none},
		{"< 1>x", none},
		{"<1 >x", none},
		{" <13>x", none},
		{"<b>level</b>", none},
		{`<x{"level":"err"}`, none},
		{"", none},
		{"plain text, level=error", none},
	} {
		check(t, c.payload, c.want)
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		want          Severity
	}{
		{"jsonmesg", `{ "msg": "hello", "rawmsg": "<133>1 - h a 1 - - hello", "hostname": "h", "pri": "133", "syslogfacility": "16", "syslogseverity": "5", "uuid": null, "$!": null }`, Notice},
		{"severity first", `{"syslogseverity":"3","pri":"133"}`, Err},
		{"jsonf", `{"syslogseverity-text":"warning", "n":5}`, Warning},
		{"jsonf number", `{"syslogseverity":4}`, Warning},
		{"old name", `{"syslogpriority-text":"err"}`, Err},
		{"pri-text", `{"pri-text":"local0.notice"}`, Notice},
		{"old pri-text", `{"pri-text":"local0.err<133>"}`, Err},
		{"pri-text with a number", `{"pri-text":"3"}`, none},
		{"pri", `{"pri":191}`, Debug},
		{"pri too large", `{"pri":192}`, none},
		{"Logstash", `{"@timestamp":"2026-01-01T00:00:00Z","severity_label":"Critical"}`, Crit},
		{"journald", `{"MESSAGE":"x","PRIORITY":"6"}`, Info},
		{"GELF", `{"version":"1.1","host":"h","short_message":"m","level":0}`, Emerg},
		{"logrus", `{"level":"warning","msg":"x","time":"2026-01-01T00:00:00Z"}`, Warning},
		{"zap", `{"level":"dpanic","ts":1.5e9,"caller":"a.go:1","msg":"x"}`, Crit},
		{"slog", `{"time":"2026-01-01T00:00:00Z","level":"WARN","msg":"x"}`, Warning},
		{"slog with an offset", `{"level":"ERROR+2"}`, Err},
		{"slog below debug", `{"level":"DEBUG-4"}`, Debug},
		{"not an offset", `{"level":"error-prone"}`, none},
		{"a half offset", `{"level":"error+"}`, none},
		{"pino", `{"level":50,"time":1,"msg":"x"}`, Err},
		{"Monolog", `{"level":250,"level_name":"NOTICE"}`, Notice},
		{"unknown number, then a name", `{"level":77,"level_name":"ALERT"}`, Alert},
		{"pino's numbers are level's alone", `{"priority":50}`, none},
		{"ECS", `{"log.level":"trace"}`, Debug},
		{"cookie", `@cee: {"level":"err"}`, Err},
		{"cookie alone", `@cee:`, none},
		{"space before", " \t{\"level\":\"err\"}", Err},
		{"spaces inside", "{ \"level\" :\r\n \"err\" }", Err},
		{"a text after", `{"level":"err"} trailing`, Err},
		{"cut off after it", `{"level":"err","msg":"cut o`, Err},
		{"first of two", `{"level":"info","severity":"emerg"}`, Info},
		{"not top level", `{"a":{"level":"err"},"b":[{"level":"err"}]}`, none},
		{"after nested values", `{"a":{"b":["}",{}]},"c":[],"d":[[1],"]"],"level":"err"}`, Err},
		{"in a value", `{"msg":"\"level\":\"err\"","x":"{"}`, none},
		{"escaped quote", `{"msg":"a\\\"","level":"err"}`, Err},
		{"escaped backslash", `{"msg":"a\\","level":"err"}`, Err},
		{"numbers", `{"a":-0.5e+10,"b":0,"c":12E3,"d":1.25,"level":"err"}`, Err},
		{"words", `{"a":true,"b":false,"c":null,"level":"err"}`, Err},
		{"other types", `{"level":null,"severity":true,"priority":[3],"pri":{"x":3}}`, none},
		{"not a severity's number", `{"level":-1,"severity":3.0,"priority":3e0,"pri":1000}`, none},
		{"8", `{"severity":8}`, none},
		{"empty name", `{"level":"","":"err"}`, none},
		{"long name", `{"level":"` + strings.Repeat("e", 100) + `"}`, none},
		{"long key", `{"` + strings.Repeat("level", 100) + `":"err","level":"info"}`, Info},
		{"empty", `{}`, none},
		{"array", `["level","err"]`, none},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, c.payload, c.want) })
	}
}

func TestNames(t *testing.T) {
	for want, names := range map[Severity]string{
		Emerg: "emerg emergency panic", Alert: "alert", Crit: "crit critical fatal", Err: "err error", Warning: "warn warning",
		Notice: "notice", Info: "info informational information", Debug: "debug trace",
		none: "none off unknown errors er alerting",
	} {
		for _, name := range strings.Fields(names) {
			for _, cased := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
				check(t, `{"LEVEL":"`+cased+`"}`, want)
			}
		}
	}
	for s := Emerg; s <= Debug; s++ {
		check(t, `{"severity":"`+s.String()+`"}`, s)
	}
	if got := Severity(8).String(); got != "invalid" {
		t.Errorf("8 is %q", got)
	}
}

// What the keys and numbers of the package's comment mean.
func TestKeys(t *testing.T) {
	for _, key := range strings.Fields("severity severity_label syslogseverity syslogseverity-text syslogpriority " +
		"syslogpriority-text priority level level_name levelname loglevel log.level") {
		check(t, `{"`+key+`":"notice"}`, Notice)
		check(t, `{"`+strings.ToUpper(key)+`":4}`, Warning)
	}
}

func TestNumbers(t *testing.T) {
	for want, numbers := range map[Severity]string{
		Emerg: "0 600", Alert: "1 550", Crit: "2 60 500", Err: "3 50 400", Warning: "4 40 300", Notice: "5 250",
		Info: "6 30 200", Debug: "7 10 20 100", none: "8 9 11 59 61 133 150 999",
	} {
		for _, n := range strings.Fields(numbers) {
			check(t, `{"level":`+n+`}`, want)
			check(t, `{"level":"`+n+`"}`, want)
		}
	}
}

func TestMalformedJSON(t *testing.T) {
	for _, payload := range []string{
		`{`, `{"`, `{"level`, `{"level"`, `{"level":`, `{"level":"`, `{"level":"err`, `{"level":"err"`, `{"level":3`,
		`{level:"err"}`, `{'level':'err'}`, `{"level" "err"}`, `{"level"="err"}`, `{"level":err}`, `{"level":"err"]`,
		`{,"level":"err"}`, `{"a":1 "level":"err"}`, `{"a":1,,"level":"err"}`, `{"a":,"level":"err"}`, `{"a","level":"err"}`,
		`{"a":01,"level":"err"}`, `{"a":1.,"level":"err"}`, `{"a":.5,"level":"err"}`, `{"a":-,"level":"err"}`, `{"a":1e,"level":"err"}`,
		`{"a":+1,"level":"err"}`, `{"a":1e+,"level":"err"}`, `{"a":tru,"level":"err"}`, `{"a":nul`, `{"a":truee,"level":"err"}`,
		"{\"a\":\"line\nfeed\",\"level\":\"err\"}", "{\"a\":\"\x1f\",\"level\":\"err\"}", `{"a":[1,"level":"err"}`, `{"a":{"b":"c,"level":"err"}`, `{"a":"\`, `{"a":"\"`,
		`{"a":["\`, `{]"level":"err"}`, `}`, `{{"level":"err"}}`,
	} {
		check(t, payload, none)
	}
}

// Nothing after the limit is looked at.
func TestLimit(t *testing.T) {
	const rest = `","level":"err"}`
	room := maxLook - len(`{"a":"`) - len(rest)
	check(t, `{"a":"`+strings.Repeat("x", room)+rest, Err)
	check(t, `{"a":"`+strings.Repeat("x", room+1)+rest, none)
	check(t, strings.Repeat(" ", maxLook)+`{"level":"err"}`, none)
	check(t, strings.Repeat(`{"a":`, 1<<20), none)
	check(t, `{"a":`+strings.Repeat(`[`, 1<<20), none)
}

var sink Severity

func TestNoAllocations(t *testing.T) {
	for name, text := range samples {
		payload := []byte(text)
		if n := testing.AllocsPerRun(100, func() { sink, _ = Of(payload) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

var samples = map[string]string{
	"PRI":      "<133>1 2026-01-01T00:00:00Z host app 12 - - hello",
	"slog":     `{"time":"2026-01-01T00:00:00.000000000Z","level":"WARN","msg":"connection lost","peer":"192.0.2.7:5555"}`,
	"jsonmesg": `{ "msg": "hello", "rawmsg": "<133>1 2026-01-01T00:00:00Z host app 12 - - hello", "timereported": "2026-01-01T00:00:00Z", "hostname": "host", "syslogtag": "app[12]", "inputname": "imptcp", "fromhost": "localhost", "fromhost-ip": "127.0.0.1", "pri": "133", "syslogfacility": "16" }`,
	"longest":  `{"a":"` + strings.Repeat("x", 2*maxLook),
	"text":     "a line of text without anything",
}

func BenchmarkOf(b *testing.B) {
	for _, name := range []string{"PRI", "slog", "jsonmesg", "longest", "text"} {
		payload := []byte(samples[name])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink, _ = Of(payload)
			}
		})
	}
}
