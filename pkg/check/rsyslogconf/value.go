package rsyslogconf

import (
	"strconv"
	"strings"
)

// params reads an object's parameters, up to its closing parenthesis. Their names are put into lower case. If one is
// there twice, the first counts.
func (s *scanner) params() map[string]Value {
	params := map[string]Value{}
	for {
		s.space()
		if s.at >= len(s.text) {
			return params
		}
		if s.text[s.at] == ')' {
			s.next()
			return params
		}
		start := s.at
		for s.at < len(s.text) && isName(s.text[s.at]) {
			s.at++
		}
		name := strings.ToLower(s.text[start:s.at])
		if name == "" {
			s.next()
			continue
		}
		s.space()
		if s.at >= len(s.text) || s.text[s.at] != '=' {
			continue
		}
		s.next()
		s.space()
		at := s.place()
		v := s.value()
		v.Place = at
		if _, there := params[name]; !there && s.items < maxItems {
			s.items++
			params[name] = v
		}
	}
}

func isName(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '.' || c == '-' || c == '$' || c == '!'
}

// value reads a value: in double quotes, single quotes or backticks, a list, or a bare word. The elements of a list are
// joined by line feeds.
func (s *scanner) value() Value {
	if s.at >= len(s.text) {
		return Value{}
	}
	switch c := s.text[s.at]; c {
	case '"', '\'':
		return Value{Text: unescape(s.quoted(c))}
	case '`':
		return s.backticks(s.quoted(c))
	case '[':
		return s.list()
	}
	start := s.at
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n)", s.text[s.at]) < 0 {
		s.at++
	}
	return Value{Text: s.text[start:s.at]}
}

// quoted passes a string in quotes, which may go over several lines, and returns it without them. One without an end
// goes to the end of the file.
func (s *scanner) quoted(quote byte) string {
	s.next()
	start := s.at
	for s.at < len(s.text) && s.text[s.at] != quote {
		if s.text[s.at] == '\\' && s.at+1 < len(s.text) {
			s.next()
		}
		s.next()
	}
	text := s.text[start:s.at]
	if s.at < len(s.text) {
		s.next()
	}
	return text
}

func (s *scanner) list() Value {
	s.next()
	var elements []string
	unknown := false
	for {
		s.space()
		if s.at >= len(s.text) || s.text[s.at] == ']' || s.text[s.at] == ')' {
			break
		}
		if s.text[s.at] == ',' {
			s.next()
			continue
		}
		at := s.at
		v := s.value()
		elements, unknown = append(elements, v.Text), unknown || v.Unknown
		if s.at == at {
			s.next()
		}
	}
	if s.at < len(s.text) && s.text[s.at] == ']' {
		s.next()
	}
	return Value{Text: strings.Join(elements, "\n"), Unknown: unknown}
}

// backticks returns the value of a string in backticks: `echo TEXT` with variables of the environment, or `cat FILE`.
func (s *scanner) backticks(text string) Value {
	if rest, found := strings.CutPrefix(text, "echo "); found {
		return s.echo(rest)
	}
	if name, found := strings.CutPrefix(text, "cat "); found {
		content, err := s.files.Read(name, min(MaxFile, MaxTotal-s.bytes))
		s.bytes += len(content)
		if err != nil {
			s.problem(s.place(), "%v", err)
		}
		return Value{Text: string(content), Unknown: err != nil}
	}
	return Value{Unknown: true}
}

// echo puts in the variables, $NAME and ${NAME}.
func (s *scanner) echo(text string) Value {
	var out strings.Builder
	unknown := false
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return Value{Text: out.String(), Unknown: unknown}
		}
		name := after
		if inner, braced := strings.CutPrefix(after, "{"); braced {
			name, text, _ = strings.Cut(inner, "}")
		} else {
			n := 0
			for n < len(after) && (isLetter(after[n]) || isDigit(after[n])) {
				n++
			}
			name, text = after[:n], after[n:]
		}
		value, known := "", false
		if s.files.Env != nil {
			value, known = s.files.Env(name)
		}
		out.WriteString(value)
		unknown = unknown || !known
	}
}

// unescape replaces what a backslash introduces in a string of RainerScript, and in a template's constant text.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		switch c := text[i]; {
		case strings.IndexByte("abfnrtv", c) >= 0:
			out.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case c >= '0' && c <= '7':
			n := 1
			for n < 3 && i+n < len(text) && text[i+n] >= '0' && text[i+n] <= '7' {
				n++
			}
			code, _ := strconv.ParseUint(text[i:i+n], 8, 16) // digits, and few
			out.WriteByte(byte(code))
			i += n - 1
		case c == 'x':
			code, err := strconv.ParseUint(text[i+1:min(i+3, len(text))], 16, 8)
			if err != nil || i+2 >= len(text) {
				out.WriteString(`\x`)
				continue
			}
			out.WriteByte(byte(code))
			i += 2
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
