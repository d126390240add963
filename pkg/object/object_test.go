package object_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
)

func TestMembers(t *testing.T) {
	for _, c := range []struct{ payload, want string }{
		{`{}`, ""},
		{`{ "a" : 1 , "b" : "x" }`, `a=1 b="x"`},
		{"\t\r\n {\"a\":-1.5e+3}", "a=-1.5e+3"},
		{`@cee: {"a":null}`, "a=null"},
		{`@cee:{"a":true,"b":false}`, "a=true b=false"},
		{`{"a":{"b":["}",{}]},"c":[[]]}`, `a={"b":["}",{}]} c=[[]]`},
		{`{"a\"b":"c\\"}`, `a\"b="c\\"`},
		{`{"a":"12345678"}after`, `a="12345678"`},
		{`{"a":1,"a":2}`, "a=1 a=2"},
		{`{"a":1,"b":"cut off`, "a=1"},
		{`{"a":1,"b":"cut off\`, "a=1"},
		{`{"a":1,"b"`, "a=1"},
		{`{"a":1,"b":`, "a=1"},
		{`{"a":1,"b":2`, "a=1"},
		{`{"a":1,`, "a=1"},
		{`{"a":1,b:2}`, "a=1"},
		{`{"a":1,"b":01}`, "a=1"},
		{`{"a":1,"b":tru}`, "a=1"},
		{`{"a":1,"b":[{]}`, "a=1"},
		{"{\"a\":1,\"b\":\"a control\x1f character\"}", "a=1"},
		{"{\"a\":\"\xff\x80\"}", "a=\"\xff\x80\""},
		{``, ""},
		{`@cee:`, ""},
		{`{`, ""},
		{`["a"]`, ""},
		{`x{"a":1}`, ""},
	} {
		var got []string
		for m := object.Of([]byte(c.payload)); m.Next(); {
			got = append(got, string(m.Key)+"="+string(m.Value))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q has %q, want %q", c.payload, got, c.want)
		}
	}
}

// Every byte ends a string, or not, at every distance from its beginning.
func TestStringEnds(t *testing.T) {
	for c := range 256 {
		for length := range 20 {
			text := strings.Repeat("x", length) + string([]byte{byte(c)}) + strings.Repeat("y", 20-length)
			m := object.Of([]byte(`{"a":"` + text + `"}`))
			found := m.Next()
			if want := c >= ' ' && c != '"'; found != want {
				t.Fatalf("%q: %v, want %v", text, found, want)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	payload := []byte(`@cee: {"a":{"b":[1,2]},"c":"x","d":null}`)
	n := 0
	if allocations := testing.AllocsPerRun(100, func() {
		for m := object.Of(payload); m.Next(); {
			n++
		}
	}); allocations != 0 || n == 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
}

// FuzzMembers compares the members with encoding/json for every valid object. It also checks that nothing after the
// payload is read.
func FuzzMembers(f *testing.F) {
	if seeds, err := os.ReadDir("testdata/fuzz/FuzzMembers"); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		followed := append(bytes.Clone(payload), `"}],"a":1}`...)
		var got [][2]string
		for m := object.Of(followed[:len(payload)]); m.Next(); {
			if len(m.Value) == 0 {
				t.Fatalf("an empty value in %q", payload)
			}
			got = append(got, [2]string{string(m.Key), string(m.Value)})
		}
		if !json.Valid(payload) || !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
			return
		}
		d := json.NewDecoder(bytes.NewReader(payload))
		d.Token()
		for _, member := range got {
			key, _ := d.Token()
			var value json.RawMessage
			if d.Decode(&value) != nil || string(value) != member[1] {
				t.Fatalf("%q: the value of %q is %s, encoding/json reads %s", payload, member[0], member[1], value)
			}
			var text string
			if json.Unmarshal([]byte(`"`+member[0]+`"`), &text) != nil || text != key {
				t.Fatalf("%q: the key is %q, encoding/json reads %q", payload, member[0], key)
			}
		}
		if d.More() {
			t.Fatalf("%q: encoding/json reads more than %d members", payload, len(got))
		}
	})
}
