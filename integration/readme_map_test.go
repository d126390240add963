package integration

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A package that is not on the README's map would be found by chance alone.
func TestReadmeMapsEveryPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Where things are\n")
	section, _, _ = strings.Cut(section, "\n## ")
	mapped := map[string]bool{}
	for line := range strings.Lines(section) {
		names, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		for name := range strings.SplitSeq(names, ", ") {
			mapped[strings.TrimPrefix(name, "pkg/")] = true
		}
	}
	packages := filepath.Join(repository(), "pkg")
	err = filepath.WalkDir(packages, func(path string, d fs.DirEntry, err error) error {
		if sources, _ := filepath.Glob(filepath.Join(path, "*.go")); err == nil && d.IsDir() && len(sources) > 0 {
			if name, _ := filepath.Rel(packages, path); !mapped[filepath.ToSlash(name)] {
				t.Errorf("pkg/%s is not on the map", name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
