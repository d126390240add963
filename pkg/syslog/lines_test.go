package syslog_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog/table"
)

// Of two thousand lines of twelve kinds, each field is what the line was made of.
func TestLines(t *testing.T) {
	for _, c := range table.Lines(t, "../../testdata/lines") {
		l := syslog.Read([]byte(c.Topic), []byte(c.Line), received)
		got := table.Line{Kind: c.Kind, Topic: c.Topic, Line: c.Line, Differs: c.Differs, Time: c.Time, Host: string(l.Host),
			Program: string(l.Program), PID: string(l.PID), MsgID: string(l.MessageID), Structured: string(l.Structured),
			Text: string(l.Text), Facility: c.Facility, Fields: c.Fields}
		if l.Severity >= 0 {
			got.Severity = severity.Severity(l.Severity).String()
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%s: %q is\n%+v, want\n%+v", c.Kind, c.Line, got, c)
		}
		if c.Facility == nil != (l.Facility < 0) || c.Facility != nil && l.Facility != *c.Facility {
			t.Errorf("%s: the facility of %q is %d", c.Kind, c.Line, l.Facility)
		}
		if want := c.At(t, received); !l.Time.Equal(want) {
			t.Errorf("%s: the time of %q is %v, want %v", c.Kind, c.Line, l.Time, want)
		}
		if c.Fields == nil != (l.Object == nil) || c.Fields != nil && !sameJSON(t, c.Fields, l.Object) {
			t.Errorf("%s: the object in %q is %s", c.Kind, c.Line, l.Object)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var of [2]any
	for i, text := range [][]byte{a, b} {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&of[i]); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return reflect.DeepEqual(of[0], of[1])
}

// The JSON of each line has its fields, and is what encoding/json reads.
func TestJSONOfLines(t *testing.T) {
	for _, c := range table.Lines(t, "../../testdata/lines") {
		m := message.Message{Topic: []byte(c.Topic), HasTopic: c.Topic != "", Payload: []byte(c.Line), Received: received}
		var got struct {
			Message, Time, Host, Program, PID, Facility, Severity string

			Text       *string
			Structured map[string]map[string]string
			Fields     json.RawMessage
		}
		text := syslog.AppendJSON(nil, &m)
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got.Text == nil {
			got.Text = &got.Message
		}
		facility := ""
		if c.Facility != nil {
			facility = syslog.FacilityName(*c.Facility)
		}
		if got.Message != c.Line || got.Host != c.Host || got.Program != c.Program || got.PID != c.PID || *got.Text != c.Text ||
			got.Severity != c.Severity || got.Facility != facility || (got.Time == "") != (c.Time == "") ||
			c.Fields != nil && !sameJSON(t, c.Fields, got.Fields) || len(got.Structured) > 0 != (c.Structured != "") {
			t.Errorf("%s: %q becomes %s", c.Kind, c.Line, text)
		}
		if want := c.At(t, received).Truncate(time.Microsecond); c.Time != "" && !table.Instant(t, got.Time, received).Equal(want) {
			t.Errorf("%s: the time of %q becomes %s", c.Kind, c.Line, got.Time)
		}
	}
}
