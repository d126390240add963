package syslog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog/table"
)

const rows = "../../testdata/headers.json"

// received makes its own year that of every time of the table without one. Its zone is no other one there.
var received = time.Date(2026, time.July, 2, 12, 0, 0, 0, time.FixedZone("", 3*3600))

func TestTable(t *testing.T) {
	for _, c := range table.Read(t, rows) {
		h := syslog.Parse([]byte(c.Line), received)
		got := table.Answer{Time: c.Time, Host: string(h.Host), Program: string(h.Program), PID: string(h.PID)}
		if want := table.Instant(t, c.Time, received); !h.Time.Equal(want) {
			got.Time = h.Time.Format(time.RFC3339Nano)
		}
		if got != c.Answer {
			t.Errorf("%s: %.200q is %+v, want %+v", c.Why, c.Line, got, c.Answer)
		}
		if want := c.PRI; !c.JSON && h.Severity >= 0 != (want != nil) || want != nil && h.Facility<<3|h.Severity != *want {
			t.Errorf("%s: %.200q has facility %d and severity %d", c.Why, c.Line, h.Facility, h.Severity)
		}
	}
}

// A part of the fields is the same as in all of them.
func TestParseOnly(t *testing.T) {
	for _, c := range table.Read(t, rows) {
		all := syslog.Parse([]byte(c.Line), received)
		for want := syslog.Fields(0); want <= syslog.All; want++ {
			expected := syslog.Header{Facility: -1, Severity: -1}
			if want&syslog.Time != 0 {
				expected.Time = all.Time
			}
			if want&syslog.Host != 0 {
				expected.Host = all.Host
			}
			if want&syslog.Program != 0 {
				expected.Program = all.Program
			}
			if want&syslog.PID != 0 {
				expected.PID = all.PID
			}
			if want&syslog.Priority != 0 {
				expected.Facility, expected.Severity = all.Facility, all.Severity
			}
			got := syslog.ParseOnly([]byte(c.Line), received, want)
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", expected) {
				t.Fatalf("%s: of %.200q the fields %05b are %+v, want %+v", c.Why, c.Line, want, got, expected)
			}
		}
	}
}
