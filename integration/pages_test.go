package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Pages that name parts of this repository. What they name exists.
var namingPages = []string{"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/comparison.md", "docs/kubernetes.md",
	"docs/protocol.md", "docs/releasing.md", "docs/troubleshooting.md"}

// pageText is a page without its blocks of code.
func pageText(t *testing.T, page string) string {
	t.Helper()
	return regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(source(t, page), "")
}

// Folders and files in backticks, and links.
func TestPagesNameFilesThatExist(t *testing.T) {
	t.Parallel()
	for _, page := range namingPages {
		text := pageText(t, page)
		for _, path := range regexp.MustCompile("`((?:pkg|integration|rsyslog\\.d|packaging|bench|docs|demo)/[\\w./-]+)`").FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(repository(), path[1])); err != nil {
				t.Errorf("%s names %s: %v", page, path[1], err)
			}
		}
		for _, link := range regexp.MustCompile(`\]\(([^)\s#]+)(?:#[^)\s]*)?\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], "://") || filepath.Base(link[1]) == "packages.md" {
				continue
			}
			if _, err := os.Stat(filepath.Join(repository(), filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, link[1], err)
			}
		}
	}
}

// Each go test -run PATTERN of the pages finds a test.
func TestPagesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile(`go test ((?:-v )?)((?:\./[\w/.]+ ?)+) ?-run (?:'([^']+)'|(\w+))`)
	seen := 0
	for _, page := range namingPages {
		for _, found := range command.FindAllStringSubmatch(source(t, page), -1) {
			seen++
			pattern := regexp.MustCompile(strings.ReplaceAll(found[3]+found[4], `\|`, "|")) // as it is escaped in a table
			for folder := range strings.FieldsSeq(found[2]) {
				if !hasTest(t, filepath.Join(repository(), folder), pattern) {
					t.Errorf("%s: no test in %s for %q", page, folder, found[0])
				}
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d commands were found", seen)
	}
}

func hasTest(t *testing.T, folder string, pattern *regexp.Regexp) bool {
	t.Helper()
	files, _ := filepath.Glob(folder + "/*_test.go") // the pattern is valid
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllSubmatch(text, -1) {
			if pattern.Match(test[1]) {
				return true
			}
		}
	}
	return false
}

// Each make TARGET of the pages is one.
func TestPagesNameTargetsThatExist(t *testing.T) {
	t.Parallel()
	help, err := exec.Command("make", "--no-print-directory", "-C", repository(), "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range namingPages {
		for _, target := range regexp.MustCompile("(?:`|^)make ([a-z-]+)").FindAllStringSubmatch(source(t, page), -1) {
			if !regexp.MustCompile(`(?m)^` + target[1] + ` `).Match(help) {
				t.Errorf("%s: make has no target %s", page, target[1])
			}
		}
	}
}

// The comparison has no figure that was not measured.
func TestComparisonFiguresAreMeasured(t *testing.T) {
	t.Parallel()
	measured := source(t, "docs/performance.md") + source(t, "README.md") + source(t, "docs/relp.md") + source(t, "docs/kafka.md")
	_, table, _ := strings.Cut(source(t, "docs/comparison.md"), "| | messages a second")
	table, _, _ = strings.Cut(table, "\n\n")
	figures := regexp.MustCompile(`\b(\d{3}|[\d,]*\d,\d{3})\b`).FindAllString(strings.ReplaceAll(table, "window 10,000", ""), -1)
	if len(figures) < 10 {
		t.Errorf("only %d figures were found", len(figures))
	}
	for _, figure := range figures {
		if !strings.Contains(measured, figure) {
			t.Errorf("%s is measured nowhere", figure)
		}
	}
}
