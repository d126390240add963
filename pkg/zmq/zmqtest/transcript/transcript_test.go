package transcript

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	text := `# a comment
client's PING   # named
	04 07
    04 "PING" 0000# glued
    # between

no bytes
marks
	"#\"*3 \x00*"*2 "x"*0 00*3 "a b"
client's PING
	0405aBcD
`
	want := []string{
		`client's PING="\x04\a\x04PING\x00\x00"`, `no bytes=""`,
		`marks="#\"*3 \x00*#\"*3 \x00*\x00\x00\x00a b"`, `client's PING="\x04\x05\xab\xcd"`,
	}
	items, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range items {
		got = append(got, fmt.Sprintf("%s=%q", item.Name, item.Bytes))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := len(items.All("client's PING")); n != 2 || string(items.One(t, "no bytes")) != "" {
		t.Errorf("%d items with that name", n)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		" 00", "a\n 0", "a\n xy", "a\n \"x", "a\n 00*", "a\n 00*-1", "a\n 00*x", "a\n \"\\q\"", "a\n \"x\"y",
	} {
		if items, err := Parse(text); err == nil {
			t.Errorf("%q: %v", text, items)
		}
	}
}
