package main

import (
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

// look is how messages are printed.
type look struct {
	raw, json   bool
	formatText  string
	format      *terminal.Format // nil: the columns
	utc, pretty bool
	color       string
	noColor     bool
}

// Values of --color.
const (
	colorAuto   = "auto"
	colorAlways = "always"
	colorNever  = "never"
)

var noColorVariable = []flags.Variable{{Name: "NO_COLOR", Meaning: "If it is not empty, the output has no colors."}}

func (o *look) add(fs *pflag.FlagSet) {
	fs.BoolVar(&o.raw, "raw", false,
		"print only the payload; into a pipe, its line feeds as #012 and all other bytes unchanged")
	fs.BoolVar(&o.json, "json", false,
		`print each message as a line of JSON: {"topic","message","received"}, with "time", "host", "program", "pid", "facility", `+
			`"severity", "text", "structured" and "fields" where it has them; topic_base64 and message_base64 if it is not UTF-8`)
	fs.StringVar(&o.formatText, "format", "",
		"print this `text` of each message, with its fields in braces, such as '{time} {host} {text}'; also {date} {timestamp} "+
			"{received} {program} {pid} {facility} {severity} {topic} {message} {msgid} {structured} {fields}")
	fs.BoolVar(&o.pretty, "pretty", false, "print JSON objects indented, on lines of their own, and line feeds as such, into a pipe, too")
	fs.BoolVar(&o.utc, "utc", false, "print times in UTC and not in this host's time zone")
	fs.StringVar(&o.color, "color", colorAuto, "`when` to print colors: auto (on a terminal), always or never")
	flags.Values(fs, "color", colorAuto, colorAlways, colorNever)
	fs.BoolVar(&o.noColor, "no-color", false,
		"print no colors, not even on a terminal; like NO_COLOR in the environment, and --color never")
}

func (o *look) validate(fs *pflag.FlagSet) (err error) {
	switch o.color {
	case colorAuto, colorAlways, colorNever:
	default:
		return flags.Usage("--color %q: write auto, always or never", o.color)
	}
	switch {
	case o.raw && o.json:
		return flags.Usage("--raw and --json exclude each other")
	case o.noColor && o.color == colorAlways:
		return flags.Usage("--no-color and --color always exclude each other")
	case (o.raw || o.json) && fs.Changed("format"):
		return flags.Usage("--format excludes --raw and --json: it says itself what is printed")
	case (o.raw || o.json) && (o.pretty || o.utc):
		return flags.Usage("--pretty and --utc need the form for people: leave out --raw and --json")
	}
	if fs.Changed("format") {
		if o.formatText == "" {
			return flags.Usage("--format: it is empty, and so would be all lines")
		}
		if o.format, err = terminal.ParseFormat(o.formatText); err != nil {
			return flags.Usage("--format: %w", err)
		}
	}
	return nil
}

// colored reports whether to write colours to a file.
func (o *look) colored(file *os.File) bool {
	if o.color == colorAlways {
		return true
	}
	return terminal.ColorWanted(file, o.noColor || o.color == colorNever, os.Getenv)
}

// printer returns what formats the messages for standard output.
func (o *look) printer(stdout *os.File, onTerminal bool) terminal.Printer {
	p := terminal.Printer{Terminal: onTerminal, Color: o.colored(stdout), Pretty: o.pretty, Format: o.format}
	switch {
	case o.raw:
		p.Style = terminal.Raw
	case o.json:
		p.Style = terminal.JSON
	}
	if o.utc {
		p.Zone = time.UTC
	}
	return p
}
