package object_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
)

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{`{}`, 2},
		{`{ } `, 3},
		{`{}{}`, 2},
		{`{"a":[],"b":{},"c":[{}, [ ]]}`, 29},
		{`{"a":"\u00e4\"\\\/\b\f\n\r\t"}`, 30},
		{`{"a":-0.5e-7,"b":true,"c":false,"d":null}`, 41},
		{"{\"a\":\"\xff\"}", 9},
		{`{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, 132},
		{`{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, 0},
		{``, 0}, {`{`, 0}, {`[]`, 0}, {` {}`, 0}, {`{"a"}`, 0}, {`{"a":}`, 0}, {`{"a":1`, 0}, {`{"a":1,}`, 0},
		{`{"a":[1,]}`, 0}, {`{"a":[,1]}`, 0}, {`{,"a":1}`, 0}, {`{"a":[}`, 0}, {`{"a":{]}`, 0}, {`{"a":[1 2]}`, 0},
		{`{"a":"\x"}`, 0}, {`{"a":"\u00g0"}`, 0}, {`{"a":"\u00"}`, 0}, {`{"a\q":1}`, 0}, {`{1:2}`, 0}, {`{"a":01}`, 0},
		{"{\"a\":\"\n\"}", 0}, {`{"a":{"b":1}`, 0},
	} {
		if got := object.Whole([]byte(c.text)); got != c.want {
			t.Errorf("%s is an object of %d bytes, want %d", c.text, got, c.want)
		}
	}
}

func TestAppendLine(t *testing.T) {
	for text, want := range map[string]string{
		"{ \"a b\" :\t[ 1 ,\r\n 2 ] , \"c\" : \" d \" }": `{"a b":[1,2],"c":" d "}`,
		"{\"a\":\"\u2028\u2029\xffä\\n\"}":               "{\"a\":\"\\u2028\\u2029\ufffdä\\n\"}",
		`{}`:                                             `{}`,
	} {
		if got := string(object.AppendLine([]byte("> "), []byte(text))); got != "> "+want {
			t.Errorf("%q becomes %q, want %q", text, got, "> "+want)
		}
	}
}

// FuzzWhole compares Whole with encoding/json, and what AppendLine makes of an object with the object.
func FuzzWhole(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":null}],"c":"\u00e4"}`, `{"a":[1,]}`, "{ \"a\" : \"\xff\u2028\" }", `{"a":"\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n := object.Whole(bytes.Clone(text)[:len(text):len(text)])
		if n == 0 {
			if len(text) > 0 && text[0] == '{' && json.Valid(text) && bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) <= object.MostNested {
				t.Fatalf("%q is valid", text)
			}
			return
		}
		if !json.Valid(text[:n]) {
			t.Fatalf("%q is not valid", text[:n])
		}
		line := object.AppendLine(nil, text[:n])
		if !utf8.Valid(line) || bytes.ContainsAny(line, "\n\r\u2028\u2029") || object.Whole(line) != len(line) {
			t.Fatalf("%q becomes %q", text[:n], line)
		}
		if utf8.Valid(text[:n]) {
			var was, is any
			if json.Unmarshal(text[:n], &was) == nil && json.Unmarshal(line, &is) == nil {
				a, _ := json.Marshal(was)
				if b, _ := json.Marshal(is); !bytes.Equal(a, b) {
					t.Fatalf("%q becomes %q", text[:n], line)
				}
			}
		}
	})
}
