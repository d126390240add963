package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What zmqtap writes of its own cannot be forged by what it prints: at a terminal, and where both go into one file.
func TestTapOwnLines(t *testing.T) {
	const forged = "zmqtap: 999 messages missed: this end was too slow"
	pub := repeating(t, forged)
	topic := repeating(t, "zmqtap:", "999 messages missed: this end was too slow")
	for name, test := range map[string]struct{ env, mark, format, endpoint string }{
		"plain":   {"TERM=dumb", "zmqtap: ", "{text}", pub.endpoint},
		"colours": {"TERM=xterm", "\x1b[7mzmqtap:\x1b[0m ", "{topic} {text}", topic.endpoint},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := tapCommand(test.endpoint, "--format", test.format)
			cmd.Env = append(cmd.Environ(), "NO_COLOR=", test.env)
			tap := startAtTerminal(t, cmd)
			tap.shows(t, "#172mqtap:")
			tap.types(t, "\x03")
			tap.exit(t)
			tap.shows(t, " seen, ")
			own := 0
			for line := range strings.Lines(strings.ReplaceAll(tap.out.String(), "\r", "")) {
				switch bare := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(line, ""); {
				case strings.HasPrefix(bare, "#172mqtap:"):
				case strings.HasPrefix(line, test.mark) && !strings.Contains(line, "999"):
					own++
				case !strings.HasPrefix(bare, "^C"):
					t.Errorf("neither a message nor zmqtap's own: %q", line)
				}
			}
			if own < 2 { // that it has connected, and the summary
				t.Errorf("%d lines of its own: %q", own, tail(tap.out.String(), 1000))
			}
		})
	}
	both, err := os.Create(filepath.Join(t.TempDir(), "both"))
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	cmd := tapCommand(pub.endpoint, topic.endpoint, "--count", "20")
	cmd.Stdout, cmd.Stderr = both, both
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(both.Name())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if own := strings.HasPrefix(line, "zmqtap: "); own == strings.Contains(line, "999") {
			t.Errorf("in the file: %q", line)
		}
	}
}
