package syslog_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog/table"
)

// samples are lines to measure.
var samples = []struct{ name, line string }{
	{"RFC5424", "<165>1 2026-10-11T22:14:15.003123+02:00 web1.example.com postfix/smtpd 8710 - - connect from unknown[192.0.2.7]"},
	{"RFC5424-long", `<165>1 2026-10-11T22:14:15.003Z web1.example.com app 8710 ID47 [exampleSDID@32473 iut="3" eventSource="Application"] ` + strings.Repeat("text ", 80)},
	{"RFC3164", "<86>Oct 11 22:14:15 web1 sshd[4123]: Accepted publickey for root from 192.0.2.7 port 50022 ssh2"},
	{"ForwardFormat", "<86>2026-10-11T22:14:15.123456+02:00 web1 sshd[4123]: Accepted publickey for root from 192.0.2.7 port 50022 ssh2"},
	{"jsonf", `{"time":"2026-10-11T22:14:15.123456+02:00", "host":"web1", "facility":"authpriv", "severity":"info", "tag":"sshd[4123]:", "message":" Accepted publickey"}`},
	{"jsonmesg", `{ "msg": " Accepted publickey", "rawmsg": "<86>Oct 11 22:14:15 web1 sshd[4123]: Accepted publickey", "timereported": "2026-10-11T22:14:15.000000+02:00", "hostname": "web1", "syslogtag": "sshd[4123]:", "inputname": "imptcp", "fromhost": "relay", "fromhost-ip": "192.0.2.1", "pri": "86", "syslogfacility": "10", "syslogseverity": "6", "timegenerated": "2026-10-11T22:14:16.651823+02:00", "programname": "sshd", "protocol-version": "0", "structured-data": "-", "app-name": "sshd", "procid": "4123", "msgid": "-", "uuid": null, "$!": null }`},
	{"text", "2026/10/11 22:14:15 [error] 7#7: *1 open() failed"},
	{"a-string-of-1MiB", `{"a":"` + strings.Repeat("x", 1<<20)},
	{"brackets-of-1MiB", `{"a":` + strings.Repeat("[", 1<<20)},
	{"members-of-1MiB", `{` + strings.Repeat(`"a":1,`, 1<<18)},
	{"tags-of-1MiB", `{` + strings.Repeat(`"tag":"",`, 1<<17)},
}

var (
	sink     syslog.Header
	lineSink syslog.Line
)

func TestNoAllocations(t *testing.T) {
	lines := make([]string, 0, len(samples))
	for _, s := range samples {
		lines = append(lines, s.line)
	}
	for _, c := range table.Lines(t, "../../testdata/lines") {
		lines = append(lines, c.Line)
	}
	topic, room := []byte("billing.ERROR"), make([]byte, 0, 8<<20)
	for _, text := range lines {
		m := message.Message{Topic: topic, HasTopic: true, Payload: []byte(text), Received: received}
		for name, read := range map[string]func(){
			"Parse":      func() { sink = syslog.Parse(m.Payload, received) },
			"Read":       func() { lineSink = syslog.Read(topic, m.Payload, received) },
			"AppendJSON": func() { syslog.AppendJSON(room, &m) },
		} {
			if n := testing.AllocsPerRun(1, read); n != 0 && !strings.Contains(text, `\`) {
				t.Errorf("%s: %v allocations for %.200q, want none", name, n, text)
			}
		}
	}
}

// What is beyond 64 KiB is text; what nests too deep is text and no object.
func TestLimits(t *testing.T) {
	const header = "<13>1 - h a - - "
	long := strings.Repeat("x", 64<<10)
	for name, c := range map[string]struct{ payload, text, structured, object string }{
		"a long text":            {header + "- " + long, long, "", ""},
		"long structured data":   {header + `[a x="` + long + `"] y`, `[a x="` + long + `"] y`, "", ""},
		"a long object":          {header + `- {"msg":"` + long + `"}`, `{"msg":"` + long + `"}`, "", ""},
		"a long object alone":    {`{"msg":"a","x":"` + long + `"}`, `{"msg":"a","x":"` + long + `"}`, "", ""},
		"an object that is deep": {`{"msg":"a","x":` + nested(63) + `}`, "a", "", `{"msg":"a","x":` + nested(63) + `}`},
		"one that is too deep":   {`{"msg":"a","x":` + nested(64) + `}`, `{"msg":"a","x":` + nested(64) + `}`, "", ""},
	} {
		l := syslog.Read(nil, []byte(c.payload), received)
		if string(l.Text) != c.text || string(l.Structured) != c.structured || string(l.Object) != c.object {
			t.Errorf("%s: %.40q… of %d bytes, %.40q, %.40q", name, l.Text, len(l.Text), l.Structured, l.Object)
		}
	}
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// The package does no I/O: it imports nothing that could.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			switch path := strings.Trim(i.Path.Value, `"`); {
			case slices.Contains([]string{"bytes", "time", "sync/atomic", "unicode/utf16", "unicode/utf8"}, path):
			case strings.HasSuffix(path, "/pkg/message"), strings.HasSuffix(path, "/pkg/object"), strings.HasSuffix(path, "/pkg/severity"):
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// What is beyond 64 KiB is not read.
func TestLook(t *testing.T) {
	const host = `"host":"web1"}`
	for _, c := range []struct {
		total int
		want  string
	}{{64 << 10, "web1"}, {64<<10 + len(host), ""}} {
		line := `{"a":"` + strings.Repeat("x", c.total-len(`{"a":"",`)-len(host)) + `",` + host
		if h := syslog.Parse([]byte(line), received); string(h.Host) != c.want {
			t.Errorf("of %d bytes the host is %q, want %q", len(line), h.Host, c.want)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	local := received.In(time.Local)
	for _, s := range samples {
		line := []byte(s.line)
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = syslog.Parse(line, local)
			}
		})
		b.Run(s.name+"/Read", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				lineSink = syslog.Read(nil, line, local)
			}
		})
		b.Run(s.name+"/JSON", func(b *testing.B) {
			b.ReportAllocs()
			m := message.Message{Payload: line, Received: local}
			for room := []byte(nil); b.Loop(); {
				room = syslog.AppendJSON(room[:0], &m)
			}
		})
		b.Run(s.name+"/JSON-without-fields", func(b *testing.B) {
			b.ReportAllocs()
			m := message.Message{Payload: line, Received: local}
			for room := []byte(nil); b.Loop(); {
				room = message.AppendJSON(room[:0], &m)
			}
		})
		b.Run(s.name+"/host-and-time", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = syslog.ParseOnly(line, local, syslog.Host|syslog.Time)
			}
		})
	}
}
