package tenant

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	secret  = "0123456789abcdef-acme"
	secret2 = "0123456789abcdef-umbrella"
)

// digestOf returns what may stand in the place of a token.
func digestOf(token string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(token))) }

func parse(t *testing.T, text string) *List {
	t.Helper()
	l, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestParse(t *testing.T) {
	l := parse(t, "# who reads what\n\n  \t\nacme "+secret+" acme/ shared/\r\n\tacme\t"+digestOf("another token of acme")+"  acme/ \n #x\nops-1.a_b@c+d "+strings.ToUpper(digestOf(secret2))+" *")
	for token, want := range map[string]string{
		secret: "acme [acme/ shared/]", "another token of acme": "acme [acme/]", secret2: "ops-1.a_b@c+d []",
		digestOf(secret2): "", secret + " ": "", "": "", secret[1:]: "", strings.ToUpper(secret): "", "acme": "",
	} {
		got := ""
		if who := l.Find(token); who != nil {
			got = fmt.Sprint(who.Name, " ", who.Prefixes())
			if who.Everything() != (len(who.Prefixes()) == 0) {
				t.Errorf("%s may read everything: %v", who.Name, who.Everything())
			}
		}
		if got != want {
			t.Errorf("%q is of %q, want %q", token, got, want)
		}
	}
	if l.Len() != 3 {
		t.Errorf("%d tokens", l.Len())
	}
	if l = parse(t, ""); l.Len() != 0 || l.Find("") != nil {
		t.Error("an empty file")
	}
}

// What is wrong is said with the line's number, and without anything of a token, even of one in a wrong place.
func TestParseErrors(t *testing.T) {
	long := strings.Repeat("x", MaxToken)
	for text, want := range map[string]string{
		"acme":                                            "line 1: write NAME TOKEN PREFIX",
		"\n#\nacme " + secret:                             "line 3: write NAME TOKEN PREFIX",
		"acme short-secret *":                             "line 1: a token has 16 to 4096 characters",
		"acme " + long + "x *":                            "a token has 16 to 4096 characters",
		"acme secrét-0123456789 *":                        "a token has visible characters of ASCII only",
		"acme sha256: *":                                  "after sha256: there are 64 hexadecimal digits",
		"acme " + digestOf("")[:70] + " *":                "after sha256: there are 64",
		"acme " + digestOf("") + "0 *":                    "after sha256: there are 64",
		"acme sha256:" + strings.Repeat("g", 64) + " *":   "after sha256: there are 64",
		"ac/me " + secret + " *":                          "line 1: a name has letters",
		"acmé " + secret + " *":                           "a name has letters",
		strings.Repeat("x", 65) + " " + secret + " *":     "a name has at most 64",
		"acme " + secret + " * acme/":                     "* stands alone",
		"acme " + secret + " acme/*":                      "* stands alone",
		"acme " + secret + " acme/ # x":                   "a comment has a line of its own",
		"acme " + secret + " a\x1bb":                      "cannot be shown",
		"acme " + secret + " a\u202eb":                    "cannot be shown",
		"acme " + secret + " a\xffb":                      "line 1: it is not UTF-8",
		"acme " + secret + " " + strings.Repeat("x", 256): "a prefix of more than 255 bytes",
		"acme " + secret + strings.Repeat(" x", 101):      "more than 100 prefixes",
		"acme " + secret + strings.Repeat(" "+strings.Repeat("x", 200), 200): "longer than 32 KiB",
		"a " + secret + " *\n#\nb " + secret + " b/":                         "line 3 (b) has the same token as line 1",
		"a " + secret + " *\nb " + digestOf(secret) + " b/":                  "line 2 (b) has the same token as line 1",
		strings.Repeat("#", MaxFile) + "\n":                                  "longer than 4 MiB",
		secret + " acme acme/":                                               "line 1: a token has",
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
			continue
		}
		for field := range strings.FieldsSeq(text) {
			if len(field) >= 10 && strings.Contains(err.Error(), strings.TrimPrefix(field, digestMark)[:3]) {
				t.Errorf("%.60q: the error %q holds %q", text, err, field)
			}
		}
	}
	for _, text := range []string{"acme " + long + " *", "acme " + secret + " " + strings.Repeat("x", 255),
		"acme " + secret + strings.Repeat(" x", 100), strings.Repeat("x", 64) + " " + secret + " *", strings.Repeat("#", MaxFile)} {
		parse(t, text)
	}
}

// seeds are the texts in testdata, of which there must be some.
func seeds(t testing.TB) (all [][]byte) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.tokens")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d seeds, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

func FuzzParse(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := slices.Clone(text)
		l, err := Parse(text)
		if !slices.Equal(text, before) {
			t.Fatal("the text has changed")
		}
		if err != nil {
			if l != nil {
				t.Fatal("a list and an error")
			}
			return
		}
		again := ""
		for _, who := range l.tenants {
			prefixes := strings.Join(who.prefixes, " ")
			if who.Everything() {
				prefixes = "*"
			}
			if l.find(who.digest, func(a, b []byte) int { return map[bool]int{true: 1}[string(a) == string(b)] }) != who {
				t.Fatalf("%s is not found", who.Name)
			}
			again += fmt.Sprintf("%s sha256:%x %s\n", who.Name, who.digest, prefixes)
		}
		other, err := Parse([]byte(again))
		if err != nil || other.Len() != l.Len() {
			t.Fatalf("%q, of %q: %v", again, text, err)
		}
		for i := range l.tenants {
			if !other.tenants[i].same(l.tenants[i]) {
				t.Fatalf("%q, of %q", again, text)
			}
		}
	})
}
