package terminal

import (
	"os"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

const reset = "\x1b[0m"

// Own is message.Own in reverse video, for terminals with colours: no message can produce that, not even where a long
// line is continued on the terminal's next one.
const Own = "\x1b[7mzmqtap:" + reset + " "

// A style is a colour of the letters upon a colour of its own behind them, both from the 256 whose values all terminals
// share. No colour of letters alone is readable everywhere: a contrast of 4.5 (WCAG 2) with white needs a luminance of
// at most 0.183, with Solarized's dark background at least 0.265; and the terminal's own sixteen are as its theme has
// them, in Solarized mostly greys. What has no style is in the colour that the terminal writes everything in.
type style struct {
	letters, behind uint8
	bold            bool
}

// sequence returns what switches the style on; reset switches it off.
func (s style) sequence() string {
	if s.behind == 0 {
		return ""
	}
	weight := ""
	if s.bold {
		weight = "1;"
	}
	return "\x1b[" + weight + "38;5;" + decimal(s.letters) + ";48;5;" + decimal(s.behind) + "m"
}

func decimal(n uint8) string {
	digits := [...]byte{'0' + n/100, '0' + n/10%10, '0' + n%10}
	i := 0
	for i < 2 && digits[i] == '0' {
		i++
	}
	return string(digits[i:])
}

const black, white = 16, 231

// severityStyles are those of the severities' words. What is usual has none.
var severityStyles = [...]style{
	severity.Emerg:   {white, 127, true},
	severity.Alert:   {white, 127, true},
	severity.Crit:    {white, 127, true},
	severity.Err:     {white, 160, true},
	severity.Warning: {black, 214, false},
	severity.Notice:  {black, 117, false},
	severity.Info:    {},
	severity.Debug:   {},
}

// programStyles are those of programs and topics. Red, yellow and magenta are not among them, because they stand for a
// severity.
var programStyles = [...]style{
	{white, 22, false}, {white, 23, false}, {white, 24, false}, {white, 25, false}, {white, 27, false}, {white, 28, false},
	{white, 29, false}, {white, 57, false}, {white, 60, false}, {white, 62, false}, {white, 94, false}, {white, 96, false},
}

// foundStyle is that of what --grep has found.
var foundStyle = style{black, 227, false}

var (
	severityColors = sequences(severityStyles[:])
	programColors  = sequences(programStyles[:])
	foundColor     = foundStyle.sequence()
)

func sequences(styles []style) (all []string) {
	for _, s := range styles {
		all = append(all, s.sequence())
	}
	return all
}

// colorOf returns the colour of a program or topic: the same in every run.
func colorOf(name []byte) string { return programColors[hash(name)%uint32(len(programColors))] }

// hash is FNV-1a.
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
