package table

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Line is a row of testdata/lines: a payload and what it says. A field that is "" is absent.
type Line struct {
	Kind  string // of program: the name of the file
	Topic string
	Line  string

	Time, Host, Program, PID, MsgID, Structured, Text string

	Facility *int            // nil: unknown
	Severity string          // rsyslog's name
	Fields   json.RawMessage // the JSON object that the text is; nil: none
	Differs  *struct {
		Why    string
		Fields []string // which rsyslogd reads otherwise
	}
}

// Kinds is how many kinds of programs there are lines of, and odd lines.
const Kinds = 13

// Lines reads the lines of a folder.
func Lines(t testing.TB, folder string) (lines []Line) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != Kinds {
		t.Fatalf("%d files in %s: %v", len(files), folder, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var some []Line
		if err := json.Unmarshal(text, &some); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range some {
			some[i].Kind = filepath.Base(file)
		}
		lines = append(lines, some...)
	}
	if len(lines) < 2000 {
		t.Fatalf("only %d lines", len(lines))
	}
	return lines
}

// At returns the line's time, as Instant does; received is when it was received.
func (l *Line) At(t *testing.T, received time.Time) time.Time {
	t.Helper()
	return Instant(t, l.Time, received)
}
