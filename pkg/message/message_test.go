package message_test

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

func TestFromFrames(t *testing.T) {
	topic, a, b, payload := []byte("t"), []byte("a"), []byte("b"), []byte("p")
	for _, c := range []struct {
		name   string
		frames [][]byte
		want   message.Message
	}{
		{"none", nil, message.Message{}},
		{"payload", [][]byte{payload}, message.Message{Payload: payload}},
		{"topic and payload", [][]byte{topic, payload}, message.Message{Topic: topic, HasTopic: true, Payload: payload}},
		{"empty topic", [][]byte{{}, payload}, message.Message{Topic: []byte{}, HasTopic: true, Payload: payload}},
		{"four", [][]byte{topic, a, b, payload}, message.Message{Topic: topic, HasTopic: true, Frames: [][]byte{a, b}, Payload: payload}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := message.FromFrames(c.frames); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAppendLine(t *testing.T) {
	for _, c := range []struct{ payload, want string }{
		{"", ""},
		{"plain", "plain"},
		{"\n", "#012"},
		{"a\nb\x00c", "a#012b#000c"},
		{"a\x00b", "a#000b"}, // no line feed
		{"\x00\n\n\x00", "#000#012#012#000"},
		{"tab\tcr\r#012 \xff é", "tab\tcr\r#012 \xff é"},
	} {
		if got := string(message.AppendLine([]byte("> "), []byte(c.payload))); got != "> "+c.want {
			t.Errorf("AppendLine(%q) = %q, want %q", c.payload, got, c.want)
		}
		if got := message.IsLine([]byte(c.payload)); got != (c.payload == c.want) {
			t.Errorf("IsLine(%q) = %v", c.payload, got)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		line string
		max  int
		want string
	}{
		{"", 0, ""},
		{"abc", -1, ""},
		{"abc", 0, ""},
		{"abc", 3, "abc"},
		{"abc", 2, "ab"},
		{"a\xc3", 2, "a\xc3"}, // not over max: as it is
		{"aé", 2, "a"},
		{"aéb", 3, "aé"},
		{"é", 1, ""},
		{"a\u20acb", 3, "a"},
		{"a\u20acb", 4, "a\u20ac"},
		{"😀", 3, ""},
		{"x😀", 4, "x"},
		{"x😀y", 5, "x😀"},
		{"\xff aé", 4, "\xff a\xc3"},  // not UTF-8 before the cut
		{"abc\x80\x80", 4, "abc\x80"}, // a continuation without a beginning
		{"abc\xff", 3, "abc"},         // what is cut off does not matter
		{"a\xf0\x9f\x98", 3, "a"},     // cut inside a character that the line itself does not finish
		{"\x80\x80\x80\x80\x80", 4, "\x80\x80\x80\x80"},
	} {
		if got := string(message.Cut([]byte(c.line), c.max)); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.line, c.max, got, c.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte("x😀y"), 3)
	f.Fuzz(func(t *testing.T, line []byte, max int) {
		got := message.Cut(line, max)
		switch {
		case !bytes.HasPrefix(line, got):
			t.Fatalf("%q is not a prefix of %q", got, line)
		case max >= 0 && len(got) > max || max < 0 && len(got) > 0:
			t.Fatalf("%d bytes, want at most %d", len(got), max)
		case len(line) > max && max >= 0 && len(got) <= max-utf8.UTFMax:
			t.Fatalf("%d bytes, %d were allowed", len(got), max)
		case utf8.Valid(line) && !utf8.Valid(got):
			t.Fatalf("%q of the UTF-8 text %q is not UTF-8", got, line)
		case !utf8.Valid(got) && len(got) != min(max, len(line)):
			t.Fatalf("%q is not UTF-8 and yet shorter than %d", got, max)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	m := message.Message{
		Topic: []byte("host.app"), HasTopic: true, Payload: []byte(strings.Repeat("a \"log\" líne\n", 20)),
		Frames: [][]byte{{0xff}}, Peer: "127.0.0.1:5000", User: "app", Seq: 7, Received: noon,
	}
	topics := message.Topics{Delimiter: ' ', ByDelimiter: true, Inline: true}
	dst, scratch, frames := make([]byte, 0, 4096), make([]byte, 0, 4096), make([][]byte, 0, 4)
	if n := testing.AllocsPerRun(100, func() {
		dst = message.AppendJSON(dst[:0], &m)
		dst = message.AppendLine(dst, m.Payload)
		frames, scratch, _ = topics.AppendFrames(frames[:0], scratch[:0], m.Payload)
	}); n != 0 {
		t.Errorf("%v allocations a message, want none", n)
	}
}

// A fuzz target without committed seeds tests nothing in an ordinary run.
func TestFuzzSeeds(t *testing.T) {
	for _, target := range []string{"FuzzAppendJSON", "FuzzCut"} {
		if seeds, err := os.ReadDir("testdata/fuzz/" + target); err != nil || len(seeds) == 0 {
			t.Errorf("%s has no seeds under testdata/fuzz: %v", target, err)
		}
	}
}
