package main

import (
	"path/filepath"
	"testing"
)

// Patterns match as a shell's do.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"web1", "web1", true}, {"web1", "web11", false}, {"web1", "web1.example.com", false}, {"web*", "web1.example.com", true},
		{"*.example.com", "web1.example.com", true}, {"web?", "web1", true}, {"web?", "web", false}, {"w?b", "wäb", true},
		{"web[12]", "web2", true}, {"web[^12]", "web2", false}, {"web[a-c]*", "webb", true}, {"a.c", "abc", false},
		{`a\*`, "a*", true}, {`a\*`, "ab", false}, {`a\\*`, `a\b`, true}, {"(a|b)+", "a", false},
		{`[a\-c]`, "b", false}, {`[a\-c]`, "-", true}, {`[a\]]x`, "]x", true}, {"[[:a]", ":", true}, {"[[:a]x", "[x", true}, {"", "", false}, {"[", "[", false},
	} {
		re, err := patterns([]string{c.pattern}, "(?s)")
		got := err == nil && matches(re, []byte(c.name))
		if got != c.want {
			t.Errorf("%q matches %q: %v, %v", c.pattern, c.name, got, err)
		}
		if shell, err := filepath.Match(c.pattern, c.name); c.pattern != "" && (err != nil || shell != c.want) && c.want {
			t.Errorf("%q: path.Match says %v, %v", c.pattern, shell, err)
		}
	}
	re, err := patterns([]string{"WEB*"}, "(?is)")
	if err != nil || !matches(re, []byte("web1/x")) || matches(re, nil) {
		t.Errorf("a host's case matters, or it ends at a slash: %v", err)
	}
}
