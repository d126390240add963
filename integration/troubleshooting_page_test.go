package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const troubleshootingPage = "docs/troubleshooting.md"

// Each text in italics is a program's, or rsyslog's, word for word; an ellipsis stands for what varies.
func TestTroubleshootingPageQuotesMessages(t *testing.T) {
	t.Parallel()
	page := strings.Join(strings.Fields(source(t, troubleshootingPage)), " ")
	page = regexp.MustCompile("`[^`]*`").ReplaceAllString(page, "")
	ours := regexp.MustCompile(`" \+ ?\n?\s*"`).ReplaceAllString(sources(t), "")
	theirs := rsyslogWords(t)
	quotes := regexp.MustCompile(`(?:^|[ (,])\*([^*]+)\*(?:[:,.) ]|$)`).FindAllStringSubmatch(strings.ReplaceAll(page, "**", ""), -1)
	if len(quotes) < 50 {
		t.Errorf("only %d quotes were found", len(quotes))
	}
	for _, quote := range quotes {
		for part := range strings.SplitSeq(quote[1], "…") {
			part = strings.TrimSpace(part)
			if !strings.Contains(ours, part) && !strings.Contains(theirs, part) && !reported(ours, part) {
				t.Errorf("nobody logs %q of %q", part, quote[1])
			}
		}
	}
}

// The line that keeps rsyslog's own messages on a host is the one that TestShippedOwnMessages tries.
func TestTroubleshootingPageFilter(t *testing.T) {
	t.Parallel()
	line := documented(t, troubleshootingPage, "## rsyslog's own messages are sent, too", "rsyslog", 0)
	if tried := inComment(t, shipped(t, "30-omzmq-acknowledged.conf"), "if not "); line != tried+"\n" {
		t.Errorf("%q, and %q is tried", line, tried)
	}
}

// rsyslogWords is rsyslogd with its modules and librelp, in which their messages stand.
func rsyslogWords(t *testing.T) string {
	t.Helper()
	files := []string{systemRsyslogd}
	for _, pattern := range []string{"/usr/lib*/*/rsyslog/omprog.so", "/usr/lib*/*/rsyslog/imrelp.so", "/usr/lib*/*/librelp.so*"} {
		found, _ := filepath.Glob(pattern) // the pattern is valid
		files = append(files, found...)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
