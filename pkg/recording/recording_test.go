package recording

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

const most = 1 << 20

var noon = time.Date(2026, 1, 2, 12, 0, 0, 123456000, time.UTC)

// frames returns a message of these frames.
func frames(texts ...string) *message.Message {
	list := make([][]byte, len(texts))
	for i, text := range texts {
		list[i] = []byte(text)
	}
	m := message.FromFrames(list)
	m.Received = noon
	return &m
}

func every() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

var messages = []*message.Message{
	frames(""), frames("payload"), frames("topic", "payload"), frames("", ""), frames("a", "b", "c"), frames("", "", "", ""),
	frames(every(), every(), "text", every()), frames("é", "\u2028\ufeff\n\r\x00\"\\/"), frames("\xff", "x"), frames("t", "\xc3"),
	frames("t", strings.Repeat("\x01", 1000)), frames(`{"gap":{}}`), frames("t", "\ufffd", "null"),
}

// All bytes of all frames survive, and the time to the microsecond.
func TestMessagesSurvive(t *testing.T) {
	for _, m := range messages {
		line := AppendMessage(nil, m)
		e, err := Parse(bytes.TrimSuffix(line, []byte("\n")), most)
		if err != nil || e.Gap != nil {
			t.Fatalf("%s: %v", line, err)
		}
		wantSame(t, &e.Message, m)
		if bytes.Count(line, []byte("\n")) != 1 || bytes.HasPrefix(line, []byte(gapStart)) {
			t.Errorf("line %q", line)
		}
	}
}

func wantSame(t *testing.T, got, want *message.Message) {
	t.Helper()
	same := got.HasTopic == want.HasTopic && bytes.Equal(got.Topic, want.Topic) && bytes.Equal(got.Payload, want.Payload) &&
		len(got.Frames) == len(want.Frames) && got.Received.Equal(want.Received)
	for i := range got.Frames {
		same = same && bytes.Equal(got.Frames[i], want.Frames[i])
	}
	if !same {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestGapsSurvive(t *testing.T) {
	for _, g := range []Gap{
		{Reason: "unknown", Received: noon}, {Count: 1<<64 - 1, Publisher: "tcp://a:1", Reason: "<\"\n\u2028>", Received: noon},
	} {
		line := AppendGap(nil, &g)
		e, err := Parse(bytes.TrimSuffix(line, []byte("\n")), most)
		if err != nil || e.Gap == nil || !reflect.DeepEqual(*e.Gap, g) || !bytes.HasPrefix(line, []byte(gapStart)) {
			t.Errorf("%s becomes %+v, %v", line, e.Gap, err)
		}
	}
}

// What zmqtap --json and imzmq print is read, too, and what is none of it says why.
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`{"topic":"t","message":"m","received":"2026-01-02T13:00:00.123456+01:00","host":"h","fields":{"message":1}}`: "",
		`{"message_base64":"/w=="}`:          "",
		`{"message":"m","received":"today"}`: `received "today": not a time`,
		`{"topic":"t"}`:                      `no "message", "message_base64" or "gap"`,
		`{"message":"m","frames":["f"]}`:     `there is no "topic"`,
		`{"topic":"","message":"","frames":[""` + strings.Repeat(`,""`, 1022) + `]}`: "a message of 1025 frames, and the limit is 1024",
		`{"message_base64":"!"}`:              "illegal base64",
		`{"message":1}`:                       "cannot unmarshal number",
		`{"message":"m"`:                      "unexpected end of JSON",
		`{"message":"m"} x`:                   "after top-level value",
		`[]`:                                  "cannot unmarshal array",
		`null`:                                `no "message"`,
		"<13>Jan  2 12:00:00 web1 sshd: text": "not what zmqtap record writes: invalid character '<'",
		"{\"message\":\"\xff\"}":              "not UTF-8",
		`{"message":"` + strings.Repeat("x", 100) + `"}`: "a message of 100 bytes, and the limit is 99: --max-message-size",
	} {
		_, err := Parse([]byte(text), 99)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
}

// written returns a recording of all messages in portions of two, and where each portion ends.
func written(t *testing.T, c Compression) (file []byte, ends []int) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, c, most)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range messages {
		if w.Message(m); i%2 == 1 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, out.Len())
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, size := w.Written(); n != uint64(len(messages)) || size != uint64(out.Len()) || !w.Empty() {
		t.Fatalf("%d messages, %d bytes", n, size)
	}
	return out.Bytes(), append(ends, out.Len())
}

// read reads a recording of the messages to its end, which it returns.
func read(t *testing.T, file []byte, messages ...*message.Message) (n int, end error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), most)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for ; ; n++ {
		e, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				t.Errorf("after %v: %v", err, again)
			}
			return n, err
		}
		if n < len(messages) {
			wantSame(t, &e.Message, messages[n])
		}
	}
}

