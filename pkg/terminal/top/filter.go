package top

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFilter is the most bytes of a filter.
const maxFilter = 200

// filter selects rows by their names, as they are shown.
type filter struct {
	text    string
	pattern *regexp.Regexp // nil: everything
	literal bool           // text is no regular expression
}

// newFilter returns a filter for names that contain text, or match it as a regular expression (RE2). Case matters if
// there is an upper-case letter in it.
func newFilter(text string) filter {
	f := filter{text: text}
	if text == "" {
		return f
	}
	flags := ""
	if !strings.ContainsFunc(text, unicode.IsUpper) {
		flags = "(?i)"
	}
	contains := flags + "(?:" + regexp.QuoteMeta(text) + ")"
	pattern, err := regexp.Compile(contains + "|(?:" + text + ")")
	if f.literal = err != nil; f.literal {
		pattern = regexp.MustCompile(contains)
	}
	f.pattern = pattern
	return f
}

func (f *filter) match(name []byte) bool { return f.pattern == nil || f.pattern.Match(name) }

// typed returns the text with what was typed or pasted, which is one line and not longer than maxFilter.
func typed(text, more string) string {
	for _, r := range strings.ToValidUTF8(more, "") {
		if unicode.IsPrint(r) && len(text)+utf8.RuneLen(r) <= maxFilter {
			text += string(r)
		}
	}
	return text
}

// shorter returns the text without its last character.
func shorter(text string) string {
	_, size := utf8.DecodeLastRuneInString(text)
	return text[:len(text)-size]
}

// withoutWord returns the text without its last word.
func withoutWord(text string) string {
	text = strings.TrimRight(text, " ")
	return text[:strings.LastIndexByte(text, ' ')+1]
}
