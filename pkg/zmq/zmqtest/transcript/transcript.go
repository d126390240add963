// Package transcript reads files of bytes that people can read, too: testdata/curve and testdata/zmtp at the top of the
// repository, which tests and fuzz targets of several packages share. Such a file has items:
//
//	client PING              # an item's name begins at the left edge
//	    04 07                # its bytes follow, in hexadecimal with or without spaces,
//	    04 "PING" 0000       # or as strings of Go,
//	    "x"*3 00*72          # several times if necessary
//
// A number sign begins a comment. Names may occur more than once.
package transcript

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Item is one item of a file.
type Item struct {
	Name  string
	Bytes []byte
}

// Transcript is a file's items in their order.
type Transcript []Item

// Read reads a file. A file without items fails the test.
func Read(t testing.TB, path string) Transcript {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	items, err := Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(items) == 0 {
		t.Fatalf("%s has no items", path)
	}
	return items
}

// All returns the bytes of the items with a name.
func (r Transcript) All(name string) (all [][]byte) {
	for _, item := range r {
		if item.Name == name {
			all = append(all, item.Bytes)
		}
	}
	return all
}

// One returns the bytes of the item with a name. Unless there is exactly one, the test fails.
func (r Transcript) One(t testing.TB, name string) []byte {
	t.Helper()
	all := r.All(name)
	if len(all) != 1 {
		t.Fatalf("%d items are called %q", len(all), name)
	}
	return all[0]
}

// Parse reads a file's text.
func Parse(text string) (items Transcript, err error) {
	for i, line := range strings.Split(text, "\n") {
		tokens, err := split(line)
		switch {
		case err != nil:
		case len(tokens) == 0:
		case line[0] != ' ' && line[0] != '\t':
			name, _, _ := strings.Cut(line, "#")
			items = append(items, Item{Name: strings.TrimSpace(name)})
		case len(items) == 0:
			err = fmt.Errorf("bytes before the first name")
		default:
			last := &items[len(items)-1]
			last.Bytes, err = appendTokens(last.Bytes, tokens)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return items, nil
}

// split returns a line's words, without its comment. A string is one word, with what follows it up to a space.
func split(line string) (tokens []string, err error) {
	indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
	for line = strings.TrimSpace(line); line != "" && line[0] != '#'; line = strings.TrimSpace(line) {
		end := 0
		if line[0] == '"' && indented {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("a string without an end: %s", line)
			}
			end = len(quoted)
		}
		if next := strings.IndexAny(line[end:], " \t#"); next >= 0 {
			end += next
		} else {
			end = len(line)
		}
		tokens, line = append(tokens, line[:end]), line[end:]
	}
	return tokens, nil
}

func appendTokens(b []byte, tokens []string) ([]byte, error) {
	for _, token := range tokens {
		value, times := token, 1
		if star := strings.LastIndexByte(token, '*'); star > 0 && token[len(token)-1] != '"' {
			var err error
			if times, err = strconv.Atoi(token[star+1:]); err != nil || times < 0 {
				return nil, fmt.Errorf("not a number of times: %s", token)
			}
			value = token[:star]
		}
		part, err := parse(value)
		if err != nil {
			return nil, fmt.Errorf("neither hexadecimal nor a string: %s", token)
		}
		b = append(b, bytes.Repeat(part, times)...)
	}
	return b, nil
}

func parse(value string) ([]byte, error) {
	if value[0] == '"' {
		text, err := strconv.Unquote(value)
		return []byte(text), err
	}
	return hex.DecodeString(value)
}
