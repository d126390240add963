package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog/table"
)

// What pkg/syslog reads in a line, against what rsyslogd reads in it.

// writtenForms are the templates in which rsyslogd writes each line that it has read.
var writtenForms = []string{"RSYSLOG_FileFormat", "RSYSLOG_TraditionalFileFormat", "forward", "traditional",
	"RSYSLOG_SyslogProtocol23Format", "jsonmesg", "properties"}

// readHeaders writes what rsyslogd reads in a line, and the line in every form. The templates forward and traditional
// are RSYSLOG_ForwardFormat and RSYSLOG_TraditionalForwardFormat with the end of a line.
const readHeaders = `
template(name="read" type="list" option.jsonf="on") {
	property(outname="Host" name="hostname" format="jsonf")
	property(outname="From" name="fromhost" format="jsonf")
	property(outname="Program" name="programname" format="jsonf")
	property(outname="PID" name="procid" format="jsonf")
	property(outname="Time" name="timereported" dateFormat="rfc3339" format="jsonf")
	property(outname="PRI" name="pri" format="jsonf")
}
template(name="forward" type="string"
         string="<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%\n")
template(name="traditional" type="string"
         string="<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%\n")
template(name="jsonmesg" type="string" string="%jsonmesg%\n")
template(name="properties" type="list" option.jsonf="on") {
	property(name="timereported" format="jsonf")
	property(name="hostname" format="jsonf")
	property(name="syslogtag" format="jsonf")
	property(name="syslogfacility-text" format="jsonf")
	property(name="syslogseverity-text" format="jsonf")
}
ruleset(name="in") {
	action(type="omfile" file="[dir]/read" template="read")
	[forms]
}
`

// readHeader is a line of the file "read". What rsyslogd calls "-" is absent.
type readHeader struct{ Host, From, Program, PID, Time, PRI string }

// startReading has rsyslogd read lines. It returns what it has read in each, and the instance, whose files have the
// name of their form.
func startReading(t *testing.T, cases []table.Case) ([]readHeader, *rsyslogd) {
	t.Helper()
	var actions strings.Builder
	for _, form := range writtenForms {
		fmt.Fprintf(&actions, "action(type=\"omfile\" file=\"[dir]/%s\" template=%q)\n", form, form)
	}
	r := startRsyslogd(t, preamble+wayIn+strings.ReplaceAll(readHeaders, "[forms]", actions.String()))
	conn := r.input(t)
	for _, c := range cases {
		if _, err := conn.Write([]byte(c.Line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	closeRead(t, conn)
	for _, form := range append(writtenForms, "read") {
		eventually(t, patience, "rsyslogd writes "+form, func() bool { return len(fileLines(r.file(form))) == len(cases) })
	}
	var read []readHeader
	for _, line := range fileLines(r.file("read")) {
		var h readHeader
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			t.Fatalf("rsyslogd wrote %q: %v", line, err)
		}
		for _, field := range []*string{&h.Host, &h.Program, &h.PID} {
			if *field == "-" {
				*field = ""
			}
		}
		read = append(read, h)
	}
	return read, r
}

func closeRead(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// fileLines returns the complete lines of a file that may not exist yet.
func fileLines(path string) []string {
	text, _ := os.ReadFile(path)
	lines := strings.Split(string(text), "\n")
	return lines[:len(lines)-1]
}

// rsyslogdReads returns the rows of the table that are of a form that rsyslogd parses.
func rsyslogdReads(t *testing.T) (cases []table.Case) {
	t.Helper()
	for _, c := range table.Read(t, "../testdata/headers.json") {
		if !c.JSON {
			cases = append(cases, c)
		}
	}
	return cases
}

// midYear makes its own year that of every time without one, as rsyslogd does always. rsyslogd's zone is that of now.
func midYear() time.Time {
	now := time.Now()
	_, offset := now.Zone()
	return time.Date(now.Year(), time.July, 2, 12, 0, 0, 0, time.FixedZone("", offset))
}

func TestHeadersAsRsyslogd(t *testing.T) {
	t.Parallel()
	cases := rsyslogdReads(t)
	read, r := startReading(t, cases)
	r.stop(t)
	received := midYear()
	for i, c := range cases {
		got, want := read[i], c.AskRsyslogd()
		if want.Host == "" && got.Host == got.From {
			got.Host = ""
		}
		if got.Host != want.Host || got.Program != want.Program || got.PID != want.PID {
			t.Errorf("%s: in %.200q rsyslogd reads %+v, the table has %+v", c.Why, c.Line, got, want)
		}
		if c.PRI != nil && got.PRI != fmt.Sprint(*c.PRI) {
			t.Errorf("%s: in %.200q rsyslogd reads the PRI %s, the table has %d", c.Why, c.Line, got.PRI, *c.PRI)
		}
		if want.Time == "" || want.Time == got.Time {
			continue // without one, rsyslogd takes the time of reception
		}
		if read, instant := table.Instant(t, got.Time, received), table.Instant(t, want.Time, received); !read.Equal(instant) {
			t.Errorf("%s: in %.200q rsyslogd reads the time %s, the table has %v", c.Why, c.Line, got.Time, instant)
		}
	}
}

// Of what rsyslogd writes, in the forms of its own templates, the same is read as rsyslogd says.
func TestHeadersOfRsyslogdsForms(t *testing.T) {
	t.Parallel()
	cases := rsyslogdReads(t)
	read, r := startReading(t, cases)
	r.stop(t)
	received := midYear()
	for _, form := range writtenForms {
		for i, line := range fileLines(r.file(form)) {
			want, readable := expected(form, &cases[i], read[i])
			if !readable {
				continue
			}
			h := syslog.Parse([]byte(line), received)
			if string(h.Host) != want.Host || string(h.Program) != want.Program || string(h.PID) != want.PID {
				t.Errorf("%s: %s %.200q is %q %q %q, want %+v", cases[i].Why, form, line, h.Host, h.Program, h.PID, want)
			}
			if !sameTime(t, form, h.Time, want.Time) {
				t.Errorf("%s: %s %.200q has the time %v, want %s", cases[i].Why, form, line, h.Time, want.Time)
			}
		}
	}
}

// expected returns what is to be read in a form. Some of what rsyslogd writes it could not read itself: what had no
// valid PRI, a tag that the form cuts, and a host that is not ASCII.
func expected(form string, c *table.Case, read readHeader) (want readHeader, readable bool) {
	const cut = 32 // bytes of a tag
	cuts := form == "forward" || form == "traditional"
	switch {
	case c.Rsyslogd != nil, read.PRI == "invld", strings.ContainsFunc(read.Host, func(r rune) bool { return r > '~' }),
		cuts && len(read.Program)+len("[]:")+len(read.PID) > cut:
		return want, false
	case form == "jsonmesg" && read.Host == "":
		read.Host = read.From
	}
	return read, true
}

// sameTime reports whether a time is the one that was written, to the second. Three forms have neither year nor zone.
func sameTime(t *testing.T, form string, got time.Time, written string) bool {
	t.Helper()
	switch form {
	case "RSYSLOG_TraditionalFileFormat", "traditional", "properties":
		const yearless = "01-02T15:04:05"
		wall := table.Instant(t, written[:len("2026-10-11T22:14:15")]+"Z", got)
		return got.Format(yearless) == wall.Format(yearless)
	}
	return got.Unix() == table.Instant(t, written, got).Unix()
}
