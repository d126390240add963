package zcert

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

const (
	public   = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID" // the client's of the ZeroMQ documentation
	secret   = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
	another  = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" // the server's
	asPublic = "curve\n    public-key = \"" + public + "\"\n"
	asBoth   = asPublic + "    secret-key = \"" + secret + "\"\n"
)

func TestMalformed(t *testing.T) {
	long := strings.Repeat("#\n", MaxSize/2)
	for text, want := range map[string]string{
		"":                              "no section \"curve\" with a line public-key",
		"metadata\n":                    "no section",
		"public-key = " + public:        "no section",
		"curve\n    secret-key = x":     "no section",
		"curve\n        public-key = 1": "line 2: it is indented deeper than the line before allows",
		"    curve":                     "line 1: it is indented deeper",
		"curve\n  public-key = 1":       "line 2: it is indented by 2 spaces: write 4",
		"# x\n  # y":                    "line 2: it is indented by 2 spaces",
		"curve\n\tpublic-key = 1":       "line 2: write NAME, or NAME = \"VALUE\", and spaces in front of it, no tabs",
		"curve {":                       "line 1: write NAME",
		"= 5":                           "line 1: write NAME",
		"-----BEGIN PRIVATE KEY-----":   "line 1: write NAME",
		"/curve":                        "line 1: a name cannot begin or end with a slash",
		"curve/":                        "line 1: a name cannot begin or end with a slash",
		"a = \"b":                       "line 1: the closing quote is missing",
		"a = 'b\"":                      "line 1: the closing quote is missing",
		"metadata\n    name = \"the \"quoted\" one\"": "line 2: there is something after the closing quote, and a value cannot",
		"a\x00b":                    "line 1: it has a NUL byte in it",
		"curve\n    public-key = 1": "line 2: public-key: a key has 40 characters in Z85, this has 1",
		"curve\n    public-key = [n.>dOp#=dsz@#eVTjv/L{kA2HkD3.5vjPPB^vb7": "line 2: public-key: a key has 40 characters in Z85, this has 7",
		"curve\n    public-key = \"" + zeros + "\"":                        "line 2: public-key: a key that protects nothing",
		"curve\n    public-key = '" + zeros[1:] + "\"'":                    "not in Z85's alphabet",
		asPublic + "    secret-key = 'x'":                                  "line 3: secret-key: not a secret key in Z85",
		asPublic + "    secret-key = '" + secret[1:] + "'":                 "line 3: secret-key: not a secret key in Z85",
		asPublic + "    secret-key = '" + another + "'":                    "line 3: secret-key: it does not belong to the public key",
		asPublic + "    secret-key = '" + zeros + "'":                      "line 3: secret-key: a key that protects nothing",
		long + asPublic:      "it has 65602 bytes",
		asBoth + "  oops":    "line 4: it is indented by 2",
		"curve\n" + asPublic: "no section", // czmq looks into the first one only
		"a\n    curve\n        public-key = \"" + public + "\"": "no section",
	} {
		c, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, %v; want %q", text, c, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), secret[1:]) || strings.Contains(err.Error(), another)) {
			t.Errorf("the error repeats a key: %v", err)
		}
	}
}

var zeros = strings.Repeat("0", curve.TextSize)

// What czmq takes, and other programs or people write.
func TestWellFormed(t *testing.T) {
	for text, name := range map[string]string{
		asPublic: "",
		strings.ReplaceAll(asPublic, "\n", "\r\n"):                                                      "",
		strings.ReplaceAll(asPublic, `"`, `'`):                                                          "",
		strings.ReplaceAll(asPublic, `"`, ``):                                                           "",
		strings.ReplaceAll(asPublic, "    ", "    # x\n\n    "):                                         "",
		"metadata\n    name = web1 # x\n" + asPublic:                                                    "web1",
		"metadata\n    name = 'the \"quoted\" one'\n" + asPublic:                                        `the "quoted" one`,
		"metadata # x\n    name=\"a#b\"# y\n" + asPublic:                                                "a#b",
		asPublic + "metadata\n    name = first\n    name = second\nmetadata\n    name = third\n":        "first",
		"metadata\n    name\n        name = deep\n" + asPublic:                                          "",
		"metadata\n    name = 'a\x1b[31mb\u202ec\x80d'\n" + asPublic:                                    "a\uFFFD[31mb\uFFFDc\uFFFDd",
		"metadata\n    name = '" + strings.Repeat("ä", 200) + "'\n" + asPublic:                          strings.Repeat("ä", 127),
		"metadata\n    name = ''\n" + asPublic + "    more\n        and-more = 'x'\nother\n    x = 'y'": "",
	} {
		c, err := Parse([]byte(text))
		if err != nil || c.Public.String() != public || c.Name() != name || c.Named().Name != name || c.Pair != nil {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
	c, err := Parse([]byte(asBoth))
	if err != nil || c.Pair == nil || c.Pair.SecretText() != secret {
		t.Errorf("%v, %v", c, err)
	}
}

// The files have the bytes of zcert_save, but for the name of the program.
func TestLayout(t *testing.T) {
	when, err := time.Parse(time.DateTime, "2026-11-29 01:19:35")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server", "client", "marks"} {
		c, err := LoadPublic(copied(t, name+Suffix, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", Suffix} {
			want, err := os.ReadFile("../../../../testdata/zcert/" + name + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.text("CZMQ", when, suffix != ""); got != string(want) {
				t.Errorf("%s%s is written as\n%s", name, suffix, got)
			}
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"web1": true, "rack #2; it's = ä": true, strings.Repeat("x", MaxName): true,
		"": false, " ": false, "a ": false, "a\"b": false, "a\nb": false, "a\tb": false, "\x1b": false, "\xff": false,
		"\u202e": false, strings.Repeat("x", MaxName+1): false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if c, err := New(name); ok && (err != nil || c.Name() != name) {
			t.Errorf("%q: a new certificate has another name: %v", name, err)
		}
	}
}

// Nothing makes Parse panic, and what it returns can be written and read again.
func FuzzParse(f *testing.F) {
	if seeds, err := os.ReadDir("testdata/fuzz/" + f.Name()); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			return
		}
		if len(c.Name()) > MaxName || strings.ContainsAny(c.Name(), "\n\x1b") {
			t.Errorf("the name is %q", c.Name())
		}
		if c.check() != nil {
			return
		}
		again, err := Parse([]byte(c.text("x", time.Time{}, c.Pair != nil)))
		if err != nil || again.Public != c.Public || !slices.Equal(again.Metadata, c.Metadata) || (again.Pair == nil) != (c.Pair == nil) {
			t.Errorf("%v is read again as %v, %v", c, again, err)
		}
	})
}
