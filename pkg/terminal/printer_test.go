package terminal

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
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

// at is when the tests' messages are received.
var at = time.Date(2026, 11, 30, 17, 3, 19, 0, time.UTC)

// line returns what a printer without colours makes of a message at a pipe, without the time that it begins with.
func line(t *testing.T, m message.Message) string {
	t.Helper()
	m.Received = at
	p := Printer{Zone: time.UTC}
	got, ok := strings.CutPrefix(string(p.Append([]byte("> "), &m, nil)), "> 17:03:19 ")
	if !ok {
		t.Errorf("%q has no time", got)
	}
	return got
}

// What is shown of a stranger's bytes.
func TestSafe(t *testing.T) {
	for _, c := range []struct {
		name string
		m    message.Message
		want string
	}{
		{"plain", withTopic("auth.info", "hello"), "auth.info info   hello\n"},
		{"no topic", message.Message{Payload: []byte("hello")}, "- -      hello\n"},
		{"empty topic", withTopic("", "hello"), "- -      hello\n"},
		{"empty", message.Message{}, "- -      \n"},
		{"frames between", message.FromFrames([][]byte{[]byte("t"), []byte("a"), []byte("b")}), "t -      b\n"},
		{"tabs", withTopic("a\tb", "c\td"), "a#011b -      c\td\n"},
		{"letters", withTopic("é", "€ 😀 日本 \ufffd ק ש"), "é -      € 😀 日本 \ufffd ק ש\n"},
		{"line feed", withTopic("a\nb", "c\nd\re"), "a#012b -      c#012d#015e\n"},
		{"line feed at the end", withTopic("a", "c\r\n"), "a -      c\n"},
		{"NUL and DEL", withTopic("t", "\x00a\x7f"), "t -      #000a#177\n"},
		{"title", withTopic("t", "\x1b]0;owned\x07"), "t -      #033]0;owned#007\n"},
		{"CSI", withTopic("t", "\x1b[2J\x1b[31mred"), "t -      #033[2J#033[31mred\n"},
		{"CSI as one byte", withTopic("t", "\x9b2J\x90"), "t -      #2332J#220\n"},
		{"CSI in UTF-8", withTopic("t", "\u009b2J\u0080\u009f\u00a0"), "t -      <U+009B>2J<U+0080><U+009F>\u00a0\n"},
		{"bidi", withTopic("t", "\u202aa\u202eb\u2066c\u2069d\u200e\u200f\u061c"),
			"t -      <U+202A>a<U+202E>b<U+2066>c<U+2069>d<U+200E><U+200F><U+061C>\n"},
		{"separators", withTopic("t", "a\u2028b\u2029c\u0085"), "t -      a<U+2028>b<U+2029>c<U+0085>\n"},
		{"hidden", withTopic("t", "\u200b\ufeff\u2060\u00ad\u180e\U000e0001\U000e0041\U000e0100"),
			"t -      <U+200B><U+FEFF><U+2060><U+00AD><U+180E><U+E0001><U+E0041><U+E0100>\n"},
		{"joiners", withTopic("t", "نامه\u200cای \u0915\u094d\u200d"), "t -      نامه\u200cای \u0915\u094d\u200d\n"},
		{"visible formats", withTopic("t", "\u0600\u06dd"), "t -      \u0600\u06dd\n"},
		{"cut UTF-8", withTopic("a\xe2\x82", "b\xf0\x9f\x98"), "a#342#202 -      b#360#237#230\n"},
		{"cut UTF-8 before a control", withTopic("t", "\xe2\x1b[0m"), "t -      #342#033[0m\n"},
		{"overlong, surrogate, too large", withTopic("t", "\xc0\x9b\xed\xa0\x80\xf4\x90\x80\x80"),
			"t -      #300#233#355#240#200#364#220#200#200\n"},
		{"what looks escaped", withTopic("t", "#033[0m<U+202E>"), "t -      #033[0m<U+202E>\n"},
		{"header", withTopic("t", "<11>1 2026-11-30T17:03:19Z h\x1b \u202ep #\x07 - - x"), "h#033 <U+202E>p[##007] error  [t] x\n"},
		{"long topic", withTopic(strings.Repeat("x", 100_000), "p"), strings.Repeat("x", 100_000) + " -      p\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := line(t, c.m); got != c.want {
				t.Errorf("got %.200q\nwant %.200q", got, c.want)
			}
			c.m.Received = at
			p := Printer{Color: true, Zone: time.UTC}
			if got := string(stripColors(p.Append(nil, &c.m, nil))); got != "17:03:19 "+c.want {
				t.Errorf("without its colours: got %.200q\nwant %.200q", got, c.want)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	m := withTopic("topic", "\x1b[31m\ttab\nfeed\x00\x9b\u202e")
	pipe := Printer{Style: Raw, Color: true}
	if got, want := string(pipe.Append(nil, &m, nil)), "\x1b[31m\ttab#012feed#000\x9b\u202e\n"; got != want {
		t.Errorf("pipe: got %q, want %q", got, want)
	}
	terminal := Printer{Style: Raw, Color: true, Terminal: true}
	if got, want := string(terminal.Append(nil, &m, nil)), "#033[31m\ttab#012feed#000#233<U+202E>\n"; got != want {
		t.Errorf("terminal: got %q, want %q", got, want)
	}
	m = withTopic("topic", "zmqtap: 9 messages missed")
	if got := string(terminal.Append(nil, &m, nil)); got != "#172mqtap: 9 messages missed\n" {
		t.Errorf("what looks like zmqtap's own: %q", got)
	}
}

func TestJSON(t *testing.T) {
	m := withTopic("a\u009b", "é\x7f\u202e\U000e0041😀\x1b\n")
	m.Peer, m.User, m.Seq, m.Sender = "127.0.0.1:5", "u", 7, "00"
	m.Received = time.Unix(0, 0)
	pipe, terminal := Printer{Style: JSON, Color: true}, Printer{Style: JSON, Color: true, Terminal: true}
	const want = "> {\"topic\":\"a\u009b\",\"message\":\"é\x7f\u202e\U000e0041😀\\u001b\\n\",\"received\":\"1970-01-01T00:00:00.000000Z\"," +
		"\"text\":\"é\x7f\u202e\U000e0041😀\\u001b\"}\n"
	if got := string(pipe.Append([]byte("> "), &m, nil)); got != want {
		t.Errorf("pipe:\ngot  %q\nwant %q", got, want)
	}
	const safe = `> {"topic":"a\u009B","message":"é\u007F\u202E\uDB40\uDC41😀\u001b\n","received":"1970-01-01T00:00:00.000000Z",` +
		`"text":"é\u007F\u202E\uDB40\uDC41😀\u001b"}` + "\n"
	if got := string(terminal.Append([]byte("> "), &m, nil)); got != safe {
		t.Errorf("terminal:\ngot  %q\nwant %q", got, safe)
	}
}

// stripColors removes the sequences that the printer itself writes.
func stripColors(line []byte) []byte {
	line = bytes.ReplaceAll(line, []byte(reset), nil)
	for _, colors := range [][]string{programColors, severityColors, {foundColor}} {
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
	format, err := ParseFormat("{program}: {topic} {host} {pid} {msgid} {structured} {fields} {message} {text}")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, topic []byte, hasTopic bool, payload []byte) {
		m := message.Message{Topic: topic, HasTopic: hasTopic, Payload: payload, Received: at}
		found := regexp.MustCompile("[aeiou ]+|zmqtap")
		for _, p := range []Printer{
			{}, {Terminal: true}, {Color: true, Terminal: true, Grep: found}, {Pretty: true}, {Format: format},
			{Format: format, Color: true}, {Style: Raw, Terminal: true}, {Style: JSON, Terminal: true},
		} {
			for _, width := range []int{0, 20, 50, 100} {
				p.columns = columns{}
				if width > 0 {
					p.Fit(width)
				}
				line := p.Append(nil, &m, nil)
				if p.Color {
					line = checkColors(t, p, &m, width)
				}
				checkLine(t, p, &m, line)
			}
		}
	})
}

// checkColors checks that colours change nothing but colours, and end. It returns the line without them.
func checkColors(t *testing.T, p Printer, m *message.Message, width int) []byte {
	t.Helper()
	plain := p
	plain.Color, plain.columns = false, columns{}
	if width > 0 {
		plain.Fit(width)
	}
	p.columns = plain.columns
	want, colored := plain.Append(nil, m, nil), p.Append(nil, m, nil)
	line := stripColors(bytes.Clone(colored))
	if !bytes.Equal(line, want) {
		t.Fatalf("%q is coloured to %q, want %q", m.Payload, colored, want)
	}
	if bytes.LastIndexByte(colored, '\x1b') != bytes.LastIndex(colored, []byte(reset)) {
		t.Fatalf("the colour does not end: %q", colored)
	}
	return line
}

func checkLine(t *testing.T, p Printer, m *message.Message, line []byte) {
	t.Helper()
	text, ended := bytes.CutSuffix(line, []byte("\n"))
	if !ended || !utf8.Valid(text) {
		t.Fatalf("%+v: %q is not a line of UTF-8", p, line)
	}
	several := p.Style == Human && p.breaks()
	for _, r := range string(text) {
		if r != '\t' && !isSafe(r) && (r != '\n' || !several) {
			t.Fatalf("%+v: %U in %q", p, r, line)
		}
	}
	for i, own := range bytes.Split(text, []byte("\n")) {
		if message.LooksOwn(own) {
			t.Fatalf("%+v: %q looks like a line of zmqtap's own", p, line)
		}
		if i > 0 && !bytes.HasPrefix(own, []byte(narrowIndent)) {
			t.Fatalf("%+v: a line is not indented in %q", p, line)
		}
	}
	if p.Style != JSON {
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
	"coloured":     {Color: true, Terminal: true, columns: columns{}.on(120)},
	"raw":          {Style: Raw},
	"raw terminal": {Style: Raw, Terminal: true},
	"JSON":         {Style: JSON, Terminal: true},
}

var (
	plainMessage = withTopic("auth.info.sshd", "<38>1 2026-01-01T00:00:00.123456+01:00 web3.example.com sshd 12 - [a@1 b=\"c d\"] "+
		strings.Repeat("0123456789 ", 12))
	bsdMessage     = withTopic("shop/web1/", "<38>Oct 11 22:14:15 web1 sshd[4123]: "+strings.Repeat("0123456789 ", 12))
	jsonMessage    = withTopic("orders", `{"time":"2026-01-01T00:00:00Z","level":"warn","msg":"slow","http":{"status":500},"ids":[1,2]}`)
	hostileMessage = withTopic("a\tb\x1b", strings.Repeat("\x1b[31m é \u202e \x9b \n", 16))
)

func TestNoAllocations(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for name, p := range printers {
		for _, m := range []*message.Message{&plainMessage, &bsdMessage, &jsonMessage, &hostileMessage} {
			m.Received = at
			if n := testing.AllocsPerRun(100, func() { dst = p.Append(dst[:0], m, nil) }); n != 0 {
				t.Errorf("%s: %v allocations for %.40q, want none", name, n, m.Payload)
			}
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"human", "coloured", "raw", "raw terminal", "JSON"} {
		p := printers[name]
		for kind, m := range map[string]*message.Message{"plain": &plainMessage, "bsd": &bsdMessage, "json": &jsonMessage, "hostile": &hostileMessage} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(m.Payload)))
				m.Received = at
				dst := make([]byte, 0, 4096)
				for b.Loop() {
					dst = p.Append(dst[:0], m, nil)
				}
			})
		}
	}
}
