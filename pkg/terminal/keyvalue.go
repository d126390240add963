package terminal

import (
	"bytes"
	"encoding/json"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// appendTextOf appends what a line says to people besides its header: its text, then the members of its JSON object and
// the parameters of its structured data, as key=value.
func (p *Printer) appendTextOf(dst []byte, l *syslog.Line) []byte {
	if l.Object == nil && l.Structured == nil {
		return p.appendText(dst, l.Text)
	}
	p.text, p.block = p.text[:0], p.block[:0]
	if len(l.Text) > 0 && (l.Object == nil || &l.Text[0] != &l.Object[0]) {
		p.text = append(p.text, l.Text...)
	}
	if l.Object != nil && !p.Pretty {
		p.appendMembers(l.Object, l)
	}
	if l.Structured != nil {
		p.appendParams(l.Structured)
	}
	p.text = append(p.text, p.block...)
	dst = p.appendText(dst, p.text)
	if l.Object != nil && p.Pretty {
		dst = p.appendPretty(dst, l.Object)
	}
	return dst
}

// appendMembers adds an object's members to the text. Those of an object in it have a name such as http.status; l is
// nil for them. Those that the line shows in another place are left out.
func (p *Printer) appendMembers(o []byte, l *syslog.Line) {
	depth := len(p.path)
	for m := object.Of(o); m.Next(); {
		if l != nil && l.Shows(m.Key, m.Value) {
			continue
		}
		p.path = append(append(p.path[:depth], m.Key...), '.')
		if m.Value[0] == '{' && len(bytes.TrimLeft(m.Value[1:], " \t\r\n")) > 1 { // not an empty one
			p.appendMembers(m.Value, nil)
			continue
		}
		p.member(p.path[:len(p.path)-1], m.Value)
	}
	p.path = p.path[:depth]
}

// key adds a key and an equals sign to the text.
func (p *Printer) key(name []byte) {
	if len(p.text) > 0 {
		p.text = append(p.text, ' ')
	}
	p.text = append(append(p.text, name...), '=')
}

// member adds a member of a JSON object to the text. A string with line feeds in it, such as a stack trace, goes to the
// text's end, on lines of its own, where lines may break.
func (p *Printer) member(name, value []byte) {
	if value[0] != '"' {
		p.key(name)
		p.text = append(p.text, value...)
		return
	}
	inside := value[1 : len(value)-1]
	if bytes.IndexByte(inside, '\\') >= 0 {
		var text string
		if json.Unmarshal(value, &text) == nil {
			inside = []byte(text)
		}
	}
	if p.breaks() && bytes.IndexByte(inside, '\n') >= 0 {
		p.block = append(append(append(p.block, '\n'), name...), "=\n"...)
		p.block = append(p.block, bytes.TrimRight(inside, "\r\n")...)
		return
	}
	p.key(name)
	p.plain(inside)
}

// plain adds a text, in quotes if it would not be one word without them.
func (p *Printer) plain(text []byte) {
	if len(text) > 0 && !bytes.ContainsAny(text, " \t\r\n\"=\\") {
		p.text = append(p.text, text...)
		return
	}
	p.text = append(p.text, '"')
	for _, c := range text {
		switch c {
		case '"', '\\':
			p.text = append(p.text, '\\', c)
		case '\n':
			p.text = append(p.text, '\\', 'n')
		case '\r':
			p.text = append(p.text, '\\', 'r')
		case '\t':
			p.text = append(p.text, '\\', 't')
		default:
			p.text = append(p.text, c)
		}
	}
	p.text = append(p.text, '"')
}

// appendParams adds the parameters of structured data to the text. The elements that RFC 5424 (section 7) defines are
// left out: they are about the transport.
func (p *Printer) appendParams(structured []byte) {
	for s := syslog.ParamsOf(structured); s.Next(); {
		switch string(s.ID) {
		case "timeQuality", "origin", "meta":
			continue
		}
		if s.Name == nil {
			p.key(s.ID)
			p.text = p.text[:len(p.text)-1]
			continue
		}
		p.key(s.Name)
		p.param = syslog.AppendValue(p.param[:0], s.Value)
		p.plain(p.param)
	}
}

// appendPretty appends a JSON object on lines of their own.
func (p *Printer) appendPretty(dst, o []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, o, "", "  ") != nil {
		return dst // object.Whole has accepted it, so that this does not happen
	}
	return p.appendText(append(append(dst, '\n'), p.indent()...), out.Bytes())
}
