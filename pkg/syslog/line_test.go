package syslog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog/table"
)

func TestRead(t *testing.T) {
	for _, c := range []struct{ topic, payload, want string }{
		{"", "<165>1 2026-10-11T22:14:15.003123+02:00 web1 app 8710 ID47 [a@1 x=\"1\"][b y=\"\\\"\"] text", "22:14:15.003123+02:00 web1 app 8710 20.5 ID47 [a@1 x=\"1\"][b y=\"\\\"\"] {text} "},
		{"", "<165>1 - - - - - - \ufefftext\n at\n", "- - - - 20.5 - - {text\n at} "},
		{"", "<165>1 - h a - - [broken text", "- h a - 20.5 - - {[broken text} "},
		{"", "<86>Oct 11 22:14:15 web1 sshd[4123]: Accepted", "22:14:15+03:00 web1 sshd 4123 10.6 - - {Accepted} "},
		{"", `<13>Oct 11 22:14:15 web1 app: @cee: {"msg":"a\nb","n":1} `, `22:14:15+03:00 web1 app - 1.5 - - {a` + "\nb" + `} {"msg":"a\nb","n":1}`},
		{"", `{"level":"error","event":"x","host":"h"}`, `- h - - -1.3 - - {x} {"level":"error","event":"x","host":"h"}`},
		{"billing.ERROR", "disk full", "- - - - -1.3 - - {disk full} "},
		{"", "ERROR:root:disk full", "- - - - -1.3 - - {ERROR:root:disk full} "},
		{"", "<13>hello", "- - - - 1.5 - - {hello} "},
		{"", "<hello>", "- - - - -1.-1 - - {<hello>} "},
		{"", "", "- - - - -1.-1 - - {} "},
		{"", "2026-10-11T22:14:15Z INFO main.go:12 x", "22:14:15Z - - - -1.6 - - {INFO main.go:12 x} "},
		{"", "2026-10-11T22:14:15Z stdout F ERROR: x", "22:14:15Z - - - -1.3 - - {ERROR: x} "},
	} {
		l := syslog.Read([]byte(c.topic), []byte(c.payload), received)
		if got := shown(l); got != c.want {
			t.Errorf("%q is\n%s, want\n%s", c.payload, got, c.want)
		}
	}
}

// shown is a Line in the order of its fields.
func shown(l syslog.Line) string {
	text := func(b []byte) string {
		if b == nil {
			return "-"
		}
		return string(b)
	}
	instant := "-"
	if !l.Time.IsZero() {
		instant = l.Time.Format("15:04:05.999999Z07:00")
	}
	return fmt.Sprintf("%s %s %s %s %d.%d %s %s {%s} %s", instant, text(l.Host), text(l.Program), text(l.PID), l.Facility,
		l.Severity, text(l.MessageID), text(l.Structured), l.Text, l.Object)
}

func TestAppendJSON(t *testing.T) {
	for payload, want := range map[string]string{
		"<165>1 2026-10-11T22:14:15.0031239+02:00 web1 app 8710 ID47 [a@1 x=\"1\" y=\"\\\"\"][b][c z=\"\"] text": `"time":"2026-10-11T22:14:15.003123+02:00","host":"web1","program":"app","pid":"8710","facility":"local4","severity":"notice","text":"text","structured":{"a@1":{"x":"1","y":"\""},"b":{},"c":{"z":""}}`,
		`{ "msg" : "x\u00e4", "n":1 }`: `"text":"xä","fields":{"msg":"x\u00e4","n":1}`,
	} {
		m := message.Message{Payload: []byte(payload), Received: received}
		before := message.AppendJSON(nil, &m)
		if got := string(syslog.AppendJSON(nil, &m)); got != string(before[:len(before)-1])+","+want+"}" {
			t.Errorf("%q becomes\n%s, want\n%s", payload, got, want)
		}
	}
}

// The examples in docs/tap.md are what AppendJSON makes of their topic, message and received.
func TestDocumentedJSON(t *testing.T) {
	page, err := os.ReadFile("../../docs/tap.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "\n```json\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	lines := strings.Split(block, "\n")
	for _, want := range lines {
		var of struct {
			Topic    *string
			Message  string
			Received time.Time
		}
		if err := json.Unmarshal([]byte(want), &of); err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		m := message.Message{Payload: []byte(of.Message), Received: of.Received}
		if of.Topic != nil {
			m.Topic, m.HasTopic = []byte(*of.Topic), true
		}
		if got := string(syslog.AppendJSON(nil, &m)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if len(lines) < 2 {
		t.Error("no examples")
	}
}

// FuzzRead checks what holds for every payload: the header is that of Parse, where the payload has one; the parts are
// parts of it; what follows it in memory is not read; and its JSON is one line, valid and the same as message's as far
// as that goes.
func FuzzRead(f *testing.F) {
	for _, c := range table.Lines(f, "../../testdata/lines")[:200] {
		f.Add([]byte(c.Topic), []byte(c.Line))
	}
	f.Fuzz(func(t *testing.T, topic, payload []byte) {
		l := syslog.Read(topic, payload[:len(payload):len(payload)], received)
		h := syslog.Parse(payload, received)
		if h.Severity < 0 {
			h.Severity = l.Severity
		}
		if !same(h, l.Header) {
			t.Fatalf("the header of %q is %+v, want %+v", payload, l.Header, h)
		}
		for _, part := range [][]byte{l.MessageID, l.Structured, l.Text, l.Object} {
			if !bytes.Contains(payload, part) && bytes.IndexByte(payload, '\\') < 0 {
				t.Fatalf("%q is not a part of %q", part, payload)
			}
		}
		followed := append(bytes.Clone(payload), `"}] 1: x`...)
		if again := syslog.Read(topic, followed[:len(payload)], received); shown(again) != shown(l) {
			t.Fatalf("what follows %q in memory is read: %s, %s", payload, shown(again), shown(l))
		}
		m := message.Message{Topic: topic, HasTopic: true, Payload: payload, Received: received}
		text, before := syslog.AppendJSON(nil, &m), message.AppendJSON(nil, &m)
		if !bytes.HasPrefix(text, before[:len(before)-1]) || !json.Valid(text) || !utf8.Valid(text) || bytes.ContainsAny(text, "\n\r\u2028\u2029") {
			t.Fatalf("%q becomes %q", payload, text)
		}
	})
}
