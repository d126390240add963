package flags

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Near returns the word that a mistyped or shortened one is probably meant for; "": none is near.
func Near(text string, words []string) (near string) {
	least := max(1, len(text)/3) + 1
	for _, word := range words {
		if d := distance(text, word); d < least {
			near, least = word, d
		}
	}
	if near == "" && len(text) >= 3 {
		if i := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, text) }); i >= 0 {
			return words[i]
		}
	}
	return near
}

// distance returns how many letters have to be inserted, left out, replaced, or swapped with their neighbours.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j-1], rows[i-1][j], rows[i][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// wrongFlags returns the usage error of flags that could not be parsed, with the flag that may be meant.
func wrongFlags(fs *pflag.FlagSet, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return &UsageError{Err: err}
	}
	var names []string
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := Near(unknown.GetSpecifiedName(), names); near != "" {
		return Usage("%w: did you mean --%s?", err, near)
	}
	return &UsageError{Err: err}
}
