package top

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

// Each key does what the help says.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := show(t, newCounted(three), 80, 24)
	s.Shows("MSG/S↓", "mail.err", "auth.info", "cron")
	for _, c := range []struct {
		keys  string
		shows []string
	}{
		{"b", []string{"BYTES/S↓", "cron", "mail.err", "auth.info"}},
		{"t", []string{"TOTAL↓", "mail.err", "auth.info", "cron"}},
		{"n", []string{"TOPIC↑", "auth.info", "cron", "mail.err"}},
		{"R", []string{"TOPIC↓", "mail.err", "cron", "auth.info"}},
		{"r", []string{"MSG/S↓", "mail.err", "auth.info", "cron"}},
		{"I", []string{"MSG/S↑", "cron", "auth.info", "mail.err"}},
		{">", []string{"BYTES/S↓", "cron", "mail.err", "auth.info"}},
		{">", []string{"TOTAL↓", "mail.err"}},
		{"<", []string{"BYTES/S↓", "cron"}},
		{"<", []string{"MSG/S↓", "mail.err"}},
		{"<", []string{"TOPIC↑", "auth.info"}},
		{"\x1b[17~", []string{"MSG/S↓", "mail.err"}}, // F6
		{"M", []string{"MSG/S↓"}}, {"B", []string{"BYTES/S↓"}}, {"T", []string{"TOTAL↓"}}, {"N", []string{"TOPIC↑"}},
		{"r", []string{"MSG/S↓", "mail.err", "auth.info", "cron"}},
		{"\t", []string{"hosts 1", "HOST", "web1", "by program"}},
		{"\t", []string{"programs 3", "PROGRAM", "mail.err", "by severity"}},
		{"\t", []string{"severities 1", "SEVERITY", "err", "by topic"}},
		{"\t", []string{"topics 3", "TOPIC"}},
		{"\x1b[Z", []string{"SEVERITY"}}, // Shift-Tab
		{"\t", []string{"TOPIC"}},
		{"?", []string{"quit", "sort by messages per second", "any key goes back"}},
		{"x", []string{"MSG/S↓", "q quit"}},
		{"h", []string{"any key goes back"}},
		{"q", []string{"MSG/S↓", "q quit"}},
		{"\x1bOP", []string{"any key goes back"}}, // F1
		{" ", []string{"MSG/S↓", "q quit"}},
		{" ", []string{"PAUSED", "p go on"}},
		{"p", []string{"p pause"}},
		{"\x0c", []string{"MSG/S↓", "q quit"}}, // Ctrl-L
	} {
		s.Type(c.keys)
		s.Shows(c.shows...)
	}
	s.ShowsNot("PAUSED")
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

