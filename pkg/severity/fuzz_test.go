package severity

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// FuzzOf compares Of with encoding/json for every valid object, and runs it on copies whose memory ends where the payload does.
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
		if again, foundAgain := Of(append(bytes.Clone(payload), `,"level":"emerg"}>`...)[:len(payload)]); again != got || foundAgain != found {
			t.Fatalf("what follows %q in memory is read", payload)
		}
		// Names with escapes in them are not recognised, on purpose; and the limit is not encoding/json's.
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

// needSeeds fails when a fuzz target has nothing to start from.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}
