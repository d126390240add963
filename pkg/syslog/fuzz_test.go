package syslog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog/table"
)

// FuzzParse checks what holds for every line: its fields are parts of it, its severity is that of package severity,
// nothing after it is read, the same is read in RFC 5424's form of its header, and the host of a JSON object is that of
// encoding/json.
func FuzzParse(f *testing.F) {
	if seeds, err := os.ReadDir("testdata/fuzz/FuzzParse"); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, c := range table.Read(f, rows) {
		f.Add([]byte(c.Line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		h := syslog.Parse(bytes.Clone(line)[:len(line):len(line)], received)
		for _, field := range [][]byte{h.Host, h.Program, h.PID} {
			if field != nil && len(field) == 0 || len(field) > 255 || !bytes.Contains(line, field) && bytes.IndexByte(line, '\\') < 0 {
				t.Fatalf("a field of %q is %q", line, field)
			}
		}
		if s, known := severity.Of(line); h.Facility < -1 || h.Facility > 23 || known != (h.Severity >= 0) || known && h.Severity != int(s) {
			t.Fatalf("the priority of %q is %d, %d", line, h.Facility, h.Severity)
		}
		followed := append(bytes.Clone(line), `1:[x]"}:00`...)
		if again := syslog.Parse(followed[:len(line)], received); !same(h, again) {
			t.Fatalf("what follows %q in memory is read: %+v, %+v", line, h, again)
		}
		rewrite(t, line, h)
		if want, ok := slowHost(line); ok && want != string(h.Host) {
			t.Fatalf("the host of %q is %q, encoding/json reads %q", line, h.Host, want)
		}
	})
}

func same(a, b syslog.Header) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }

// rewrite reads a header in the form of RFC 5424, if it can be written so.
func rewrite(t *testing.T, line []byte, h syslog.Header) {
	t.Helper()
	if h.Facility < 0 || h.Severity < 0 || h.Time.Year() < 1 || h.Time.Year() > 9998 || bytes.ContainsAny(h.Program, ":/[") ||
		slices.ContainsFunc([][]byte{h.Host, h.Program, h.PID}, func(field []byte) bool {
			return bytes.ContainsFunc(field, func(r rune) bool { return r <= ' ' || r == 0x7f })
		}) {
		return
	}
	text := [3]string{"-", "-", "-"}
	for i, field := range [][]byte{h.Host, h.Program, h.PID} {
		if field != nil {
			text[i] = string(field)
		}
	}
	instant := "-"
	if !h.Time.IsZero() {
		instant = h.Time.Format(time.RFC3339Nano)
	}
	written := fmt.Sprintf("<%d>1 %s %s - - text", h.Facility<<3|h.Severity, instant, strings.Join(text[:], " "))
	if again := syslog.Parse([]byte(written), received); !same(h, again) {
		t.Fatalf("%q is %+v, but %q is %+v", line, h, written, again)
	}
}

// slowHost reads the host of a valid JSON object without escapes with encoding/json.
func slowHost(line []byte) (string, bool) {
	line = bytes.TrimLeft(line, " \t\r\n")
	if len(line) > 32<<10 || !bytes.HasPrefix(line, []byte("{")) || !json.Valid(line) || bytes.IndexByte(line, '\\') >= 0 {
		return "", false
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	d.Token()
	var hosts [3]string
	for d.More() {
		key, _ := d.Token()
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return "", false
		}
		text := string(raw)
		if raw[0] != '"' || len(text) < 3 || len(text) > 257 || text == `"-"` {
			continue
		}
		rank := slices.IndexFunc([][]string{{"hostname", "_hostname"}, {"host"}, {"fromhost"}}, func(keys []string) bool {
			return slices.ContainsFunc(keys, func(k string) bool { return asciiEqual(k, key.(string)) })
		})
		if rank >= 0 && hosts[rank] == "" {
			hosts[rank] = text[1 : len(text)-1]
		}
	}
	for _, host := range hosts {
		if host != "" {
			return host, true
		}
	}
	return "", true
}

// asciiEqual is strings.EqualFold without the letters of Unicode that fold to those of ASCII.
func asciiEqual(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }
