package recording

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// record records messages into a file.
func record(t *testing.T, name string, existing Existing, payloads ...string) error {
	t.Helper()
	f, err := Create(name, existing)
	if err != nil {
		return err
	}
	c, err := CompressionOf(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(f, c, most)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range payloads {
		w.Message(frames("t", p))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f.Close()
}

// recorded returns the payloads in a file.
func recorded(t *testing.T, name string) string {
	t.Helper()
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(file), most)
	if err != nil {
		t.Fatal(err)
	}
	var payloads []string
	for {
		e, err := r.Next()
		if err == io.EOF {
			return strings.Join(payloads, " ")
		}
		if err != nil {
			t.Fatalf("%s after %q: %v", name, payloads, err)
		}
		payloads = append(payloads, string(e.Message.Payload))
	}
}

// A file is neither overwritten nor appended to unless that is wanted.
func TestExistingFiles(t *testing.T) {
	for _, end := range []string{".ndjson", ".gz", ".zst"} {
		name := filepath.Join(t.TempDir(), "file"+end)
		steps := []struct {
			existing    Existing
			payload     string
			want, fails string
		}{
			{Refuse, "a", "a", ""},
			{Refuse, "b", "a", "is there already: take another name, or --append to go on with it, or --force to overwrite it"},
			{Append, "c", "a c", ""},
			{Overwrite, "d", "d", ""},
			{Append, "e", "d e", ""},
		}
		for _, s := range steps {
			err := record(t, name, s.existing, s.payload)
			if got := recorded(t, name); got != s.want || (err == nil) != (s.fails == "") || err != nil && !strings.Contains(err.Error(), s.fails) {
				t.Errorf("%s: %q, %v; want %q, %s", end, got, err, s.want, s.fails)
			}
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
}

// A recording that is removed meanwhile is lost, and that is said; one that is moved is not.
func TestRemovedFile(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"removed": os.Remove, "moved": func(file string) error { return os.Rename(file, file+".1") },
	} {
		file := filepath.Join(t.TempDir(), "file")
		f, err := Create(file, Refuse)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(file); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); (err != nil) != (name == "removed") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a killed recorder has left is gone on with after its last whole line, except within a compressed portion.
func TestAppendAfterACut(t *testing.T) {
	for _, end := range []string{".ndjson", ".gz", ".zst"} {
		name := filepath.Join(t.TempDir(), "file"+end)
		if err := record(t, name, Refuse, "a", strings.Repeat("b", 100_000)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, info.Size()-2); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		err = record(t, name, Append, "c")
		after, _ := os.ReadFile(name)
		switch {
		case end == ".ndjson" && (err != nil || recorded(t, name) != "a c"):
			t.Errorf("%s: %v, %q", end, err, recorded(t, name))
		case end != ".ndjson" && (err == nil || !strings.Contains(err.Error(), "it is cut off, and nothing can be appended") || !bytes.Equal(before, after)):
			t.Errorf("%s: %v", end, err)
		}
	}
}

func TestUnsuitableFiles(t *testing.T) {
	dir := t.TempDir()
	zipped := filepath.Join(dir, "a.gz")
	if err := record(t, zipped, Refuse, "a"); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain")
	if err := os.Rename(zipped, plain); err != nil {
		t.Fatal(err)
	}
	busy := filepath.Join(dir, "busy")
	f, err := Create(busy, Refuse)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, test := range []struct {
		name     string
		existing Existing
		want     string
	}{
		{dir, Overwrite, "is not a regular file"},
		{"/dev/null", Append, "is not a regular file; - is standard output"},
		{filepath.Join(dir, "none", "a"), Refuse, "no such file or directory"},
		{plain, Append, "its name and its content do not have the same compression"},
		{busy, Overwrite, "another process records into it"},
		{busy, Append, "another process records into it"},
	} {
		if err := record(t, test.name, test.existing, "x"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
