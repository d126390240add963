package terminal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "web1": 4, "é": 1, "e\u0301": 1, "主机": 4, "ｶﾅ": 2, "한국": 4, "😀": 2, "…": 1, "नमस्ते": 4, "a主b": 4,
	} {
		if got := characters([]byte(text)); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""}, {"主机", 4, "主机"}, {"主机", 3, "主"}, {"主机", 1, ""}, {"a主机", 3, "a主"},
		{"ae\u0301b", 2, "ae\u0301"}, {"éé", 1, "é"},
	} {
		if got := string(cut([]byte(c.text), c.columns)); got != c.want {
			t.Errorf("%q cut to %d columns is %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

// Wide and combining characters in hosts, programs and topics shift nothing that follows.
func TestWideCharactersInColumns(t *testing.T) {
	var payloads []string
	for _, name := range []string{"web1", "主机", "主机一主机二主机三主机四主机五", "a主机一主机二主机三主机四主机五", "e\u0301e\u0301", "한국"} {
		for _, header := range []string{"<13>1 2026-11-30T17:03:18Z %[1]s %[1]s 7 - - ", "<13>1 2026-11-30T17:03:18Z %s - - - - ", "<13>1 2026-11-30T17:03:18Z - - - - - %.0s"} {
			payloads = append(payloads, name, fmt.Sprintf(header, name)) // a topic, and a payload
		}
	}
	for _, width := range []int{39, 50, 80, 81, 120, 200} {
		p := Printer{Terminal: true, Zone: time.UTC}
		p.Fit(width)
		for pass := range 2 { // in the second one, all columns are as wide as they get
			column := -1 // of the severity
			for i := 0; i < len(payloads); i += 2 {
				m := withTopic(payloads[i], payloads[i+1])
				before, _, found := strings.Cut(string(p.Append(nil, &m, nil)), "notice")
				n := ansi.StringWidthWc(before)
				if !found || (pass == 1 && column >= 0 && n != column) {
					t.Errorf("at %d columns, the severity is in column %d, and was in %d:\n%s", width, n, column, before)
				}
				column = n
			}
		}
	}
}
