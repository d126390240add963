package check

import (
	"os"
	"strings"
	"testing"
)

// docs/check.md has a row for each kind, in the same words and order, and for no other.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| *") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	kinds := Kinds()
	for i := range max(len(rows), len(kinds)) {
		got, want := "", ""
		if i < len(rows) {
			got = rows[i]
		}
		if i < len(kinds) {
			want = row(kinds[i])
		}
		if got != want {
			t.Fatalf("row %d is\n%s\nwant\n%s", i+1, got, want)
		}
	}
}

// row is a kind's row. Markdown takes some of the characters for its own.
func row(k Kind) string {
	escape := strings.NewReplacer("*", `\*`, "<", "&lt;", "|", `\|`).Replace
	return "| *" + escape(k.Phrase) + "* | " + escape(k.Cure) + " |"
}
