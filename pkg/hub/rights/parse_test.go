package rights

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// show returns all that r says, a line for each name and direction.
func show(r *Rights) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(r.names)) {
		lines = append(lines, fmt.Sprintf("%s publish %q", name, shown(r.Publish(name))),
			fmt.Sprintf("%s subscribe %q", name, shown(r.Subscribe(name))))
	}
	return lines
}

func shown(s *prefix.Set) (prefixes []string) {
	s.Walk(func(p []byte) { prefixes = append(prefixes, string(p)) })
	return prefixes
}

const key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"# web1 publish web.\n\n \t\n#": "",
		"web1 publish web.":             `web1 publish ["web."]|web1 subscribe []`,
		"web1\tpublish  web. # why\r\nweb1 subscribe web. alerts.\r\n": `web1 publish ["web."]|web1 subscribe ["alerts." "web."]`,
		"a subscribe *":                         `a publish []|a subscribe [""]`,
		"a subscribe x * y":                     `a publish []|a subscribe [""]`,
		"a subscribe web web. w":                `a publish []|a subscribe ["w"]`,
		"a subscribe c b\na subscribe a c":      `a publish []|a subscribe ["a" "b" "c"]`,
		`"night shift" subscribe "my topic"`:    `night shift publish []|night shift subscribe ["my topic"]`,
		`"*" publish "*" "web.*" "#" a#b`:       `* publish ["#" "*" "a#b" "web.*"]|* subscribe []`,
		key + ` publish é "\xff\x00\"\\\t"`:     key + ` publish ["é" "\xff\x00\"\\\t"]|` + key + " subscribe []",
		`a\b publish c\d`:                       `a\b publish ["c\\d"]|a\b subscribe []`,
		"publish publish publish":               `publish publish ["publish"]|publish subscribe []`,
		"a publish b#c":                         `a publish ["b#c"]|a subscribe []`,
		"a publish " + strings.Repeat("p", 255): `a publish ["` + strings.Repeat("p", 255) + `"]|a subscribe []`,
	} {
		r, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := strings.Join(show(r), "|"); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// The error names the line, and says what to do.
func TestParseErrors(t *testing.T) {
	var many strings.Builder
	for i := range MaxPrefixes + 1 {
		fmt.Fprintf(&many, " p%04d", i)
	}
	for line, want := range map[string]string{
		"web1":                                     "write publish or subscribe",
		"web1 # publish web.":                      "write publish or subscribe",
		"web1 publsh web.":                         `"publsh" is no direction`,
		"web1 PUBLISH web.":                        "is no direction",
		`web1 "publish" web.`:                      "is no direction",
		"night shift publish web.":                 "in double quotes",
		"web1 publish":                             "* for everything",
		"web1 publish # web.":                      "* for everything",
		`web1 publish ""`:                          "write * for everything",
		`"" publish web.`:                          "an empty name",
		"* publish web.":                           "* is no name",
		"web1 publish web.*":                       "needs no *",
		`"web1 publish web.`:                       "no other one closes",
		`web1 publish web."`:                       "a double quote in it",
		`"web1"publish web.`:                       "put a space between them",
		"web1 publish a\x00b":                      "control character",
		"web1\rpublish web.":                       "control character",
		"\ufeffweb1 publish web.":                  "byte order mark",
		"\xff publish web.":                        "not UTF-8",
		"web1 publish \xff":                        `\xHH in double quotes`,
		`web1 publish "\q"`:                        "may follow a backslash",
		`web1 publish "web.\"`:                     "may follow a backslash",
		"web1 publish \"a\tb\"":                    "control character",
		strings.Repeat("n", 256) + " publish web.": "at most 255",
		"n publish " + strings.Repeat("p", 256):    "at most 255",
		"n publish" + many.String():                "use shorter ones",
	} {
		_, err := Parse([]byte("good publish x\n\n" + line + "\ngood subscribe y"))
		if err == nil || !strings.HasPrefix(err.Error(), "line 3: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
	if _, err := Parse(make([]byte, MaxSize+1)); err == nil {
		t.Error("a file that is too long was read")
	}
	if _, err := Parse([]byte("n publish" + many.String()[6:] + "\nn publish p0001\nn subscribe p0000")); err != nil {
		t.Errorf("as many prefixes as there may be, one of them twice: %v", err)
	}
}

func TestUnknownNamesMayDoNothing(t *testing.T) {
	r, err := Parse([]byte("a publish *\nb subscribe *"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*prefix.Set{r.Publish("b"), r.Subscribe("a"), r.Publish(""), r.Subscribe(""), r.Publish("A"), r.Subscribe("b ")} {
		if s == nil || !s.Empty() || s.Match(nil) || s.Match([]byte("x")) {
			t.Error("a name has a right that it was not given")
		}
	}
	if r.Names() != 2 {
		t.Errorf("%d names", r.Names())
	}
}

// Only what has changed gets another set, and all who may do nothing share one.
func TestKeep(t *testing.T) {
	parse := func(text string) *Rights {
		r, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := parse("a publish x y\na subscribe z\nb publish x\nc publish x\nd publish x")
	r := parse("# other lines, the same rights\na publish y\na publish x x\na subscribe z w\nb subscribe x\nd publish xy x\ne publish x")
	r.Keep(old)
	for what, same := range map[string]bool{
		"a publishes":          r.Publish("a") == old.Publish("a"),
		"a subscribes":         r.Subscribe("a") != old.Subscribe("a"),
		"b publishes nothing":  r.Publish("b") == old.Publish("nobody"),
		"b subscribes":         r.Subscribe("b") != old.Subscribe("b"),
		"c is gone":            r.Publish("c") == old.Subscribe("c"),
		"e is new":             r.Publish("e") != old.Publish("e"),
		"d is equally allowed": shown(r.Publish("d"))[0] == "x" && len(shown(r.Publish("d"))) == 1,
	} {
		if !same {
			t.Error(what)
		}
	}
}

// Whatever the text is, nothing is allowed that it does not spell, and what was understood can be written and read
// again.
func FuzzParse(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/FuzzParse")
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds: ", err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		spelt := func(word string) bool { // in quotes it may look different
			return strings.Contains(string(text), word) || strings.Contains(string(text), `\`)
		}
		for name, of := range r.names {
			if !spelt(name) || name == "" {
				t.Fatalf("%q is not in %q", name, text)
			}
			for _, right := range []right{of.publish, of.subscribe} {
				for _, p := range right.prefixes {
					if !spelt(p) || p == "" && !strings.Contains(string(text), "*") {
						t.Fatalf("%q is not in %q", p, text)
					}
					if !right.set.Match([]byte(p)) {
						t.Fatalf("%q is not allowed", p)
					}
				}
			}
		}
		if second, err := Parse([]byte(written(r))); err != nil || !slices.Equal(show(second), show(r)) {
			t.Fatalf("%q: read again, it is %q, %v; it was %q", text, show(second), err, show(r))
		}
	})
}

// written returns a file that says what r says.
func written(r *Rights) string {
	var text strings.Builder
	for name, of := range r.names {
		for direction, right := range map[string]right{publish: of.publish, subscribe: of.subscribe} {
			for _, p := range right.prefixes {
				if p = strconv.Quote(p); p == `""` {
					p = "*"
				}
				fmt.Fprintf(&text, "%q %s %s\n", name, direction, p)
			}
		}
	}
	return text.String()
}

func TestCodecDoesNoIO(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		switch name {
		case "net", "os", "time", "log", "log/slog":
			t.Errorf("the codec imports %s", name)
		}
	}
}
