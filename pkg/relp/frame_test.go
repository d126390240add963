package relp

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

var frames = []struct {
	wire string
	want Frame
}{
	{"1 open 30 relp_version=0\ncommands=syslog\n", Frame{1, []byte("open"), []byte("relp_version=0\ncommands=syslog")}},
	{"2 syslog 5 hello\n", Frame{2, []byte("syslog"), []byte("hello")}},
	{"3 syslog 4 a\n\x00b\n", Frame{3, []byte("syslog"), []byte("a\n\x00b")}},
	{"4 rsp 6 200 OK\n", Frame{4, []byte("rsp"), []byte("200 OK")}},
	{"5 close 0\n", Frame{5, []byte("close"), nil}},
	{"0 serverclose 0\n", Frame{0, []byte("serverclose"), nil}},
	{"999999999 abcdefghijklmnopqrstuvwxyzABCDEF 1 \n\n", Frame{MaxTxnr, []byte("abcdefghijklmnopqrstuvwxyzABCDEF"), []byte("\n")}},
}

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range frames {
		got, n, err := Parse([]byte(c.wire+"6 rsp"), 30)
		if err != nil || n != len(c.wire) || !equal(got, c.want) {
			t.Errorf("Parse(%q) = %+v, %d, %v", c.wire, got, n, err)
		}
		if wire := string(AppendFrame(nil, c.want.Txnr, string(c.want.Command), c.want.Data)); wire != c.wire {
			t.Errorf("AppendFrame = %q, want %q", wire, c.wire)
		}
	}
	got, _, err := Parse([]byte("000000007 rsp 03 abc\n"), 3)
	if want := (Frame{7, []byte("rsp"), []byte("abc")}); err != nil || !equal(got, want) {
		t.Errorf("leading zeros: %+v, %v", got, err)
	}
}

func TestFrameSplitAtEveryByte(t *testing.T) {
	t.Parallel()
	for _, c := range frames {
		for i := range len(c.wire) {
			_, n, err := Parse([]byte(c.wire[:i]), 30)
			if err != ErrShort || n <= i || n > len(c.wire) {
				t.Errorf("Parse(%q) = %d, %v; want ErrShort and a length up to %d", c.wire[:i], n, err, len(c.wire))
			}
		}
	}
}

func TestFrameErrors(t *testing.T) {
	for _, c := range []struct{ name, wire, field string }{
		{"no transaction number", " rsp 0\n", "transaction number"},
		{"ten digits", "1000000000", "transaction number"},
		{"letter after the number", "1a", "transaction number"},
		{"sign", "-1 rsp 0\n", "transaction number"},
		{"line feed after the number", "1\n", "transaction number"},
		{"no command", "1  0\n", "command"},
		{"digit in the command", "1 rsp2 0\n", "command"},
		{"33 letters", "1 " + strings.Repeat("a", 33), "command"},
		{"command without length", "1 close\n", "command"},
		{"no length", "1 rsp \n", "data length"},
		{"ten digits of length", "1 rsp 0000000001", "data length"},
		{"line feed where data is due", "1 rsp 3\nabc\n", "data length"},
		{"letter after the length", "1 rsp 3x", "data length"},
		{"space after length 0", "1 close 0 \n", "trailer"},
		{"longer than said", "1 rsp 2 abc\n", "trailer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var malformed *FrameError
			if _, _, err := Parse([]byte(c.wire), 100); !errors.As(err, &malformed) || malformed.Field != c.field {
				t.Errorf("Parse(%q): %v, want a FrameError about the %s", c.wire, err, c.field)
			}
		})
	}
	var tooLong *SizeError
	if _, _, err := Parse([]byte("1 syslog 101 "), 100); !errors.As(err, &tooLong) || *tooLong != (SizeError{101, 100}) {
		t.Errorf("a frame over the limit: %v", err)
	}
	if n := testing.AllocsPerRun(10, func() { Parse([]byte("1 syslog 999999999 x"), 1<<30) }); n > 0 {
		t.Errorf("%v allocations for a frame that claims 10^9 bytes", n)
	}
}

func TestParseAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		data string
		code int
		text string
		rest string
		ok   bool
	}{
		{"", 0, "", "", true},
		{"200 OK", 200, "OK", "", true},
		{"200", 200, "", "", true},
		{"500 no such command\nmore\nlines", 500, "no such command", "more\nlines", true},
		{"200 OK\nrelp_version=0", 200, "OK", "relp_version=0", true},
		{"20 OK", 0, "", "", false},
		{"2000 OK", 0, "", "", false},
		{"2x0 OK", 0, "", "", false},
		{"OK", 0, "", "", false},
	} {
		a, err := ParseAnswer([]byte(c.data))
		if (err == nil) != c.ok || a.Code != c.code || string(a.Text) != c.text || string(a.Data) != c.rest {
			t.Errorf("ParseAnswer(%q) = %+v, %v", c.data, a, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, maxData int) {
		frame, n, err := Parse(b, maxData)
		if err == ErrShort {
			if n <= len(b) {
				t.Fatalf("%d bytes are too few, but %d would be enough", len(b), n)
			}
			return
		}
		if err != nil {
			if _, _, again := Parse(append(slices.Clone(b), '\n'), maxData); again == nil || again == ErrShort {
				t.Fatalf("%v, but with one more byte: %v", err, again)
			}
			return
		}
		if n > len(b) || frame.Txnr > MaxTxnr || len(frame.Data) > max(0, maxData) || len(frame.Command) > maxCommand {
			t.Fatalf("%d of %d bytes, %+v", n, len(b), frame)
		}
		for i := range min(n, 100) {
			if _, need, err := Parse(b[:i], maxData); err != ErrShort || need > n {
				t.Fatalf("the first %d of %d bytes: %d, %v", i, n, need, err)
			}
		}
		wire := AppendFrame(nil, frame.Txnr, string(frame.Command), frame.Data)
		if again, m, err := Parse(wire, maxData); err != nil || m != len(wire) || !equal(again, frame) {
			t.Fatalf("%+v is read back as %+v, %v", frame, again, err)
		}
		if _, err := ParseAnswer(frame.Data); err == nil && len(frame.Data) > 0 && len(frame.Data) < 3 {
			t.Fatalf("%q is an answer", frame.Data)
		}
	})
}

// A fuzz target without committed seeds tests nothing in an ordinary run.
func TestFuzzSeeds(t *testing.T) {
	t.Parallel()
	if seeds, err := os.ReadDir("testdata/fuzz/FuzzParse"); err != nil || len(seeds) == 0 {
		t.Errorf("FuzzParse has no seeds under testdata/fuzz: %v", err)
	}
}

// The codec does no I/O: it imports nothing that could.
func TestCodecImports(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"frame.go", "answer.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if path := strings.Trim(i.Path.Value, `"`); !slices.Contains([]string{"bytes", "errors", "fmt", "strconv"}, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func equal(a, b Frame) bool {
	return a.Txnr == b.Txnr && bytes.Equal(a.Command, b.Command) && bytes.Equal(a.Data, b.Data)
}
