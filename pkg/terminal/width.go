package terminal

import (
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// characters returns how many columns of a terminal a text takes that is safe to look at: Chinese characters take two
// each, combining ones none. It is what wcwidth(3) says, which most terminals go by.
func characters(text []byte) int {
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return i + ansi.StringWidthWc(string(text[i:]))
		}
	}
	return len(text)
}

// cut returns the first characters of a text that is safe to look at, as many as fit into that many columns.
func cut(text []byte, columns int) []byte {
	if len(text) <= columns {
		return text // no character takes more columns than bytes
	}
	n, _ := fitting(text, columns)
	return text[:n]
}

// fitting returns how many bytes of a text fit into that many columns, and how many columns they take.
func fitting(text []byte, columns int) (n, width int) {
	for n < len(text) {
		size, takes := 1, 1
		if text[n] >= utf8.RuneSelf {
			_, size = utf8.DecodeRune(text[n:])
			takes = ansi.StringWidthWc(string(text[n : n+size]))
		}
		if width+takes > columns {
			break
		}
		n, width = n+size, width+takes
	}
	return n, width
}
