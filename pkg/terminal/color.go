package terminal

import (
	"os"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

const reset = "\x1b[0m"

// Own is message.Own in reverse video, for terminals with colours: no message can produce that, not even where a long
// line is continued on the terminal's next one.
const Own = "\x1b[7mzmqtap:" + reset + " "

// topicColors are entries of the 256-colour cube that are readable on black and on white (a contrast of 3.7
// or more with both, WCAG 2). Red and yellow are not among them, because they stand for a severity.
var topicColors = [...]string{
	"\x1b[38;5;28m", "\x1b[38;5;30m", "\x1b[38;5;31m", "\x1b[38;5;32m", "\x1b[38;5;62m", "\x1b[38;5;64m",
	"\x1b[38;5;97m", "\x1b[38;5;99m", "\x1b[38;5;129m", "\x1b[38;5;133m", "\x1b[38;5;163m", "\x1b[38;5;162m",
}

// severityColors are the payloads' colours: bold red, red, yellow (dark enough for a white background),
// bold, none, dim.
var severityColors = [...]string{
	severity.Emerg:   "\x1b[1;38;5;160m",
	severity.Alert:   "\x1b[1;38;5;160m",
	severity.Crit:    "\x1b[1;38;5;160m",
	severity.Err:     "\x1b[38;5;160m",
	severity.Warning: "\x1b[38;5;136m",
	severity.Notice:  "\x1b[1m",
	severity.Info:    "",
	severity.Debug:   "\x1b[2m",
}

// appendColored appends topic and payload, each in its colour.
func appendColored(dst []byte, m *message.Message) []byte {
	if m.HasTopic {
		if len(m.Topic) > 0 {
			dst = append(dst, topicColors[hash(m.Topic)%uint32(len(topicColors))]...)
			dst = append(message.AppendSafeLine(dst, m.Topic, false), reset...)
		}
		dst = append(dst, '\t')
	}
	color := ""
	if s, found := severity.Of(m.Payload); found {
		color = severityColors[s]
	}
	if dst = append(dst, color...); m.HasTopic {
		dst = message.AppendSafe(dst, m.Payload, true)
	} else {
		dst = message.AppendSafeLine(dst, m.Payload, true)
	}
	if color != "" {
		dst = append(dst, reset...)
	}
	return dst
}

// hash is FNV-1a: a topic has the same colour in every run.
func hash(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// ColorWanted reports whether to write colours to stdout: it is a terminal, and none of --no-color,
// NO_COLOR (no-color.org: set and not empty) and TERM=dumb is given.
func ColorWanted(stdout *os.File, noColor bool, getenv func(string) string) bool {
	return !noColor && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && IsTerminal(stdout)
}
