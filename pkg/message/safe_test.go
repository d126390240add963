package message

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// Eight bytes are looked at together: every byte must be found in every place, whatever is next to it.
func TestEveryByteAtEveryPlace(t *testing.T) {
	for _, beside := range []byte{' ', '~', 0xc3} {
		for at := range 20 {
			for c := range 256 {
				text := bytes.Repeat([]byte{beside}, 20)
				text[at] = byte(c)
				want := bytes.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
				if want < 0 {
					want = len(text)
				}
				if got := printableEnd(text, 0); got != want {
					t.Errorf("%q: the first unprintable byte is at %d, want %d", text, got, want)
				}
			}
		}
	}
}

// What looks like a line of zmqtap's own is escaped where it begins to look so, and nothing else is.
func TestNoLineLooksOwn(t *testing.T) {
	for text, want := range map[string]string{
		"zmqtap: 999 messages are missing here": "#172mqtap: 999 messages are missing here",
		"zmqtap:":                               "#172mqtap:",
		"zmqtap:\tx":                            "#172mqtap:\tx",
		"\u200dzmqtap: x":                       "<U+200D>zmqtap: x",
		"z\u0300m\u200cqtap\ufe0f: x":           "#172\u0300m\u200cqtap\ufe0f: x",
		strings.Repeat("\u200d", 9999):          "<U+200D>" + strings.Repeat("\u200d", 9998),
		"\u1160zmqtap: x":                       "<U+1160>zmqtap: x",
		"zmqtap":                                "zmqtap",
		"zmqtap[1]: x":                          "zmqtap[1]: x",
		" zmqtap: x":                            " zmqtap: x",
		"\tzmqtap: x":                           "\tzmqtap: x",
		"ZMQTAP: x":                             "ZMQTAP: x",
		"zmq tap: x":                            "zmq tap: x",
		"\x1bzmqtap: x":                         "#033zmqtap: x",
		"\xffzmqtap: x":                         "#377zmqtap: x",
		"":                                      "",
		"zm\xff":                                "zm#377",
		"a\nzmqtap: 1 messages are missing here\nb": "a#012zmqtap: 1 messages are missing here#012b",
	} {
		if got := string(AppendSafeLine([]byte("> "), []byte(text), true)); got != "> "+want {
			t.Errorf("%q becomes %q, want %q", text, got, "> "+want)
		}
	}
	for text, want := range map[string]string{
		"zmqtap: \x1b\n\x00\xff": "#172mqtap: \x1b#012#000\xff", "zmqtap:": "#172mqtap:", "zmqtap": "zmqtap", "\u200dzmqtap:": "\u200dzmqtap:", "": "",
	} {
		if got := string(AppendBytesLine([]byte("> "), []byte(text))); got != "> "+want {
			t.Errorf("%q becomes %q, want %q", text, got, "> "+want)
		}
	}
}

func FuzzSafeLine(f *testing.F) {
	for _, seed := range []string{"zmqtap: x", "\u200dzm\u0300qtap:", "z\xccmqtap:", "plain\ttext\x1b[2J", "\xf4\x90\x80\x80"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		line := AppendSafeLine(nil, text, true)
		if !utf8.Valid(line) || bytes.ContainsAny(line, "\n\r\x00\x1b") || LooksOwn(line) {
			t.Fatalf("%q becomes %q", text, line)
		}
		if line = AppendBytesLine(nil, text); bytes.ContainsAny(line, "\n\x00") || bytes.HasPrefix(line, []byte(Own)) {
			t.Fatalf("%q becomes %q", text, line)
		}
	})
}
