package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// filter is which of the messages that arrive are shown. All of its conditions must hold. The zero value takes all.
type filter struct {
	grepTexts       []string
	excludeTexts    []string
	severityText    string
	hostTexts       []string
	programTexts    []string
	grep            *regexp.Regexp // nil: everything
	exclude         []*regexp.Regexp
	hosts, programs []*regexp.Regexp // one of them must match; none: everything
	severity        int              // this and more urgent, if severityText is not empty
}

// add adds the flags. verb is what the command does with messages.
func (f *filter) add(fs *pflag.FlagSet, verb string) {
	fs.StringArrayVar(&f.grepTexts, "grep", nil,
		verb+" only messages whose payload matches this regular `expression` (RE2; repeatable: one of them)")
	fs.StringArrayVar(&f.excludeTexts, "exclude", nil,
		"leave out messages whose payload matches this regular `expression` (RE2; repeatable)")
	fs.StringVar(&f.severityText, "severity", "",
		verb+" only messages of this `severity` and more urgent ones: emerg, alert, crit, error, warning, notice, info or "+
			"debug, or 0 to 7; those without one are left out")
	flags.Values(fs, "severity", "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
	fs.StringArrayVar(&f.hostTexts, "host", nil,
		verb+" only messages of this `host`; * ? and [] in it are a pattern: 'web*' (repeatable: one of them)")
	fs.StringArrayVar(&f.programTexts, "program", nil,
		verb+" only messages of this `program`; * ? and [] in it are a pattern (repeatable: one of them)")
}

func (f *filter) validate() (err error) {
	if f.grep, err = anyOf(f.grepTexts); err != nil {
		return flags.Usage("--grep: %w", err)
	}
	for _, text := range f.excludeTexts {
		re, err := regexp.Compile(text)
		if err != nil {
			return flags.Usage("--exclude: %w", err)
		}
		if text == "" {
			return flags.Usage("--exclude: an empty expression matches every message: leave it out")
		}
		f.exclude = append(f.exclude, re)
	}
	if f.severityText != "" {
		if f.severity, err = parseSeverity(f.severityText); err != nil {
			return flags.Usage("--severity %w", err)
		}
	}
	if f.hosts, err = patterns(f.hostTexts, "(?is)"); err != nil {
		return flags.Usage("--host %w", err)
	}
	if f.programs, err = patterns(f.programTexts, "(?s)"); err != nil {
		return flags.Usage("--program %w", err)
	}
	return nil
}

// anyOf returns an expression that matches where one of these does, nil if there is none.
func anyOf(texts []string) (*regexp.Regexp, error) {
	var wanted []string
	for _, text := range texts {
		if _, err := regexp.Compile(text); err != nil {
			return nil, err // of this text alone
		}
		if text != "" {
			wanted = append(wanted, "(?:"+text+")")
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	return regexp.Compile(strings.Join(wanted, "|"))
}

func parseSeverity(text string) (int, error) {
	if s, ok := severity.OfName([]byte(text)); ok {
		return int(s), nil
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n <= int(severity.Debug) {
		return n, nil
	}
	return 0, fmt.Errorf("%q: write emerg, alert, crit, error, warning, notice, info or debug, or a number from 0 to 7", text)
}

// patterns compiles the patterns of a shell (filepath.Match, but * and ? stand for slashes, too), for all of a name. It
// uses regular expressions because these allocate nothing when they match.
func patterns(texts []string, mode string) (all []*regexp.Regexp, err error) {
	for _, text := range texts {
		if _, err := filepath.Match(text, ""); text == "" || err != nil {
			return nil, fmt.Errorf("%q: write a name, or a pattern such as 'web*'", text)
		}
		re, err := regexp.Compile(mode + "^" + expression(text) + "$")
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		all = append(all, re)
	}
	return all, nil
}

// expression returns the regular expression of a pattern that filepath.Match accepts.
func expression(pattern string) string {
	var out strings.Builder
	inside, escaped := false, false // brackets; after a backslash
	for _, c := range pattern {
		switch {
		case escaped && c < utf8.RuneSelf && unicode.IsPunct(c), inside && c == '[': // also - in brackets, and [:alpha:]
			out.WriteString(`\` + string(c))
		case escaped:
			out.WriteString(regexp.QuoteMeta(string(c)))
		case c == '\\':
		case inside, c == '[':
			inside = c != ']'
			out.WriteRune(c)
		case c == '*':
			out.WriteString(".*")
		case c == '?':
			out.WriteByte('.')
		default:
			out.WriteString(regexp.QuoteMeta(string(c)))
		}
		escaped = c == '\\' && !escaped
	}
	return out.String()
}

// reads reports whether takesLine needs what the payload says of itself.
func (f *filter) reads() bool { return f.severityText != "" || f.hosts != nil || f.programs != nil }

// takes reports whether a message is meant.
func (f *filter) takes(m *message.Message) bool {
	if !f.takesPayload(m.Payload) {
		return false
	}
	if !f.reads() {
		return true
	}
	l := syslog.Read(m.Topic, m.Payload, m.Received)
	return f.takesLine(&l)
}

// takesPayload looks at the payload as it is.
func (f *filter) takesPayload(payload []byte) bool {
	if f.grep != nil && !f.grep.Match(payload) {
		return false
	}
	for _, re := range f.exclude {
		if re.Match(payload) {
			return false
		}
	}
	return true
}

// takesLine looks at what the payload says of itself. A message without a severity, host or program that is asked for
// is not shown.
func (f *filter) takesLine(l *syslog.Line) bool {
	if f.severityText != "" && (l.Severity < 0 || l.Severity > f.severity) {
		return false
	}
	return matches(f.hosts, l.Host) && matches(f.programs, l.Program)
}

// matches reports whether one of the patterns matches a name, or there is none.
func matches(patterns []*regexp.Regexp, name []byte) bool {
	for _, re := range patterns {
		if name != nil && re.Match(name) {
			return true
		}
	}
	return len(patterns) == 0
}

// names returns the flags that the filter has, for people; "": none.
func (f *filter) names() string {
	var given []string
	for _, f := range []struct {
		name string
		on   bool
	}{{"--grep", f.grep != nil}, {"--exclude", f.exclude != nil}, {"--severity", f.severityText != ""},
		{"--host", f.hosts != nil}, {"--program", f.programs != nil}} {
		if f.on {
			given = append(given, f.name)
		}
	}
	return strings.Join(given, ", ")
}
