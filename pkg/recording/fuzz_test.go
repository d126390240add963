package recording

import (
	"bytes"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The usual lines are read as encoding/json reads them.
func FuzzParseText(f *testing.F) {
	for _, m := range messages {
		f.Add(AppendMessage(nil, m))
	}
	f.Add([]byte(`{"message":"a\ud83d\ude00\ud83d\"","topic":"\u0041","topic":"b","received":""}`))
	f.Add([]byte(`{"Message":"a","message":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := parseText(text)
		if !ok || !utf8.Valid(text) {
			return
		}
		want, err := parseJSON(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		wantSame(t, &got.Message, &want.Message)
		if !got.Message.Received.Equal(want.Message.Received) {
			t.Errorf("%q: %v, want %v", text, got.Message.Received, want.Message.Received)
		}
	})
}

// What is parsed is written so that it is parsed to the same.
func FuzzParse(f *testing.F) {
	for _, m := range messages {
		f.Add(AppendMessage(nil, m))
	}
	f.Add(AppendGap(nil, &Gap{Count: 3, Reason: "r", Received: noon}))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := Parse(text, most)
		if err != nil {
			return
		}
		if e.Gap != nil {
			if again, err := Parse(AppendGap(nil, e.Gap), most); err == nil && !reflect.DeepEqual(again.Gap.Count, e.Gap.Count) {
				t.Errorf("%q becomes %+v", text, again.Gap)
			}
			return
		}
		e.Message.Received = e.Message.Received.Truncate(time.Microsecond)
		again, err := Parse(AppendMessage(nil, &e.Message), most)
		if err != nil && e.Message.Received.UTC().Year() <= 9999 {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil {
			wantSame(t, &again.Message, &e.Message)
		}
	})
}

// No file makes the reader fail otherwise than with an error.
func FuzzReader(f *testing.F) {
	for _, c := range []Compression{None, Gzip, Zstandard} {
		var out bytes.Buffer
		w, err := NewWriter(&out, c, most)
		if err != nil {
			f.Fatal(err)
		}
		w.Message(messages[2])
		if err := w.Flush(); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file), 1000)
		for err == nil {
			_, err = r.Next()
		}
	})
}

// Only files are touched: the package knows no network, and no sockets.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if path == "net" || strings.HasPrefix(path, "log") || strings.Contains(path, "pkg/zmq") ||
				((path == "os" || strings.Contains(path, "/sys/")) && name != "file.go") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
