package terminal

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

func withTopic(topic, payload string) message.Message {
	return message.Message{Topic: []byte(topic), HasTopic: true, Payload: []byte(payload)}
}

func TestHuman(t *testing.T) {
	for _, c := range []struct {
		name string
		m    message.Message
		want string
	}{
		{"plain", withTopic("auth.info", "hello"), "auth.info\thello\n"},
		{"no topic", message.Message{Payload: []byte("hello")}, "hello\n"},
		{"empty topic", withTopic("", "hello"), "\thello\n"},
		{"empty", message.Message{}, "\n"},
		{"frames between", message.FromFrames([][]byte{[]byte("t"), []byte("a"), []byte("b")}), "t\tb\n"},
		{"tabs", withTopic("a\tb", "c\td"), "a#011b\tc\td\n"},
		{"letters", withTopic("é", "€ 😀 日本 \ufffd ק ش"), "é\t€ 😀 日本 \ufffd ק ش\n"},
		{"line feed", withTopic("a\nb", "c\nd\r"), "a#012b\tc#012d#015\n"},
		{"NUL and DEL", message.Message{Payload: []byte("\x00a\x7f")}, "#000a#177\n"},
		{"title", message.Message{Payload: []byte("\x1b]0;owned\x07")}, "#033]0;owned#007\n"},
		{"CSI", message.Message{Payload: []byte("\x1b[2J\x1b[31mred")}, "#033[2J#033[31mred\n"},
		{"CSI as one byte", message.Message{Payload: []byte("\x9b2J\x90")}, "#2332J#220\n"},
		{"CSI in UTF-8", message.Message{Payload: []byte("\u009b2J\u0080\u009f\u00a0")}, "<U+009B>2J<U+0080><U+009F>\u00a0\n"},
		{"bidi", message.Message{Payload: []byte("\u202aa\u202eb\u2066c\u2069d\u200e\u200f\u061c")},
			"<U+202A>a<U+202E>b<U+2066>c<U+2069>d<U+200E><U+200F><U+061C>\n"},
		{"separators", message.Message{Payload: []byte("a\u2028b\u2029c\u0085")}, "a<U+2028>b<U+2029>c<U+0085>\n"},
		{"hidden", message.Message{Payload: []byte("\u200b\ufeff\u2060\u00ad\u180e\U000e0001\U000e0041\U000e0100")},
			"<U+200B><U+FEFF><U+2060><U+00AD><U+180E><U+E0001><U+E0041><U+E0100>\n"},
		{"joiners", message.Message{Payload: []byte("نامه\u200cای \u0915\u094d\u200d")}, "نامه\u200cای \u0915\u094d\u200d\n"},
		{"visible formats", message.Message{Payload: []byte("\u0600\u06dd")}, "\u0600\u06dd\n"},
		{"cut UTF-8", withTopic("a\xe2\x82", "b\xf0\x9f\x98"), "a#342#202\tb#360#237#230\n"},
		{"cut UTF-8 before a control", message.Message{Payload: []byte("\xe2\x1b[0m")}, "#342#033[0m\n"},
		{"overlong, surrogate, too large", message.Message{Payload: []byte("\xc0\x9b\xed\xa0\x80\xf4\x90\x80\x80")},
			"#300#233#355#240#200#364#220#200#200\n"},
		{"what looks escaped", message.Message{Payload: []byte("#033[0m<U+202E>")}, "#033[0m<U+202E>\n"},
		{"own line", message.Message{Payload: []byte("zmqtap: 9 messages missed: x")}, "#172mqtap: 9 messages missed: x\n"},
		{"own line as topic", withTopic("z\u0300mqtap:", "9 messages missed"), "#172\u0300mqtap:\t9 messages missed\n"},
		{"own line after a topic", withTopic("", "zmqtap: x"), "\tzmqtap: x\n"},
		{"long topic", withTopic(strings.Repeat("x", 100_000), "p"), strings.Repeat("x", 100_000) + "\tp\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, terminal := range []bool{false, true} {
				p := Printer{Terminal: terminal}
				if got := string(p.Append([]byte("> "), &c.m)); got != "> "+c.want {
					t.Errorf("terminal %v: got %.200q\nwant %.200q", terminal, got, "> "+c.want)
				}
			}
			p := Printer{Color: true}
			if got := string(stripColors(p.Append(nil, &c.m))); got != c.want {
				t.Errorf("without its colours: got %.200q\nwant %.200q", got, c.want)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	m := withTopic("topic", "\x1b[31m\ttab\nfeed\x00\x9b\u202e")
	pipe := Printer{Style: Raw, Color: true}
	if got, want := string(pipe.Append(nil, &m)), "\x1b[31m\ttab#012feed#000\x9b\u202e\n"; got != want {
		t.Errorf("pipe: got %q, want %q", got, want)
	}
	terminal := Printer{Style: Raw, Color: true, Terminal: true}
	if got, want := string(terminal.Append(nil, &m)), "#033[31m\ttab#012feed#000#233<U+202E>\n"; got != want {
		t.Errorf("terminal: got %q, want %q", got, want)
	}
	m = withTopic("topic", "zmqtap: 9 messages missed")
	if got := string(terminal.Append(nil, &m)); got != "#172mqtap: 9 messages missed\n" {
		t.Errorf("what looks like zmqtap's own: %q", got)
	}
}

func TestJSON(t *testing.T) {
	m := withTopic("a\u009b", "é\x7f\u202e\U000e0041😀\x1b\n")
	m.Peer, m.User, m.Seq, m.Sender = "127.0.0.1:5", "u", 7, "00"
	m.Received = time.Unix(0, 0)
	pipe, terminal := Printer{Style: JSON, Color: true}, Printer{Style: JSON, Color: true, Terminal: true}
	const want = "> {\"topic\":\"a\u009b\",\"message\":\"é\x7f\u202e\U000e0041😀\\u001b\\n\",\"received\":\"1970-01-01T00:00:00.000000Z\",\"text\":\"é\x7f\u202e\U000e0041😀\\u001b\"}\n"
	if got := string(pipe.Append([]byte("> "), &m)); got != want {
		t.Errorf("pipe:\ngot  %q\nwant %q", got, want)
	}
	const safe = `> {"topic":"a\u009B","message":"é\u007F\u202E\uDB40\uDC41😀\u001b\n","received":"1970-01-01T00:00:00.000000Z","text":"é\u007F\u202E\uDB40\uDC41😀\u001b"}` + "\n"
	if got := string(terminal.Append([]byte("> "), &m)); got != safe {
		t.Errorf("terminal:\ngot  %q\nwant %q", got, safe)
	}
}

func TestColors(t *testing.T) {
	topic := topicColors[hash([]byte("t"))%uint32(len(topicColors))]
	for _, c := range []struct{ payload, want string }{
		{"<8>x", "\x1b[1;38;5;160m<8>x\x1b[0m"},
		{"<10>x", "\x1b[1;38;5;160m<10>x\x1b[0m"},
		{"<11>x", "\x1b[38;5;160m<11>x\x1b[0m"},
		{"<12>x", "\x1b[38;5;136m<12>x\x1b[0m"},
		{"<13>x", "\x1b[1m<13>x\x1b[0m"},
		{"<14>x", "<14>x"},
		{"<15>x", "\x1b[2m<15>x\x1b[0m"},
		{`{"level":"warn"}`, "\x1b[38;5;136m{\"level\":\"warn\"}\x1b[0m"},
		{"x", "x"},
	} {
		p := Printer{Color: true}
		m := withTopic("t", c.payload)
		if got, want := string(p.Append(nil, &m)), topic+"t\x1b[0m\t"+c.want+"\n"; got != want {
			t.Errorf("%q: got %q, want %q", c.payload, got, want)
		}
		m.HasTopic = false
		if got, want := string(p.Append(nil, &m)), c.want+"\n"; got != want {
			t.Errorf("%q without topic: got %q, want %q", c.payload, got, want)
		}
	}
	seen := map[string]bool{}
	for _, color := range topicColors {
		seen[color] = true
	}
	if len(seen) != len(topicColors) {
		t.Errorf("%d of %d colours are different", len(seen), len(topicColors))
	}
	if hash([]byte("a")) != 0xe40c292c { // the specification's test vector
		t.Errorf("FNV-1a of a is %#x", hash([]byte("a")))
	}
}

// stripColors removes the sequences that the printer itself writes.
func stripColors(line []byte) []byte {
	line = bytes.ReplaceAll(line, []byte(reset), nil)
	for _, colors := range [][]string{topicColors[:], severityColors[:]} {
		for _, color := range colors {
			if color != "" {
				line = bytes.ReplaceAll(line, []byte(color), nil)
			}
		}
	}
	return line
}

// isSafe reports whether a terminal shows r and does nothing else with it. Unlike harmful, it follows the
// Unicode properties.
func isSafe(r rune) bool {
	switch {
	case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
		return false
	case r == '\u200c', r == '\u200d', unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return true
	}
	return !unicode.Is(unicode.Cf, r) && (r < 0xe0000 || r > 0xe0fff)
}

func TestEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		text := string(r)
		if shown := string(message.AppendSafe(nil, []byte(text), false)) == text; shown != isSafe(r) {
			t.Errorf("%U is shown: %v", r, shown)
		}
	}
}

