package syslog

import "bytes"

// afterPROCID reads MSGID and STRUCTURED-DATA (RFC 5424, section 6.3) and returns the text. What is malformed in the
// place of the latter is text.
func (l *Line) afterPROCID(b []byte) (text []byte) {
	id, b := word(b)
	l.MessageID = field(id)
	n := structuredEnd(b[:min(len(b), maxLook)])
	if n > 1 {
		l.Structured = b[:n:n]
	}
	if b = b[n:]; n > 0 && len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return unspaced(cutBOM(b))
}

// unspaced returns text without a single space at its beginning: rsyslog has it in the msg of a line of RFC 3164, and
// writes it in its other forms, too.
func unspaced(text []byte) []byte {
	if len(text) > 1 && text[0] == ' ' && text[1] > ' ' {
		return text[1:]
	}
	return text
}

// structuredEnd returns the length of the STRUCTURED-DATA that b begins with, 0 if there is none.
func structuredEnd(b []byte) int {
	end := 0
	if len(b) > 0 && b[0] == '-' {
		end = 1
	} else {
		for n := elementEnd(b); n > 0; n = elementEnd(b[end:]) {
			end += n
		}
	}
	if end < len(b) && b[end] > ' ' {
		return 0
	}
	return end
}

// elementEnd returns the length of the element that b begins with, 0 if there is none.
func elementEnd(b []byte) int {
	if len(b) == 0 || b[0] != '[' {
		return 0
	}
	i := nameEnd(b, 1)
	if i == 1 {
		return 0
	}
	for i < len(b) && b[i] == ' ' {
		if i++; i < len(b) && b[i] != ' ' && b[i] != ']' {
			if i = paramEnd(b, i); i == 0 {
				return 0
			}
		}
	}
	if i >= len(b) || b[i] != ']' {
		return 0
	}
	return i + 1
}

// paramEnd returns the position after the parameter at i, 0 if there is none.
func paramEnd(b []byte, i int) int {
	equals := nameEnd(b, i)
	if equals == i || equals+1 >= len(b) || b[equals] != '=' || b[equals+1] != '"' {
		return 0
	}
	for i = equals + 2; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// nameEnd returns the position after the name of an element or parameter at i.
func nameEnd(b []byte, i int) int {
	for i < len(b) && b[i] > ' ' && b[i] != '=' && b[i] != ']' && b[i] != '"' {
		i++
	}
	return i
}

// Params goes through the parameters of STRUCTURED-DATA:
//
//	[id name="value" name="value"][id]
//
// Names and ids may be longer than RFC 5424 allows.
type Params struct {
	ID    []byte
	First bool   // the first one of an element
	Name  []byte // nil: the element has none
	Value []byte // with a backslash before each of " \ ]: see AppendValue

	rest   []byte
	inside bool // an element
}

// ParamsOf returns the parameters of a Line's Structured.
func ParamsOf(structured []byte) Params { return Params{rest: structured} }

// Next moves on to a parameter, or to an element that has none, and reports whether there is one.
func (p *Params) Next() bool {
	p.Name, p.Value, p.First = nil, nil, false
	if p.inside && p.closes() {
		p.inside = false
	}
	if !p.inside {
		if len(p.rest) == 0 || p.rest[0] != '[' {
			return false
		}
		n := nameEnd(p.rest, 1)
		p.ID, p.rest, p.First, p.inside = p.rest[1:n], p.rest[n:], true, true
		if p.closes() {
			p.inside = false
			return true
		}
	}
	end := paramEnd(p.rest, 0)
	if end == 0 {
		return false
	}
	equals := nameEnd(p.rest, 0)
	p.Name, p.Value, p.rest = p.rest[:equals], p.rest[equals+2:end-1], p.rest[end:]
	return true
}

// closes skips spaces and the end of an element, and reports whether it is there.
func (p *Params) closes() bool {
	p.rest = bytes.TrimLeft(p.rest, " ")
	if len(p.rest) == 0 || p.rest[0] != ']' {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// AppendValue appends a parameter's value without its escapes.
func AppendValue(dst, value []byte) []byte {
	for {
		i := bytes.IndexByte(value, '\\')
		if i < 0 {
			return append(dst, value...)
		}
		dst = append(dst, value[:i]...)
		if value = value[i:]; len(value) > 1 && (value[1] == '"' || value[1] == '\\' || value[1] == ']') {
			value = value[1:]
		}
		dst, value = append(dst, value[0]), value[1:]
	}
}
