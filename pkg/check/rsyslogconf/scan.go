package rsyslogconf

import (
	"strings"
)

// scanner goes through one file.
type scanner struct {
	*reader
	file string
	text string
	at   int // of the next byte
	line int // of that byte

	owner  *block  // of the next brace, if it comes next
	blocks []block // those that are open
}

// block is what stands in braces.
type block struct {
	kind    string // of the object before it; "": none
	ruleset string // that it is in, or is
	off     bool   // its object is not enabled
	index   int    // of a template in Config.Objects
}

// objects are the kinds of objects of RainerScript whose parameters are read.
var objects = map[string]bool{
	"global": true, "module": true, "action": true, "input": true, "ruleset": true, "template": true, "property": true,
	"constant": true, "main_queue": true, "parser": true, "timezone": true, "lookup_table": true, "dyn_stats": true,
	"include": true,
}

// maxBlocks is how deep braces are followed.
const maxBlocks = 100

func (s *scanner) place() Place { return Place{s.file, s.line} }

func (s *scanner) run() {
	lineStart := true
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '\n':
			s.next()
			lineStart = true
			continue
		case c == ' ' || c == '\t' || c == '\r':
			s.next()
			continue
		case s.comment():
			continue
		case c == '$' && lineStart && s.directive():
			continue
		case c == '{':
			s.next()
			s.enter()
		case c == '}':
			s.next()
			if s.owner = nil; len(s.blocks) > 0 {
				s.blocks = s.blocks[:len(s.blocks)-1]
			}
		case isLetter(c):
			s.word()
		case c == '"' || c == '\'':
			s.passQuoted()
			s.owner = nil
		case strings.HasPrefix(s.text[s.at:], legacyAction):
			s.action()
		default:
			s.next()
			s.owner = nil
		}
		lineStart = c == '{' || c == '}'
	}
}

// next passes one byte.
func (s *scanner) next() {
	if s.text[s.at] == '\n' {
		s.line++
	}
	s.at++
}

// skip passes n bytes.
func (s *scanner) skip(n int) {
	s.line += strings.Count(s.text[s.at:s.at+n], "\n")
	s.at += n
}

// comment passes a comment, if one begins here. A path may hold what looks like the beginning of one.
func (s *scanner) comment() bool {
	rest := s.text[s.at:]
	if s.at > 0 && !strings.ContainsRune(" \t\r\n{}();,&\"", rune(s.text[s.at-1])) {
		return false
	}
	switch {
	case rest[0] == '#':
		n := strings.IndexByte(rest, '\n')
		if n < 0 {
			n = len(rest)
		}
		s.skip(n)
		return true
	case strings.HasPrefix(rest, "/*"):
		n := strings.Index(rest[2:], "*/")
		if n < 0 {
			s.skip(len(rest))
		} else {
			s.skip(n + 4)
		}
		return true
	}
	return false
}

// space passes white space and comments.
func (s *scanner) space() {
	for s.at < len(s.text) && (strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 || s.comment()) {
		if s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
			s.next()
		}
	}
}

// passQuoted passes a string that is no parameter. One that does not end on its line is none: the quote was text.
func (s *scanner) passQuoted() {
	quote := s.text[s.at]
	for i := s.at + 1; i < len(s.text) && s.text[i] != '\n'; i++ {
		switch s.text[i] {
		case '\\':
			i++
		case quote:
			s.skip(i + 1 - s.at)
			return
		}
	}
	s.next()
}

// word passes a word. If it is the kind of an object, the object is read.
func (s *scanner) word() {
	start := s.at
	for s.at < len(s.text) && (isLetter(s.text[s.at]) || isDigit(s.text[s.at])) {
		s.at++
	}
	kind := strings.ToLower(s.text[start:s.at])
	if !objects[kind] || start > 0 && strings.IndexByte("$!.%-/:@*", s.text[start-1]) >= 0 {
		s.owner = nil
		return
	}
	at, line := s.at, s.line
	s.space()
	if s.at >= len(s.text) || s.text[s.at] != '(' {
		s.at, s.line = at, line
		s.owner = nil
		return
	}
	s.next()
	o := Object{Kind: kind, Place: Place{s.file, line}}
	o.Params = s.params()
	s.object(o)
}

// current is the block that the scanner is in.
func (s *scanner) current() block {
	if len(s.blocks) == 0 {
		return block{index: -1}
	}
	return s.blocks[len(s.blocks)-1]
}

// object takes an object that has been read.
func (s *scanner) object(o Object) {
	in := s.current()
	off := in.off || !o.On("config.enabled", true)
	s.owner = &block{kind: o.Kind, ruleset: in.ruleset, off: off, index: -1}
	if o.Ruleset = in.ruleset; off {
		return
	}
	switch o.Kind {
	case "property", "constant":
		if in.index >= 0 {
			t := &s.config.Objects[in.index]
			if s.items++; s.items <= maxItems {
				t.Parts = append(t.Parts, o)
			}
		}
		return
	case "include":
		s.includeObject(&o)
		return
	case "ruleset":
		s.owner.ruleset = o.Text("name")
	}
	s.add(o)
	if o.Kind == "template" && s.items <= maxItems {
		s.owner.index = len(s.config.Objects) - 1
	}
}

func (s *scanner) includeObject(o *Object) {
	mode := strings.ToLower(o.Text("mode"))
	if file, there := o.Params["file"]; there && file.Unknown {
		s.problem(o.Place, "include: the file's name is only known to rsyslogd")
	} else if there {
		s.include(o.Place, file.Text, mode == "optional")
	} else if text, there := o.Params["text"]; there && len(s.open) < MaxDepth && len(s.config.Files) < MaxFiles {
		s.parse(o.String(), text.Text)
	}
}

// enter notes that a block begins.
func (s *scanner) enter() {
	b := s.current()
	b.kind, b.index = "", -1
	if s.owner != nil {
		b = *s.owner
	}
	s.owner = nil
	if len(s.blocks) < maxBlocks {
		s.blocks = append(s.blocks, b)
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
