package rights

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The directions, as a file names them.
const (
	publish   = "publish"
	subscribe = "subscribe"
)

// field is a word of a line.
type field struct {
	text   string
	quoted bool
}

// Parse reads a file's text. An error says which line is wrong, and what to do.
func Parse(text []byte) (*Rights, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("more than %d bytes", MaxSize)
	}
	r := &Rights{names: make(map[string]*both)}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		fields, err := split(strings.TrimRight(string(line), "\r\n"))
		if err == nil {
			err = r.add(fields)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	for _, of := range r.names {
		of.publish.finish()
		of.subscribe.finish()
	}
	return r, nil
}

// split returns the words of a line, up to a comment.
func split(line string) (fields []field, err error) {
	switch {
	case strings.ContainsRune(line, '\ufeff'):
		return nil, errors.New("a byte order mark: save the file without it, or write it as \\ufeff in double quotes")
	case !utf8.ValidString(line):
		return nil, errors.New("it is not UTF-8: save the file as UTF-8, and write other bytes as \\xHH in double quotes")
	}
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' { // no key in Z85 begins with one: that would exceed 32 bits
			return fields, nil
		}
		var f field
		if f, line, err = next(line); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
}

// next returns the word that a line begins with, and the rest of the line.
func next(line string) (f field, rest string, err error) {
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		end = len(line)
	}
	if line[0] != '"' {
		f.text, rest = line[:end], line[end:]
		if strings.Contains(f.text, `"`) {
			return f, "", fmt.Errorf("%.50q has a double quote in it: put all of it in quotes, in which it is \\\"", f.text)
		}
		return f, rest, control(f.text)
	}
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return f, "", wrongQuotes(line)
	}
	if rest = line[len(quoted):]; rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return f, "", fmt.Errorf("%.10q directly after a closing quote: put a space between them", rest)
	}
	f.quoted = true
	if f.text, err = strconv.Unquote(quoted); err != nil {
		return f, "", wrongQuotes(line)
	}
	return f, rest, control(quoted)
}

func wrongQuotes(line string) error {
	if strings.Contains(line, `\`) {
		return errors.New(`in double quotes, only \" \\ \t \n \r \xHH and \uHHHH may follow a backslash, and another double quote ends them`)
	}
	return errors.New("a double quote that no other one closes")
}

func control(text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%.50q has a control character in it: write it as \\xHH in double quotes", text)
	}
	return nil
}

// add adds what the words of a line say.
func (r *Rights) add(fields []field) error {
	if len(fields) == 0 {
		return nil
	}
	if err := checkName(fields[0]); err != nil {
		return err
	}
	if len(fields) == 1 {
		return fmt.Errorf("%q has no direction: write publish or subscribe after the name, and then prefixes", fields[0].text)
	}
	direction := fields[1]
	if direction.quoted || direction.text != publish && direction.text != subscribe {
		return fmt.Errorf("%.50q is no direction: write publish or subscribe after the name, which stands in double quotes "+
			"if it has spaces in it", direction.text)
	}
	if len(fields) == 2 {
		return fmt.Errorf("no prefixes: write those that %q may %s, or * for everything, or leave out the line for nothing",
			fields[0].text, direction.text)
	}
	prefixes := make([]string, 0, len(fields)-2)
	for _, f := range fields[2:] {
		p, err := f.prefix()
		if err != nil {
			return err
		}
		prefixes = append(prefixes, p)
	}
	of := r.names[fields[0].text]
	if of == nil {
		of = new(both)
		r.names[fields[0].text] = of
	}
	to := &of.publish
	if direction.text == subscribe {
		to = &of.subscribe
	}
	if !to.add(prefixes) {
		return fmt.Errorf("%q has more than %d prefixes to %s: use shorter ones, which stand for several",
			fields[0].text, MaxPrefixes, direction.text)
	}
	return nil
}

func checkName(f field) error {
	switch {
	case f.text == "":
		return errors.New("an empty name: write the certificate's name, or its public key if it has none")
	case f.text == "*" && !f.quoted:
		return errors.New("* is no name: each certificate needs lines of its own")
	case len(f.text) > MaxName:
		return fmt.Errorf("a name of %d bytes; at most %d are allowed", len(f.text), MaxName)
	}
	return nil
}

// prefix returns what the word means as a prefix.
func (f field) prefix() (string, error) {
	switch {
	case f.text == "*" && !f.quoted:
		return "", nil
	case f.text == "":
		return "", errors.New("an empty prefix: write * for everything")
	case strings.HasSuffix(f.text, "*") && !f.quoted:
		return "", fmt.Errorf("%.50q: a prefix needs no * at its end; if the topic has one, put it in double quotes", f.text)
	case len(f.text) > MaxPrefix:
		return "", fmt.Errorf("a prefix of %d bytes; at most %d are allowed", len(f.text), MaxPrefix)
	}
	return f.text, nil
}