func FuzzPrinter(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, topic []byte, hasTopic bool, payload []byte) {
		m := message.Message{Topic: topic, HasTopic: hasTopic, Payload: payload}
		for _, p := range []Printer{
			{}, {Terminal: true}, {Color: true, Terminal: true},
			{Style: Raw, Terminal: true}, {Style: JSON, Terminal: true},
		} {
			line := p.Append(nil, &m)
			if p.Color {
				colored := line
				if line = stripColors(line); !bytes.Equal(line, (&Printer{}).Append(nil, &m)) {
					t.Fatalf("%q is coloured to %q", payload, colored)
				}
				if bytes.LastIndexByte(colored, '\x1b') != bytes.LastIndex(colored, []byte(reset)) {
					t.Fatalf("the colour does not end: %q", colored)
				}
			}
			checkLine(t, p, &m, line)
		}
	})
}

func checkLine(t *testing.T, p Printer, m *message.Message, line []byte) {
	t.Helper()
	text, ended := bytes.CutSuffix(line, []byte("\n"))
	if !ended || !utf8.Valid(text) {
		t.Fatalf("%+v: %q is not a line of UTF-8", p, line)
	}
	for _, r := range string(text) {
		if r != '\t' && !isSafe(r) {
			t.Fatalf("%+v: %U in %q", p, r, line)
		}
	}
	if message.LooksOwn(text) {
		t.Fatalf("%+v: %q looks like a line of zmqtap's own", p, line)
	}
	if p.Style != JSON {
		tabs := bytes.Count(text, []byte("\t")) - bytes.Count(m.Payload, []byte("\t"))
		if p.Style == Human && m.HasTopic != (tabs == 1) {
			t.Fatalf("%+v: %d more tabs than in the payload in %q", p, tabs, line)
		}
		return
	}
	var got, want any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if err := json.Unmarshal(syslog.AppendJSON(nil, m), &want); err != nil {
		t.Fatal(err)
	}
	if a, b := toJSON(t, got), toJSON(t, want); a != b {
		t.Fatalf("got %s, want %s", a, b)
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// needSeeds fails if a fuzz target has nothing to start from.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}

var printers = map[string]Printer{
	"human":        {},
	"coloured":     {Color: true, Terminal: true},
	"raw":          {Style: Raw},
	"raw terminal": {Style: Raw, Terminal: true},
	"JSON":         {Style: JSON, Terminal: true},
}

var (
	plainMessage   = withTopic("auth.info.sshd", "<86>1 2026-01-01T00:00:00Z host sshd 12 - - "+strings.Repeat("0123456789", 16))
	hostileMessage = withTopic("a\tb\x1b", strings.Repeat("\x1b[31m é \u202e \x9b \n", 16))
)

func TestNoAllocations(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for name, p := range printers {
		if n := testing.AllocsPerRun(100, func() {
			dst = p.Append(dst[:0], &plainMessage)
			dst = p.Append(dst, &hostileMessage)
		}); n != 0 {
			t.Errorf("%s: %v allocations for two messages, want none", name, n)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"human", "coloured", "raw", "raw terminal", "JSON"} {
		p := printers[name]
		for kind, m := range map[string]*message.Message{"plain": &plainMessage, "hostile": &hostileMessage} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(m.Payload)))
				dst := make([]byte, 0, 4096)
				for b.Loop() {
					dst = p.Append(dst[:0], m)
				}
			})
		}
	}
}
