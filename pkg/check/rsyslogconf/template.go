package rsyslogconf

import (
	"strings"
)

// Template is what a template makes of a message.
type Template struct {
	Place
	Name  string
	Parts []Part
	// Opaque: what it makes is not known, because a plugin of rsyslog does.
	Opaque bool
}

// Part is a part of a template: constant text, or a property of the message.
type Part struct {
	Constant string
	Property string // in lower case; "": it is constant text
	Escaped  bool   // control characters of the property cannot get through
}

// builtIn are the templates that rsyslogd has (rsyslogd.c and rsconf.c of 8.2302), as legacy templates write them.
var builtIn = map[string]string{
	"RSYSLOG_FileFormat":               `%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\n`,
	"RSYSLOG_TraditionalFileFormat":    `%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\n`,
	"RSYSLOG_ForwardFormat":            `<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%`,
	"RSYSLOG_TraditionalForwardFormat": `<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%`,
	"RSYSLOG_SyslogProtocol23Format":   `<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% %MSGID% %STRUCTURED-DATA% %msg%\n`,
	"RSYSLOG_SysklogdFileFormat":       `%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg%\n`,
	"RSYSLOG_DebugFormat":              `Debug line with all properties:\nFROMHOST: '%FROMHOST%'\nmsg: '%msg%'\nescaped msg: '%msg:::drop-cc%'\n\n`,
}

// DefaultTemplate is omprog's, where an action names none.
const DefaultTemplate = "RSYSLOG_FileFormat"

// Template returns a template of the configuration, or one of rsyslog's own, by its name. rsyslog compares names with
// case. It returns nil if there is none.
func (c *Config) Template(name string) *Template {
	for _, o := range c.Find("template") {
		if o.Text("name") == name {
			return o.template()
		}
	}
	if text, known := builtIn[name]; known {
		return &Template{Name: name, Parts: parts(text, false)}
	}
	return nil
}

// template reads a template's object.
func (o *Object) template() *Template {
	t := &Template{Place: o.Place, Name: o.Text("name")}
	switch kind := strings.ToLower(o.Text("type")); {
	case kind == "list":
		t.Parts = o.list()
	case kind == "string":
		escaped := o.On("option.json", false) || o.On("option.jsonf", false)
		t.Parts = parts(o.Text("string"), escaped)
		t.Opaque = o.Params["string"].Unknown
	case kind == "subtree": // JSON, without a line feed at its end
		t.Parts = []Part{{Constant: "{"}, {Property: "subtree", Escaped: true}, {Constant: "}"}}
	default:
		t.Opaque = true
	}
	return t
}

// list returns the parts of a list. With option.jsonf, rsyslog writes braces around them, and a line feed.
func (o *Object) list() (list []Part) {
	json := o.On("option.json", false)
	for i := range o.Parts {
		p := &o.Parts[i]
		if p.Kind == "constant" {
			list = append(list, Part{Constant: unescape(p.Text("value"))})
			continue
		}
		part := Part{Property: strings.ToLower(p.Text("name")), Escaped: json}
		switch strings.ToLower(p.Text("controlcharacters")) {
		case "escape", "space", "drop":
			part.Escaped = true
		}
		switch strings.ToLower(p.Text("format")) {
		case "json", "jsonf", "jsonr", "jsonfr":
			part.Escaped = true
		}
		list = append(list, part)
	}
	if o.On("option.jsonf", false) {
		return append(append([]Part{{Constant: "{"}}, list...), Part{Constant: "}\n"})
	}
	return list
}

// parts parses the text of a template: constant text, and properties as %NAME:FROM:TO:OPTIONS:FIELD%. escaped: an
// option of the whole template escapes all properties.
func parts(text string, escaped bool) (list []Part) {
	var constant strings.Builder
	flush := func() {
		if constant.Len() > 0 {
			list = append(list, Part{Constant: unescape(constant.String())})
			constant.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			constant.WriteString(text[i : i+2])
			i++
		case text[i] == '%':
			flush()
			n := strings.IndexByte(text[i+1:], '%')
			if n < 0 {
				return list
			}
			list = append(list, property(text[i+1:i+1+n], escaped))
			i += n + 1
		default:
			constant.WriteByte(text[i])
		}
	}
	flush()
	return list
}

// property parses what stands between two percent signs. Options come after the third colon, and after --end where the
// first two hold a regular expression.
func property(text string, escaped bool) Part {
	fields := strings.Split(text, ":")
	p := Part{Property: strings.ToLower(strings.TrimSpace(fields[0])), Escaped: escaped}
	for i, field := range fields {
		if i < 2 {
			continue
		}
		for option := range strings.SplitSeq(strings.ToLower(field), ",") {
			switch strings.TrimSpace(option) {
			case "escape-cc", "space-cc", "drop-cc", "json", "jsonf", "jsonr", "jsonfr":
				p.Escaped = true
			}
		}
	}
	return p
}
