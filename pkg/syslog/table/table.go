// Package table reads the table of lines and their headers that the tests of package syslog and of integration/ share:
// testdata/headers.json at the top of the repository.
package table

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// Case is a row of the table. A field that is "" is absent.
type Case struct {
	Why  string
	Line string
	Answer
	PRI      *int      // nil: unknown
	JSON     bool      // the form is one that rsyslogd does not parse
	Rsyslogd *struct { // where rsyslogd has other values; nil: nowhere
		Why                      string
		Time, Host, Program, PID *string // nil: the same
	}
}

// Answer is what a line says of itself.
type Answer struct{ Time, Host, Program, PID string }

// Instant returns a time of the table. One without a zone is in the location of received, one without a year in the
// year of received. The 60th second is that after the 59th. "" is the zero time.
func Instant(t *testing.T, text string, received time.Time) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	if before, after, leap := strings.Cut(text, ":60"); leap {
		return Instant(t, before+":59"+after, received).Add(time.Second)
	}
	if strings.Contains(text, "T") {
		instant, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	if len(strings.Split(text, "-")) == 2 {
		text = received.Format("2006-") + text
	}
	instant, err := time.ParseInLocation("2006-01-02 15:04:05", text, received.Location())
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

// AskRsyslogd returns what rsyslogd answers to the line.
func (c *Case) AskRsyslogd() Answer {
	answer := c.Answer
	if c.Rsyslogd == nil {
		return answer
	}
	for _, field := range []struct{ to, from *string }{
		{&answer.Time, c.Rsyslogd.Time},
		{&answer.Host, c.Rsyslogd.Host},
		{&answer.Program, c.Rsyslogd.Program},
		{&answer.PID, c.Rsyslogd.PID},
	} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	return answer
}

// Read reads the table.
func Read(t testing.TB, path string) (cases []Case) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 150 {
		t.Fatalf("only %d rows", len(cases))
	}
	return cases
}
