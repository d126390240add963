package severity

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// FuzzOf compares Of with encoding/json for every valid object. It also checks that nothing after the
// payload is read.
func FuzzOf(f *testing.F) {
	needSeeds(f)
	for _, payload := range Samples {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, found := Of(bytes.Clone(payload)[:len(payload):len(payload)])
		if found && got > Debug {
			t.Fatalf("severity %d", got)
		}
		followed := append(bytes.Clone(payload), `,"level":"emerg"}>`...)
		if again, foundAgain := Of(followed[:len(payload)]); again != got || foundAgain != found {
			t.Fatalf("what follows %q in memory is read", payload)
		}
		// Keys and names with escapes are not recognised, on purpose. encoding/json has no limit.
		if len(payload) > maxLook || !json.Valid(payload) || bytes.IndexByte(payload, '\\') >= 0 {
			return
		}
		want, wanted := slow(payload)
		if found != wanted || found && got != want {
			t.Fatalf("Of(%q) = %v, %v; encoding/json reads %v, %v", payload, got, found, want, wanted)
		}
	})
}

// Samples are payloads to measure, and seeds.
var Samples = map[string]string{
	"PRI":      "<133>1 2026-01-01T00:00:00Z host app 12 - - hello",
	"slog":     `{"time":"2026-01-01T00:00:00.000000000Z","level":"WARN","msg":"connection lost","peer":"192.0.2.7:5555"}`,
	"jsonmesg": `{ "msg": "hello", "rawmsg": "<133>1 2026-01-01T00:00:00Z host app 12 - - hello", "timereported": "2026-01-01T00:00:00Z", "hostname": "host", "syslogtag": "app[12]", "inputname": "imptcp", "fromhost": "localhost", "fromhost-ip": "127.0.0.1", "pri": "133", "syslogfacility": "16" }`,
	"longest":  `{"a":"` + strings.Repeat("x", 2*maxLook),
	"text":     "a line of text without anything",
}

// slow reads the keys of a valid JSON text with encoding/json.
func slow(payload []byte) (Severity, bool) {
	best, found := silent, Severity(0)
	members(payload, func(key string, value []byte) {
		r, s := field([]byte(key), value)
		if strings.ToLower(key) == "log" {
			r = silent
			members(value, func(key string, value []byte) {
				if level, ok := stated(value, plain); ok && r == silent && strings.ToLower(key) == "level" {
					r, s = levelName, level
				}
			})
		}
		if r < best {
			best, found = r, s
		}
	})
	return found, best != silent
}

// members calls do for each member of a JSON object; of nothing else.
func members(text []byte, do func(key string, value []byte)) {
	d := json.NewDecoder(bytes.NewReader(text))
	if start, _ := d.Token(); start != json.Delim('{') {
		return
	}
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return
		}
		var text string
		if json.Unmarshal(value, &text) == nil && value[0] == '"' {
			value = []byte(strings.ReplaceAll(`"`+text+`"`, "\ufffd", "\xff"))
		}
		do(key.(string), value)
	}
}

// needSeeds fails if a fuzz target has nothing to start from.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}
