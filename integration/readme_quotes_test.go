package integration

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Users search the README for what they see in a log. Each message that "When something is wrong" quotes is a
// program's, word for word; an ellipsis stands for what varies.
func TestReadmeQuotesMessages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## When something is wrong\n")
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.Join(strings.Fields(section), " ")
	source := sources(t)
	quotes := regexp.MustCompile(`(?:^|[ ,])\*([^*]+)\*[:,]`).FindAllStringSubmatch(section, -1)
	if len(quotes) < 8 {
		t.Errorf("only %d quotes were found", len(quotes))
	}
	for _, quote := range quotes {
		for part := range strings.SplitSeq(quote[1], "…") {
			if part = strings.TrimSpace(part); !strings.Contains(source, part) && !reported(source, part) {
				t.Errorf("no program logs %q of %q", part, quote[1])
			}
		}
	}
}

// reported reports whether a message is one of package trouble, which begins with the name of a destination.
func reported(source, message string) bool {
	name, trouble, _ := strings.Cut(message, ": ")
	return strings.Contains(source, `Name: "`+name+`"`) && strings.Contains(source, `r.Name+": `+trouble+`"`)
}

// sources is the text of the programs and their packages, without tests.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"pkg", "omzmq", "imzmq", "zmqtap"} {
		err := filepath.WalkDir(filepath.Join(repository(), folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