// A recording that is cut off anywhere is read to its last whole line, and nothing else.
func TestCutAnywhere(t *testing.T) {
	for _, c := range []Compression{None, Gzip, Zstandard} {
		file, ends := written(t, c)
		for cut := range len(file) + 1 {
			n, err := read(t, file[:cut], messages...)
			whole, least := cut == 0, 0
			for i, end := range ends {
				if cut == end {
					whole = true
				}
				if cut >= end {
					least = min(2*(i+1), len(messages))
				}
			}
			var torn *CutOffError
			switch {
			case n < least:
				t.Errorf("%q cut at %d: %d messages, want %d or more", c, cut, n, least)
			case whole && err != io.EOF:
				t.Errorf("%q cut at %d, after a portion: %v", c, cut, err)
			case err != io.EOF && (!errors.As(err, &torn) || torn.Line != uint64(n)):
				t.Errorf("%q cut at %d, after %d lines: %v", c, cut, n, err)
			}
		}
	}
}

// Each changed byte of a compressed recording is found, or changes nothing: both forms have checksums.
func TestDamage(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstandard} {
		file, _ := written(t, c)
		for i := range file {
			damaged := bytes.Clone(file)
			damaged[i] ^= 0x40
			r, err := NewReader(bytes.NewReader(damaged), most)
			for err == nil {
				_, err = r.Next()
			}
			if line := new(LineError); errors.As(err, &line) && !strings.HasPrefix(err.Error(), "line ") {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
}

func TestHostileFiles(t *testing.T) {
	bomb := func(c Compression) []byte {
		compress, err := c.compressor()
		if err != nil {
			t.Fatal(err)
		}
		line, err := compress(nil, bytes.Repeat([]byte(" "), 64<<20))
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0} // a frame that asks for a window of 2^41 bytes
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"a bomb, gzip":  {bomb(Gzip), "line 1: it is too long for a message of 1048576 bytes: --max-message-size"},
		"a bomb, zstd":  {bomb(Zstandard), "line 1: it is too long"},
		"a large line":  {bytes.Repeat([]byte("x"), 8<<20), "line 1: it is too long"},
		"a huge window": {window, "window size exceeded"},
		"no recording":  {[]byte("{\"message\":\"a\"}\n\nroot:x:0:0\n"), "line 3: not what zmqtap record writes: invalid character 'r'"},
		"zeros":         {append([]byte("{\"message\":\"a\"}\n"), make([]byte, 5000)...), "it is cut off after line 1"},
	} {
		if _, err := read(t, test.file); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The limit is never passed, and as many whole lines are written as fit.
func TestLimit(t *testing.T) {
	for _, c := range []Compression{None, Gzip, Zstandard} {
		all, _ := written(t, c)
		for limit := int64(0); limit < int64(len(all)); limit += 1 + limit/30 {
			var out bytes.Buffer
			w, err := NewWriter(&out, c, limit)
			if err != nil {
				t.Fatal(err)
			}
			w.Gap(&Gap{Reason: "first", Received: noon})
			for _, m := range messages {
				w.Message(m)
			}
			if err := w.Flush(); err == nil && c != None { // in one portion, all may fit
				continue
			} else if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			n, _ := w.Written()
			r, err := NewReader(bytes.NewReader(out.Bytes()), most)
			if err != nil {
				t.Fatal(err)
			}
			lines := 0
			for _, err = r.Next(); err == nil; _, err = r.Next() {
				lines++
			}
			if int64(out.Len()) > limit || err != io.EOF || int(n) != max(0, lines-1) {
				t.Errorf("%q, limit %d: %d bytes, %d messages in %d lines, %v", c, limit, out.Len(), n, lines, err)
			}
			if rest := limit - int64(out.Len()); c == None && lines > 0 && rest > int64(len(AppendMessage(nil, messages[lines-1]))) {
				t.Errorf("limit %d: there is room for %d bytes more", limit, rest)
			}
		}
	}
}

func TestCompressionOf(t *testing.T) {
	for name, want := range map[string]Compression{"a": None, "-": None, "a.ndjson": None, "a.json": None, "a.gz": Gzip,
		"a.ndjson.zst": Zstandard, "A.ZST": Zstandard, "a.zst.ndjson": None, "2026-11-30": None} {
		if c, err := CompressionOf(name); c != want || err != nil {
			t.Errorf("%s: %q, %v", name, c, err)
		}
	}
	if _, err := CompressionOf("a.ndjson.xz"); err == nil || !strings.Contains(err.Error(), ".zst or .gz") {
		t.Error(err)
	}
}
