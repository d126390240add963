package rsyslogconf

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// What was parsed lies within the text, and is bounded by it.
func FuzzParse(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Parse("f", text, memory{"/a": "include(file=\"/a\")", "/b": text}.files())
		lines := strings.Count(text, "\n") + 1
		for _, o := range c.Objects {
			if o.File == "f" && (o.Line < 1 || o.Line > lines) {
				t.Fatalf("line %d of %d", o.Line, lines)
			}
			for name, v := range o.Params {
				if name != strings.ToLower(name) {
					t.Fatalf("the name %q", name)
				}
				if v.File == "f" && (v.Line < 1 || v.Line > lines) {
					t.Fatalf("%s at %v of an object at %v", name, v.Place, o.Place)
				}
			}
			if o.Kind == "template" {
				c.Template(o.Text("name"))
			}
		}
		if again := Parse("f", text, memory{"/a": "include(file=\"/a\")", "/b": text}.files()); !reflect.DeepEqual(c, again) {
			t.Fatal("the second time it is something else")
		}
	})
}
