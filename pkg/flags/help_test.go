package flags

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestHelp(t *testing.T) {
	c := &Common{Arguments: ConnectArguments}
	examples := []Example{{"All of it", "p tcp://127.0.0.1:1"}}
	fs := NewSet(Program{Name: "p", Summary: "Does it.\nSee also q.", Examples: examples}, c)
	fs.Bool("own", false, strings.Repeat("word ", 40))
	var out bytes.Buffer
	if err := c.Parse(fs, "", []string{"--help"}, &out); !errors.Is(err, ErrHelp) {
		t.Fatal(err)
	}
	help := out.String()
	const start = "Usage: p [flags] ENDPOINT...\n\nDoes it.\nSee also q.\n\nFlags:\n      --own   word"
	if !strings.HasPrefix(help, start) {
		t.Errorf("the help begins\n%.200s\nwant\n%s", help, start)
	}
	const middle = "\n\nExamples:\n  # All of it\n  p tcp://127.0.0.1:1\n\nFlags that all programs share:\n"
	own, shared, found := strings.Cut(help, middle)
	if !found || strings.Contains(own, "--dns") || strings.Contains(shared, "--own") ||
		!strings.Contains(shared, "--help") {
		t.Errorf("own flags, examples and shared flags do not follow each other:\n%s", help)
	}
	for line := range strings.Lines(help) {
		if len(line) > pipeWidth+1 {
			t.Errorf("more than %d columns: %s", pipeWidth, line)
		}
	}
}

func TestUsages(t *testing.T) {
	fs := newSet("p")
	fs.String("name", "", "the `name`, and a_considerably_long_word; then more")
	fs.Bool("b", true, "a default in full")
	for _, test := range []struct {
		columns int
		want    string
	}{
		{80, "      --name name   the name, and a_considerably_long_word; then more\n" +
			"      --b           a default in full (default true)\n"},
		{46, "      --name name   the name, and\n                    a_considerably_long_word;\n" +
			"                    then more\n" +
			"      --b           a default in full\n                    (default true)\n"},
		{38, "      --name name\n        the name, and\n        a_considerably_long_word; then\n        more\n" +
			"      --b\n        a default in full\n        (default true)\n"},
	} {
		if got := usages(fs, test.columns); got != test.want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", test.columns, got, test.want)
		}
	}
}

func TestWidth(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if got := width(terminal); got != pipeWidth {
		t.Errorf("a terminal without a size: %d columns", got)
	}
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 132}); err != nil {
		t.Fatal(err)
	}
	if got := width(terminal); got != 132 {
		t.Errorf("a terminal of 132 columns: %d", got)
	}
	if got := width(null); got != pipeWidth {
		t.Errorf("no terminal: %d columns", got)
	}
	if got := width(&bytes.Buffer{}); got != pipeWidth {
		t.Errorf("no file: %d columns", got)
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"one two", "one two\n"},
		{"twelve chars and more", "twelve chars\nand more\n"},
		{"one\ntwo", "one\ntwo\n"},
		{"a considerablylongword b", "a\nconsiderablylongword\nb\n"},
	} {
		if got := wrap(test.text, 12); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
		}
	}
}
