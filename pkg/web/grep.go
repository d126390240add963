package web

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Limits of a regular expression. A few bytes, such as (\pL{100}){10}, can compile to very many instructions,
// each of which is tried on each byte of a payload.
const (
	maxGrep         = 1000 // bytes
	maxInstructions = 2000
)

// compile returns an expression and how many instructions it has, roughly.
func compile(text string) (expression *regexp.Regexp, cost int, err error) {
	if len(text) > maxGrep {
		return nil, 0, fmt.Errorf("grep of more than %d bytes", maxGrep)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, 0, fmt.Errorf("grep is not a regular expression: %w", err)
	}
	cost = instructions(tree)
	if cost > maxInstructions {
		return nil, 0, fmt.Errorf("grep is too much work because of its repetitions or character classes: %d steps, at most %d",
			cost, maxInstructions)
	}
	expression, err = regexp.Compile(text)
	return expression, cost, err
}

// instructions returns roughly how many instructions an expression compiles to. The parser bounds the product
// of nested repetitions.
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
