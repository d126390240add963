// Package rsyslogconf reads rsyslog's configuration as far as it says what rsyslog does with a program: the objects of
// RainerScript (module, global, template, action, input, ruleset, include …) with their parameters, and the legacy
// directives that mean the same. It is tolerant: what it does not understand it passes over. rsyslogd -N1 says what is
// wrong with the rest.
//
// It does no I/O of its own: Files reads. The size of a file, the number of files and the depth of includes are limited
// before anything is read.
//
// Sources: rsyslog's documentation, and grammar/lexer.l and grammar/rainerscript.c of 8.2302.
package rsyslogconf

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Limits of what is read.
const (
	MaxFile  = 1 << 20  // bytes of one file
	MaxTotal = 16 << 20 // bytes of all files
	MaxFiles = 500
	MaxDepth = 10 // of includes, as in rsyslog
	maxItems = 100_000
)

// Files reads the configuration's files.
type Files struct {
	// Read returns a file, or an error if it has more than limit bytes.
	Read func(path string, limit int) ([]byte, error)
	// Glob returns the names that match a pattern, as filepath.Glob does.
	Glob func(pattern string) ([]string, error)
	// Env returns a variable of the environment, which strings in backticks may hold.
	Env func(name string) (value string, known bool)
}

// Config is what was read.
type Config struct {
	Objects  []Object // that are enabled, in the order of the files, nested ones after those that they are in
	Files    []string // in the order in which they were read
	Problems []Problem
}

// Place is where something stands; Line 0: the file, or the files, as a whole.
type Place struct {
	File string
	Line int
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Problem is a file that could not be read, or something that was left out.
type Problem struct {
	Place
	Text string
}

// Object is an object of RainerScript, or what legacy directives say in its place.
type Object struct {
	Place
	Kind    string // in lower case: "action"
	Params  map[string]Value
	Parts   []Object // a template's properties and constants
	Ruleset string   // the name of the ruleset that it stands in; "": none, or one without a name
}

// Value is a parameter's value.
type Value struct {
	Place
	Text    string
	Unknown bool // it depends on what only rsyslogd knows
}

// Text returns a parameter's text; "" if it is not there. The name is in lower case.
func (o *Object) Text(name string) string { return o.Params[name].Text }

// Has reports whether a parameter is there.
func (o *Object) Has(name string) bool {
	_, there := o.Params[name]
	return there
}

// At is the place of a parameter, or of the object if the parameter is not there.
func (o *Object) At(name string) Place {
	if v, there := o.Params[name]; there {
		return v.Place
	}
	return o.Place
}

// On reports whether a parameter is on, as rsyslog reads a switch; fallback if it is not there, or not known.
func (o *Object) On(name string, fallback bool) bool {
	v, there := o.Params[name]
	if !there || v.Unknown {
		return fallback
	}
	return isOn(v.Text)
}

func isOn(text string) bool {
	switch strings.ToLower(text) {
	case "on", "yes", "true", "1":
		return true
	}
	return false
}

// Find returns the objects of a kind.
func (c *Config) Find(kind string) (found []*Object) {
	for i := range c.Objects {
		if c.Objects[i].Kind == kind {
			found = append(found, &c.Objects[i])
		}
	}
	return found
}

// Global returns the last value that the global objects give to a parameter, by any of its names.
func (c *Config) Global(names ...string) (v Value, there bool) {
	for _, o := range c.Find("global") {
		for _, name := range names {
			if value, found := o.Params[name]; found {
				v, there = value, true
			}
		}
	}
	return v, there
}

// Read reads a configuration, and what it includes.
func Read(name string, files Files) (*Config, error) {
	r := &reader{files: files, config: &Config{}, legacy: map[string]Value{}}
	text, err := files.Read(name, MaxFile)
	if err != nil {
		return nil, err
	}
	r.parse(name, string(text))
	return r.config, nil
}

// ReadAll reads the files that a pattern matches, as an include of that pattern does, and what they include.
func ReadAll(pattern string, files Files) *Config {
	r := &reader{files: files, config: &Config{}, legacy: map[string]Value{}}
	r.include(Place{File: pattern}, pattern, true)
	return r.config
}

// Parse reads a text that includes nothing else than files can read.
func Parse(name, text string, files Files) *Config {
	r := &reader{files: files, config: &Config{}, legacy: map[string]Value{}}
	r.parse(name, text)
	return r.config
}

// reader reads a configuration.
type reader struct {
	files  Files
	config *Config
	open   []string // the files that include each other
	items  int
	bytes  int              // that were read
	legacy map[string]Value // what legacy directives have said about the next action, by the parameter's name
}

func (r *reader) parse(name, text string) {
	r.config.Files = append(r.config.Files, name)
	r.open = append(r.open, name)
	s := &scanner{reader: r, file: name, text: text, line: 1}
	s.run()
	r.open = r.open[:len(r.open)-1]
}

func (r *reader) problem(at Place, format string, args ...any) {
	if len(r.config.Problems) < MaxFiles {
		r.config.Problems = append(r.config.Problems, Problem{at, fmt.Sprintf(format, args...)})
	}
}

// add notes an object.
func (r *reader) add(o Object) {
	if r.items++; r.items <= maxItems {
		r.config.Objects = append(r.config.Objects, o)
	}
}

// include reads what an include names.
func (r *reader) include(at Place, pattern string, optional bool) {
	if strings.HasSuffix(pattern, "/") { // a folder: all of it
		pattern += "*"
	}
	if !strings.ContainsAny(pattern, "*?[") {
		r.readFile(at, pattern, optional)
		return
	}
	names, err := r.files.Glob(pattern)
	if err != nil {
		r.problem(at, "%s: %v", pattern, err)
		return
	}
	slices.Sort(names)
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(path.Base(pattern), ".") {
			continue // glob(3) leaves them out
		}
		r.readFile(at, name, true)
	}
}

// readFile reads one included file.
func (r *reader) readFile(at Place, name string, optional bool) {
	switch {
	case slices.Contains(r.open, name):
		r.problem(at, "%s includes itself", name)
		return
	case len(r.open) >= MaxDepth:
		r.problem(at, "%s is not read: includes are more than %d deep", name, MaxDepth)
		return
	case len(r.config.Files) >= MaxFiles:
		r.problem(at, "%s is not read: there are more than %d files", name, MaxFiles)
		return
	}
	text, err := r.files.Read(name, min(MaxFile, MaxTotal-r.bytes))
	r.bytes += len(text)
	if err != nil {
		if !optional || !errors.Is(err, fs.ErrNotExist) {
			r.problem(at, "%v", err)
		}
		return
	}
	r.parse(name, string(text))
}
