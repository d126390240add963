package web

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Limits of a regular expression. A few bytes can make very many instructions, such as (\pL{100}){10}, each of which is looked at for each byte of a
// payload.
const (
	maxGrep         = 1000 // bytes
	maxInstructions = 2000
)

func compile(text string) (*regexp.Regexp, error) {
	if len(text) > maxGrep {
		return nil, fmt.Errorf("grep of more than %d bytes", maxGrep)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("grep is not a regular expression: %w", err)
	}
	if n := instructions(tree); n > maxInstructions {
		return nil, fmt.Errorf("grep is too much work, by its repetitions or classes of characters: %d steps, at most %d", n, maxInstructions)
	}
	return regexp.Compile(text)
}

// instructions is how many instructions an expression becomes, roughly. The parser bounds what repetitions in one another multiply to.
func instructions(e *syntax.Regexp) int {
	n := 1
	switch e.Op {
	case syntax.OpLiteral:
		n = len(e.Rune)
	case syntax.OpCharClass:
		n += len(e.Rune) / 2
	case syntax.OpConcat, syntax.OpRepeat:
		n = 0
	}
	for _, part := range e.Sub {
		n += instructions(part)
	}
	if e.Op == syntax.OpRepeat {
		n *= max(e.Min, e.Max, 1)
	}
	return n
}