// Every key has a line in the help, and every sentence in the help is on a screen of 24 lines.
func TestHelp(t *testing.T) {
	t.Parallel()
	s := show(t, newCounted(three), 80, 24)
	s.Shows("mail.err")
	s.Type("?")
	s.Shows("any key goes back")
	text := s.Text()
	for i, k := range keys {
		if i == 0 && k.shown == "" {
			t.Error("the first key is in no line")
		}
		if !strings.Contains(text, k.does) || !strings.Contains(text, k.shown) {
			t.Errorf("the help lacks %q: %q", k.shown, k.does)
		}
	}
	s.Type("xq")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

// many counts 100 topics, the first of which is the busiest.
func many(r *terminal.Rates) {
	for i := range 100 {
		for range 300 - i {
			r.Add(fmt.Appendf(nil, "topic-%02d", i), 1)
		}
	}
}

// selected waits until the selected row is that of a topic.
func (s *shown) selected(topic string) {
	s.t.Helper()
	s.Wait("the selection of "+topic, func(text string) bool {
		for i, line := range strings.Split(text, "\n") {
			if i >= 2 && s.Reversed(i) {
				return strings.HasSuffix(line, topic)
			}
		}
		return false
	})
}

func TestSelection(t *testing.T) {
	t.Parallel()
	source := newCounted(many)
	s := show(t, source, 80, 24)
	s.Shows("topic-00", "topic-19")
	for _, c := range []struct{ keys, selected string }{
		{"j", "topic-00"}, {"\x1b[B", "topic-01"}, {"j", "topic-02"}, {"k", "topic-01"}, {"\x1b[A", "topic-00"}, {"k", "topic-00"},
		{"\x1b[6~", "topic-20"}, {"\x1b[6~", "topic-40"}, {"\x1b[5~", "topic-20"}, {"\x06", "topic-40"}, {"\x02", "topic-20"},
		{"G", "topic-99"}, {"j", "topic-99"}, {"g", "topic-00"}, {"\x1b[F", "topic-99"}, {"\x1b[H", "topic-00"},
		{"\x1b", ""}, {"k", "topic-19"}, {"j", "topic-20"},
	} {
		if s.Type(c.keys); c.selected == "" {
			s.ShowsNot("last minute")
			continue
		}
		s.selected(c.selected)
	}
	s.Shows("last minute: mean 280.0, peak 280.0 msg/s", "topic-20")

	// The selection follows its row, and the screen the selection.
	source.change(func() {
		source.each = func(r *terminal.Rates) {
			many(r)
			for range 5000 {
				r.Add([]byte("topic-20"), 1)
			}
		}
	})
	s.Wait("the row at the top", func(text string) bool { return strings.HasSuffix(strings.Split(text, "\n")[2], "topic-20") })
	s.selected("topic-20")

	// Where a selected row disappears, the next one is selected.
	s.Type("/topic-[^2]")
	s.ShowsNot("topic-20")
	s.Type("\r")
	s.selected("topic-00")
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	source := newCounted(func(r *terminal.Rates) {
		three(r)
		r.Add([]byte("Weird (x"), 1)
		r.Add([]byte("\x1bhidden"), 1)
	})
	s := show(t, source, 80, 24)
	s.Shows("mail.err", "auth.info", "cron", "Weird")
	for _, c := range []struct {
		keys  string
		shows []string
		lacks string
	}{
		{"/AUT", []string{"No topic matches AUT. Esc clears the filter.", "/AUT   0 of 5 topics"}, "cron"},
		{"\x15aut", []string{"auth.info", "/aut   1 of 5 topics"}, "cron"},
		{"\x7f\x7f\x7f", []string{"mail.err", "auth.info"}, "of 4"},
		{"^(mail|cron)", []string{"mail.err", "cron", "/^(mail|cron)   2 of 5"}, "auth.info"},
		{"\r", []string{"mail.err", "cron", "filter ^(mail|cron): 2 of 5 topics", "q quit"}, "auth.info"},
		{"/\x17(x", []string{"Weird (x", "/(x   1 of 5 topics, as text: it is no regular expression"}, "cron"},
		{"\x1b", []string{"mail.err", "auth.info", "cron"}, "(x   1"},
		{"\\weird", []string{"Weird (x", "/weird"}, "cron"},
		{"\r", []string{"filter weird"}, "/weird"},
		{"\x1b", []string{"mail.err", "auth.info"}, "filter weird"},
		{"/#033", []string{"#033hidden", "/#033   1 of 5"}, "cron"},
		{"\x1b", []string{"mail.err"}, "of 5"},
		{"/q", []string{"/q   0 of 5"}, "cron"}, // no end
		{"\x15\x1b[200~cr\non\x1b[201~", []string{"cron", "/cron   1 of 5"}, "mail.err"},
		{"\x1b", []string{"mail.err"}, "/cron"},
		{"\x1b[200~q\x1b[201~", []string{"mail.err", "q quit"}, "/"}, // what is pasted elsewhere are no keys
	} {
		s.Type(c.keys)
		s.Shows(c.shows...)
		if c.lacks != "/" {
			s.ShowsNot(c.lacks)
		}
	}
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		text, name string
		want       bool
	}{
		{"", "x", true}, {"b.c", "abXcd", true}, {"b.c", "ab.cd", true}, {"c++", "c++", true}, {"[", "a[b", true}, {"[", "ab", false},
		{"auth", "AUTH", true}, {"Auth", "auth", false}, {"^a|^b", "b", true}, {"^a|^b", "xb", false}, {`\d+$`, "a12", true},
		{"é", "É", true}, {"a|", "zzz", true},
	} {
		f := newFilter(c.text)
		if got := f.match([]byte(c.name)); got != c.want {
			t.Errorf("%q and %q: %v", c.text, c.name, got)
		}
	}
	if got := typed("a", "b\x1b[31m\n\x00\u202e\xffc"); got != "ab[31mc" {
		t.Errorf("typed %q", got)
	}
	if got := typed(strings.Repeat("é", maxFilter/2-1), "éé"); len(got) != maxFilter {
		t.Errorf("%d bytes", len(got))
	}
	if shorter("aé") != "a" || shorter("") != "" || withoutWord("a b ") != "a " || withoutWord("a") != "" {
		t.Error("it is not cut")
	}
}

// The screen is frozen, with all that can be done to it; the counting goes on.
func TestPause(t *testing.T) {
	t.Parallel()
	source := newCounted(three)
	s := show(t, source, 80, 24)
	s.Shows("mail.err")
	s.Type("p")
	s.Shows("PAUSED")
	frozen := s.Text()
	updates := 0
	source.change(func() {
		source.each = func(r *terminal.Rates) {
			updates++
			three(r)
			r.Add([]byte("new"), 1)
		}
	})
	s.Wait("three more seconds", func(string) bool {
		n := 0
		source.change(func() { n = updates })
		return n >= 3
	})
	if text := s.Text(); text != frozen {
		t.Errorf("it was\n%s\nand is\n%s", frozen, text)
	}
	s.Type("n")
	s.Shows("PAUSED", "TOPIC↑", "auth.info", "cron", "mail.err")
	s.Type(" ")
	s.Shows("topics 4", "auth.info", "cron", "mail.err", "new")
	s.ShowsNot("PAUSED")
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

// docs/tap.md lists the keys as the help does.
func TestKeysInDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/tap.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "\n| key | what it does |\n|---|---|\n")
	table, _, _ := strings.Cut(after, "\n\n")
	want := ""
	for _, k := range keys {
		if k.shown != "" {
			want += fmt.Sprintf("| %s | %s |\n", k.shown, k.does)
		}
	}
	if table+"\n" != want {
		t.Errorf("docs/tap.md has\n%s\nand the help\n%s", table, want)
	}
}
