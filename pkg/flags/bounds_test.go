package flags

import (
	"os"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// What a flag takes lies within its bounds, and is printed as it can be written.
func FuzzBounds(f *testing.F) {
	if seeds, err := os.ReadDir("testdata/fuzz/" + f.Name()); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var n, again int64
		var d, sameTime time.Duration
		var size, sameSize Size
		fs := pflag.NewFlagSet("p", pflag.ContinueOnError)
		Count(fs, &n, "n", 7, 1, MaxCount, "")
		Count(fs, &again, "again", 7, 1, MaxCount, "")
		Duration(fs, &d, "d", time.Second, 0, MaxDuration, "")
		Duration(fs, &sameTime, "same-time", time.Second, 0, MaxDuration, "")
		if fs.Set("n", text) == nil && (n < 1 || n > MaxCount || fs.Set("again", fs.Lookup("n").Value.String()) != nil || again != n) {
			t.Errorf("%q is the number %d, printed as %s", text, n, fs.Lookup("n").Value)
		}
		if fs.Set("d", text) == nil && (d < 0 || d > MaxDuration || fs.Set("same-time", short(d)) != nil || sameTime != d) {
			t.Errorf("%q is the time %v, printed as %s", text, d, short(d))
		}
		if size.Set(text) == nil && (size < 1 || size > maxSize || sameSize.Set(size.String()) != nil || sameSize != size) {
			t.Errorf("%q is the size %d, printed as %s", text, size, size.String())
		}
	})
}
