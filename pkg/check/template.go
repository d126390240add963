package check

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
)

// template checks that each message is one line, and that no message can look like a mark.
func (c *configured) template(o *rsyslogconf.Object, s *Subject) {
	name, at := cmp.Or(o.Text("template"), rsyslogconf.DefaultTemplate), o.At("template")
	t := c.config.Template(name)
	switch {
	case t == nil:
		c.Wrong(NoTemplate, at, "%s", name)
		return
	case t.Opaque:
		c.Warn(UnknownTemplate, at, "%s", name)
		return
	}
	if t.File != "" {
		at = t.Place
	}
	text := constant(t)
	if !strings.HasSuffix(text, "\n") {
		c.Wrong(NoLineFeed, at, "%s", name)
	}
	if strings.Contains(strings.TrimSuffix(text, "\n"), "\n") {
		c.Wrong(InnerLineFeed, at, "%s", name)
	}
	c.lineFeeds(t, at)
	if s.Owes && o.On("usetransactions", false) {
		for _, mark := range s.Marks {
			if canBe(t, mark) {
				c.Wrong(Forgeable, at, "%s can make the line %s", name, mark)
				break
			}
		}
	}
}

// constant is a template's text, with a NUL in the place of each property.
func constant(t *rsyslogconf.Template) string {
	var text strings.Builder
	for _, p := range t.Parts {
		if p.Property != "" {
			text.WriteByte(0)
		}
		text.WriteString(p.Constant)
	}
	return text.String()
}

// free are the properties that may hold any text, and header are those that rsyslog's parsers end at a space.
var (
	free   = regexp.MustCompile(`^(msg|rawmsg|rawmsg-after-pri|\$[!./].*)$`)
	header = regexp.MustCompile(`^(hostname|source|fromhost|syslogtag|programname|app-name|procid|msgid|structured-data)$`)
	// whole are variables that rsyslog writes as JSON.
	wholeJSON = regexp.MustCompile(`^(\$!all-json(-plain)?|jsonmesg|\$!|\$\.|\$/)$`)
)

// lineFeeds looks for a property through which a line feed gets. rsyslog's inputs escape what they receive, unless they
// are told not to; imfile, imjournal and parsers of JSON do not.
func (c *configured) lineFeeds(t *rsyslogconf.Template, at rsyslogconf.Place) {
	escaping := true
	if v, set := c.config.Global("parser.escapecontrolcharactersonreceive"); set {
		switch strings.ToLower(v.Text) {
		case "off", "no", "false", "0":
			escaping = false
		}
	}
	for _, p := range t.Parts {
		switch {
		case p.Property == "" || p.Escaped || wholeJSON.MatchString(p.Property):
		case !escaping && (free.MatchString(p.Property) || header.MatchString(p.Property)):
			c.Wrong(RawLineFeed, at, "%s holds what was received, which rsyslog is told not to escape", p.Property)
			return
		case escaping && free.MatchString(p.Property):
			c.Warn(RawLineFeed, at, "%s; rsyslog escapes what it receives over a network, but not what modules such as imfile read", p.Property)
			return
		}
	}
}

var (
	digits  = regexp.MustCompile(`^(pri|syslogfacility|syslogseverity|syslogpriority|iut|\$(year|month|day|hour|minute|hhour|qhour).*)$`)
	words   = regexp.MustCompile(`^(pri-text|syslogfacility-text|syslogseverity-text|syslogpriority-text)$`)
	times   = regexp.MustCompile(`^(timestamp|timereported|timegenerated|\$now.*)$`)
	address = regexp.MustCompile(`^fromhost-ip$`)
)

// canBe reports whether a template can make a line that is a mark.
func canBe(t *rsyslogconf.Template, mark string) bool {
	if len(strings.ReplaceAll(constant(t), "\x00", "")) > len(mark)+1 {
		return false
	}
	var pattern strings.Builder
	pattern.WriteString(`(?s)^`)
	for _, p := range t.Parts {
		switch {
		case p.Property == "":
			pattern.WriteString(regexp.QuoteMeta(p.Constant))
		case digits.MatchString(p.Property):
			pattern.WriteString(`[0-9]+`)
		case words.MatchString(p.Property):
			pattern.WriteString(`[a-z0-9.]+`)
		case times.MatchString(p.Property):
			pattern.WriteString(`.*[0-9].*`)
		case address.MatchString(p.Property):
			pattern.WriteString(`[0-9a-f.:]+`)
		default:
			pattern.WriteString(`.*`)
		}
	}
	pattern.WriteString(`\n?$`)
	re, err := regexp.Compile(pattern.String())
	return err == nil && (re.MatchString(mark) || re.MatchString(mark+"\n"))
}
