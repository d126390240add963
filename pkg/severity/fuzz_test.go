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
	for _, payload := range samples {
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

// slow reads the top-level keys of a valid JSON text with encoding/json.
func slow(payload []byte) (Severity, bool) {
	d := json.NewDecoder(bytes.NewReader(payload))
	if start, _ := d.Token(); start != json.Delim('{') {
		return 0, false
	}
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return 0, false
		}
		var text string
		if json.Unmarshal(value, &text) == nil && value[0] == '"' {
			value = []byte(strings.ReplaceAll(`"`+text+`"`, "\ufffd", "\xff"))
		}
		if s, ok := field([]byte(key.(string)), value); ok {
			return s, true
		}
	}
	return 0, false
}

// needSeeds fails if a fuzz target has nothing to start from.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}
