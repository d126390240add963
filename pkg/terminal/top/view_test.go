package top

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

// ours are the sequences that the screen itself sends.
var ours = regexp.MustCompile(`\x1b\[[0-9;:?>=<$ ]*[A-Za-z]|\x1b\[[0-9?]*\$p`)

// Nothing from a message controls the terminal, and the name is shown.
func TestHostileTopics(t *testing.T) {
	t.Parallel()
	topics := []string{"\x1b]0;owned\x07", "\x1b[2J\x1b[31mred", "\x9b2J", "a\nb\rc\td", "\u202eesrever\u2066", "\u200b\ufeff", "\xff\xfe",
		strings.Repeat("e\u0301", 100), strings.Repeat("日本", 50), "\x1bPq\x1b\\", "\x1b[m", "👩‍👩‍👧", "\x00", "zmqtap: x"}
	s := show(t, newCounted(func(r *terminal.Rates) {
		for i, topic := range topics {
			for range 100 - i {
				r.Add([]byte(topic), 1)
			}
		}
	}), 80, 24)
	s.Shows("#033]0;owned#007", "#033[2J#033[31mred", "#2332J", "a#012b#015c#011d", "<U+202E>esrever<U+2066>",
		"<U+200B><U+FEFF>", "#377#376", "日本日本", "#033Pq#033\\", "#033[m", "#000", "zmqtap: x", "q quit")
	for range topics {
		s.Type("j") // also in the line of details
	}
	s.selected("zmqtap: x")
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
	left := strings.NewReplacer("\r", "", "\n", "", "\b", "", "\t", "").Replace(ours.ReplaceAllString(s.Sent(), ""))
	if strings.ContainsAny(left, "\x1b\a\x00\u202e\u2066\u200b\ufeff\u009b") || !utf8.ValidString(left) {
		t.Errorf("the terminal would interpret %q", left)
	}
}

// Of 100,000 topics, the screen shows the first ones, and the rest as one.
func TestManyTopics(t *testing.T) {
	t.Parallel()
	first := true
	s := show(t, newCounted(func(r *terminal.Rates) {
		if !first {
			r.Add([]byte("topic 00007"), 1)
			return
		}
		first = false
		for i := range 100_000 {
			r.Add(fmt.Appendf(nil, "topic %05d", i), 10)
		}
	}), 80, 24)
	s.Shows("total 100", "topics 10000+", "(other topics)", "topic 00007")
	s.Type("/0999")
	s.Shows("topic 00999", "topic 09990", "/0999   11 of 10001 topics")
	s.Type("\x1b")
	s.Shows("(other topics)")
	s.Type("G")
	s.Shows("last minute")
	s.Type("n")
	s.Shows("TOPIC↑", "(other topics)")
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

// Colours only where they are wanted; without them, reverse video and bold tell the rows apart.
func TestColor(t *testing.T) {
	t.Parallel()
	for _, color := range []bool{true, false} {
		source := newCounted(three)
		source.missed = 7
		s := show(t, source, 80, 24, func(c *Config) { c.Color = color })
		s.Shows("missed 7", "MSG/S↓", "mail.err")
		s.Type("j")
		s.selected("mail.err")
		s.Type("q")
		if err := s.ends(); err != nil {
			t.Error(err)
		}
		if colors := regexp.MustCompile(`\x1b\[[0-9;]*3[0-9][0-9;]*m`).MatchString(s.Sent()); colors != color {
			t.Errorf("colours: %v, want %v", colors, color)
		}
	}
}

// Without a keyboard the screen says so.
func TestNoKeyboard(t *testing.T) {
	t.Parallel()
	s := show(t, newCounted(three), 80, 24, func(c *Config) { c.In = nil })
	s.Shows("mail.err", "no keys: standard input is no terminal")
	s.cancel()
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	s := show(t, newCounted(func(*terminal.Rates) {}), 80, 24, func(c *Config) { c.Environ = []string{"TERM=linux"} })
	s.Shows("0.0 msg/s", "topics 0", "MSG/Sv", "Nothing has arrived yet.")
	s.Type("jkGg ppn") // nothing to select, sort or freeze
	s.Shows("TOPIC^", "Nothing has arrived yet.")
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}
