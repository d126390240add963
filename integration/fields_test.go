package integration

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog/table"
)

// What the lines of testdata/lines are made of, against what rsyslogd reads in them: mmpstrucdata and mmjsonparse
// included. pkg/syslog's own test reads the same lines.

// readFields has rsyslogd read lines with line feeds in them, and write what it has read.
const readFields = `
module(load="imptcp")
module(load="mmpstrucdata")
module(load="mmjsonparse")
input(type="imptcp" address="127.0.0.1" port="0" listenPortFileName="[dir]/in.port" ruleset="in"
      supportOctetCountedFraming="on" maxFrameSize="65536")
template(name="read" type="list" option.jsonf="on") {
	property(outname="Host" name="hostname" format="jsonf")
	property(outname="From" name="fromhost" format="jsonf")
	property(outname="Program" name="programname" format="jsonf")
	property(outname="PID" name="procid" format="jsonf")
	property(outname="Time" name="timereported" dateFormat="rfc3339" format="jsonf")
	property(outname="Generated" name="timegenerated" dateFormat="rfc3339" format="jsonf")
	property(outname="PRI" name="pri" format="jsonf")
	property(outname="MsgID" name="msgid" format="jsonf")
	property(outname="Structured" name="structured-data" format="jsonf")
	property(outname="Text" name="msg" format="jsonf")
	property(outname="Params" name="$!params!rfc5424-sd" format="jsonf")
	property(outname="Object" name="$!object" format="jsonf")
	property(outname="Parsed" name="$.parsed" format="jsonf")
}
ruleset(name="in") {
	action(type="mmpstrucdata" jsonRoot="$!params" sd_name.lowercase="off")
	if $rawmsg startswith "{" then {
		action(type="mmjsonparse" cookie="" useRawMsg="on" container="$!object")
	} else {
		action(type="mmjsonparse" container="$!object")
	}
	set $.parsed = $parsesuccess;
	action(type="omfile" file="[dir]/read" template="read")
}
`

// fieldsRead is a line of the file "read".
type fieldsRead struct {
	Host, From, Program, PID, Time, Generated, PRI, MsgID, Structured, Text, Params, Object, Parsed string
}

func TestFieldsAsRsyslogd(t *testing.T) {
	t.Parallel()
	lines := table.Lines(t, "../testdata/lines")
	r := startRsyslogd(t, preamble+readFields)
	conn := r.input(t)
	for _, c := range lines {
		if _, err := fmt.Fprintf(conn, "%d %s", len(c.Line), c.Line); err != nil {
			t.Fatal(err)
		}
	}
	closeRead(t, conn)
	eventually(t, patience, "rsyslogd writes what it has read", func() bool { return len(fileLines(r.file("read"))) == len(lines) })
	written := fileLines(r.file("read"))
	r.stop(t)
	for i, c := range lines {
		var read fieldsRead
		if err := json.Unmarshal([]byte(written[i]), &read); err != nil {
			t.Fatalf("rsyslogd wrote %q: %v", written[i], err)
		}
		compareFields(t, &c, &read)
	}
}

// compareFields checks that rsyslogd reads the fields of a line otherwise that the row names, and no others.
func compareFields(t *testing.T, c *table.Line, read *fieldsRead) {
	t.Helper()
	read.tidy(c)
	var differ []string
	for _, field := range []struct{ name, want, got string }{
		{"host", c.Host, read.Host}, {"program", c.Program, read.Program}, {"pid", c.PID, read.PID}, {"text", c.Text, read.Text},
		{"msgid", c.MsgID, read.MsgID}, {"structured", c.Structured, read.Structured},
	} {
		if field.got != field.want {
			differ = append(differ, field.name)
		}
	}
	if !sameInstant(t, c, read) {
		differ = append(differ, "time")
	}
	parsed := read.Parsed == "OK"
	if parsed != (c.Fields != nil) || parsed && !reflect.DeepEqual(parsedJSON(t, string(c.Fields)), parsedJSON(t, read.Object)) {
		differ = append(differ, "fields")
	}
	var want []string
	if c.Differs != nil {
		want = c.Differs.Fields
	}
	slices.Sort(differ)
	if slices.Sort(want); !slices.Equal(differ, want) {
		t.Errorf("%s: in %q rsyslogd reads %+v, which differs in %q, the row says %q", c.Kind, c.Line, read, differ, want)
	}
	if c.Facility != nil && !strings.HasPrefix(c.Line, "{") && read.PRI != fmt.Sprint(*c.Facility<<3|severityNamed(c.Severity)) {
		t.Errorf("%s: in %q rsyslogd reads the PRI %s", c.Kind, c.Line, read.PRI)
	}
	if params := structuredJSON(t, c.Line); params != nil && read.Structured == c.Structured && !reflect.DeepEqual(params, parsedJSON(t, read.Params)) {
		t.Errorf("%s: in %q mmpstrucdata reads %s, and we %v", c.Kind, c.Line, read.Params, params)
	}
}

// structuredJSON returns the member structured of the line's JSON.
func structuredJSON(t *testing.T, line string) any {
	t.Helper()
	var of struct{ Structured any }
	text := syslog.AppendJSON(nil, &message.Message{Payload: []byte(line)})
	if err := json.Unmarshal(text, &of); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return of.Structured
}

// tidy makes what rsyslogd calls absent "". The space before a text belongs to the header of RFC 3164.
func (r *fieldsRead) tidy(c *table.Line) {
	for _, field := range []*string{&r.Host, &r.Program, &r.PID, &r.MsgID, &r.Structured} {
		if *field == "-" {
			*field = ""
		}
	}
	if c.Host == "" && r.Host == r.From {
		r.Host = ""
	}
	if !strings.Contains(c.Line[:min(7, len(c.Line))], ">1 ") {
		r.Text = strings.TrimPrefix(r.Text, " ")
	}
}

// sameInstant reports whether rsyslogd reads the line's time. Without one, it takes the time of reception.
func sameInstant(t *testing.T, c *table.Line, read *fieldsRead) bool {
	received := midYear()
	if c.Time == "" {
		return read.Time == read.Generated
	}
	return table.Instant(t, read.Time, received).Equal(c.At(t, received))
}

func severityNamed(name string) int {
	return slices.Index(strings.Fields("emerg alert crit err warning notice info debug"), name)
}

func parsedJSON(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return value
}
