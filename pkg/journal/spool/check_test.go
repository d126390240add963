package spool

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Check finds what Open would find, and leaves everything as it is.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	made := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		missing bool
		wrong   string
	}{
		made("good", 0o700):             {},
		made("open", 0o777):             {wrong: "chmod go-w"},
		filepath.Join(dir, "new"):       {missing: true},
		filepath.Join(dir, "none/new"):  {missing: true, wrong: "its parent must exist"},
		file:                            {wrong: "not a directory"},
		filepath.Join(file, "new"):      {wrong: "not a directory"},
		filepath.Join(dir, "new") + "/": {missing: true},
	} {
		missing, err := Check(path)
		if missing != want.missing || (err == nil) != (want.wrong == "") || err != nil && !strings.Contains(err.Error(), want.wrong) {
			t.Errorf("%s: %v, %v; want %+v", path, missing, err, want)
		}
	}
	for _, path := range []string{"good", "new"} {
		if err := Room(filepath.Join(dir, path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if left, _ := filepath.Glob(dir + "/*/*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a folder was made")
	}
}
