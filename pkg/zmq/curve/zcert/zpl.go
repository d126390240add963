package zcert

import (
	"errors"
	"fmt"
	"strings"
)

// spaces are what isspace(3) takes for one.
const spaces = " \t\n\v\f\r"

// item is a line of ZPL that is neither empty nor a comment.
type item struct {
	line        int // from 1
	level       int // 0: a section, 1: its fields, and so on
	name, value string
}

// parseZPL returns the items of a text in ZPL (RFC 4), as czmq's zconfig_chunk_load reads it: one bad line spoils all.
// Its errors name the line and repeat nothing of it, which may be a secret.
func parseZPL(text string) ([]item, error) {
	var items []item
	deepest, n := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		it, err := parseLine(line)
		if err == nil && it.name != "" && it.level > deepest {
			err = errors.New("it is indented deeper than the line before allows")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if it.name != "" {
			it.line, deepest = n, it.level+1
			items = append(items, it)
		}
	}
	return items, nil
}

// parseLine returns an item without a name if the line has none.
func parseLine(line string) (it item, err error) {
	if strings.IndexByte(line, 0) >= 0 {
		return it, errors.New("it has a NUL byte in it")
	}
	line = strings.TrimRight(line, spaces)
	rest := strings.TrimLeft(line, " ")
	indent := len(line) - len(rest)
	if indent%4 != 0 {
		return it, fmt.Errorf("it is indented by %d spaces: write 4 for each level", indent)
	}
	it.level = indent / 4
	it.name = rest[:nameLength(rest)]
	rest = strings.TrimLeft(rest[len(it.name):], spaces)
	if strings.HasPrefix(it.name, "/") || strings.HasSuffix(it.name, "/") {
		return it, errors.New("a name cannot begin or end with a slash")
	}
	if value, found := strings.CutPrefix(rest, "="); found && it.name != "" {
		it.value, err = parseValue(strings.TrimLeft(value, spaces))
		return it, err
	}
	if !over(rest) {
		return it, errors.New(`write NAME, or NAME = "VALUE", and spaces in front of it, no tabs`)
	}
	return it, nil
}

// nameLength returns how many bytes the name has that text begins with.
func nameLength(text string) int {
	for i := range len(text) {
		if !nameByte(text[i]) {
			return i
		}
	}
	return len(text)
}

func nameByte(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("$-_@.&+/", c) >= 0
}

// parseValue returns the value that follows an equals sign and spaces. Nothing is escaped in it.
func parseValue(text string) (string, error) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		value, _, _ := strings.Cut(text, "#")
		return strings.TrimRight(value, spaces), nil
	}
	value, rest, found := strings.Cut(text[1:], text[:1])
	if !found {
		return "", errors.New("the closing quote is missing")
	}
	if !over(rest) {
		return "", errors.New("there is something after the closing quote, and a value cannot have such quotes in it")
	}
	return value, nil
}

// over reports whether the rest of a line is empty or a comment.
func over(rest string) bool {
	rest = strings.TrimLeft(rest, spaces)
	return rest == "" || rest[0] == '#'
}

// section returns the fields of the first section with this name, as zconfig_locate finds it.
func section(items []item, name string) (fields []item) {
	for i, it := range items {
		if it.level > 0 || it.name != name {
			continue
		}
		for _, it := range items[i+1:] {
			if it.level == 0 {
				break
			}
			if it.level == 1 {
				fields = append(fields, it)
			}
		}
		break
	}
	return fields
}
