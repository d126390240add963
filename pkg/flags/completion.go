package flags

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// completionFlag prints a script with which a shell completes the command line. It is not in the help: make install and
// packages use it. In a file, the scripts of a program's commands, such as zmqtap serve, come before its own.
const completionFlag = "completion"

// valuesAnnotation is pflag's annotation of a flag with the values that it takes.
const valuesAnnotation = "values"

// beginningsAnnotation is the annotation of a flag with what its value may begin with.
const beginningsAnnotation = "beginnings"

// Beginnings declares what the value of a flag may begin with, such as tcp://, for completion.
func Beginnings(fs *pflag.FlagSet, name string, beginnings ...string) {
	fs.SetAnnotation(name, beginningsAnnotation, beginnings) //nolint:errcheck // it is there
}

// Values declares which values a flag takes, for completion.
func Values(fs *pflag.FlagSet, name string, values ...string) {
	fs.SetAnnotation(name, valuesAnnotation, values) //nolint:errcheck // it is there
}

// completion is what the scripts need to know of a program, or of one of its commands.
type completion struct {
	program  string // "omzmq", "zmqtap serve"
	commands []string
	flags    []completedFlag
	file     bool // an argument is a file
}

type completedFlag struct {
	name, usage string
	values      []string // all that there are
	beginnings  []string // of values
	takes       string   // "": no value; "file", "folder"; any other: nothing is known about it
	optional    bool     // the value, which comes after a =
	repeatable  bool
}

// printCompletion prints the script for a shell, from what --help prints.
func (c *Common) printCompletion(fs *pflag.FlagSet, shell string, stdout io.Writer) error {
	write, known := map[string]func(*completion, io.Writer){
		"bash": (*completion).bash, "zsh": (*completion).zsh, "fish": (*completion).fish}[shell]
	if !known {
		return Usage("--%s %q: write bash, zsh or fish", completionFlag, shell)
	}
	p := &completion{program: fs.Name(), commands: c.program.CommandNames(), file: c.TakesFile}
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			p.flags = append(p.flags, newCompletedFlag(f))
		}
	})
	write(p, stdout)
	return ErrHelp
}

func newCompletedFlag(f *pflag.Flag) completedFlag {
	takes, usage := pflag.UnquoteUsage(f)
	switch {
	case f.NoOptDefVal != "":
		takes = optional(f)
	case takes == "path", takes == "key": // the key in a file
		takes = "file"
	}
	for _, end := range []string{"\n", ";", ": ", " ("} { // a line must do
		usage, _, _ = strings.Cut(usage, end)
	}
	return completedFlag{name: f.Name, usage: usage, values: f.Annotations[valuesAnnotation], takes: takes,
		beginnings: f.Annotations[beginningsAnnotation], optional: takes != "" && f.NoOptDefVal != "", repeatable: f.Value.Type() == "stringArray"}
}

// known are values, and what values begin with, as words.
func (f *completedFlag) known() string {
	return strings.Join(slices.Concat(f.values, f.beginnings), " ")
}

// function names a shell's function for the program or command.
func (p *completion) function() string { return "_" + strings.ReplaceAll(p.program, " ", "_") }

// isCommand reports whether this is a program's command, such as zmqtap serve.
func (p *completion) isCommand() bool { return strings.Contains(p.program, " ") }

// bash writes a function, and for a program the use of it. Bash takes --flag=value apart before it asks.
func (p *completion) bash(w io.Writer) {
	fmt.Fprintf(w, "%s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} is= words\n", p.function())
	fmt.Fprint(w, "\tif [[ $cur == = ]]; then cur= is==; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]} is==; fi\n")
	if len(p.commands) > 0 {
		fmt.Fprintf(w, "\tif ((COMP_CWORD > 1)) && declare -F \"%s_${COMP_WORDS[1]}\" >/dev/null; then\n", p.function())
		fmt.Fprintf(w, "\t\t\"%s_${COMP_WORDS[1]}\"\n\t\treturn\n\tfi\n", p.function())
	}
	fmt.Fprint(w, "\tcase $prev$is in\n")
	for _, f := range p.flags {
		switch {
		case f.takes == "":
			continue
		case f.optional:
			fmt.Fprintf(w, "\t--%s=) ", f.name)
		default:
			fmt.Fprintf(w, "\t--%s | --%s=) ", f.name, f.name)
		}
		switch {
		case f.beginnings != nil:
			fmt.Fprint(w, "compopt -o nospace; ")
			fallthrough
		case f.values != nil:
			fmt.Fprintf(w, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", f.known())
		case f.takes == "file":
			fmt.Fprint(w, "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")")
		case f.takes == "folder":
			fmt.Fprint(w, "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")")
		default:
			fmt.Fprint(w, "COMPREPLY=()")
		}
		fmt.Fprint(w, " ;;\n")
	}
	fmt.Fprint(w, "\t*)\n\t\twords='")
	for _, f := range p.flags {
		fmt.Fprintf(w, "--%s ", f.name)
	}
	fmt.Fprint(w, "'\n")
	if len(p.commands) > 0 {
		fmt.Fprintf(w, "\t\tif ((COMP_CWORD == 1)); then words+='%s'; fi\n", strings.Join(p.commands, " "))
	}
	fmt.Fprint(w, "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n")
	if p.file {
		fmt.Fprint(w, "\t\tif [[ $cur != -* ]]; then compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); fi\n")
	}
	fmt.Fprint(w, "\t\t;;\n\tesac\n}\n")
	if !p.isCommand() {
		fmt.Fprintf(w, "complete -F %s %s\n", p.function(), p.program)
	}
}

// zsh writes a function, and for a program the call of it: the file is the body of an autoloaded function.
func (p *completion) zsh(w io.Writer) {
	program, _, _ := strings.Cut(p.program, " ")
	fmt.Fprintf(w, "#compdef %s\n%s() {\n", program, p.function())
	if len(p.commands) > 0 {
		fmt.Fprintf(w, "\tif (( CURRENT > 2 && $+functions[%s_$words[2]] )); then\n", p.function())
		fmt.Fprintf(w, "\t\tshift words\n\t\t(( CURRENT-- ))\n\t\t%s_$words[1]\n\t\treturn\n\tfi\n", p.function())
	}
	fmt.Fprint(w, "\t_arguments")
	for _, f := range p.flags {
		spec := "--" + f.name
		switch {
		case f.optional:
			spec += "=-"
		case f.takes != "":
			spec += "="
		}
		if f.repeatable {
			spec = "*" + spec
		}
		escape := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace
		spec += "[" + escape(f.usage) + "]"
		if f.optional {
			spec += ":"
		}
		switch {
		case f.takes == "":
		case f.beginnings != nil:
			spec += ":" + escape(f.takes) + `:compadd -S "" -- ` + escape(f.known())
		case f.values != nil:
			spec += ":value:(" + strings.Join(f.values, " ") + ")"
		case f.takes == "file":
			spec += ":file:_files"
		case f.takes == "folder":
			spec += ":folder:_files -/"
		default:
			spec += ":" + escape(f.takes) + ": "
		}
		fmt.Fprintf(w, " \\\n\t\t%s", quoted(spec))
	}
	if len(p.commands) > 0 {
		fmt.Fprintf(w, " \\\n\t\t'1: :(%s)'", strings.Join(p.commands, " "))
	}
	if p.file {
		fmt.Fprint(w, " \\\n\t\t'1:file:_files'")
	}
	fmt.Fprint(w, "\n}\n")
	if !p.isCommand() {
		fmt.Fprintf(w, "%s \"$@\"\n", p.function())
	}
}

// fish writes a line for each flag and command.
func (p *completion) fish(w io.Writer) {
	program, command, isCommand := strings.Cut(p.program, " ")
	line := "complete -c " + program
	switch {
	case isCommand:
		line += " -n '__fish_seen_subcommand_from " + command + "'"
	case len(p.commands) > 0:
		fmt.Fprintf(w, "complete -c %s -n '__fish_use_subcommand' -xa '%s'\n", program, strings.Join(p.commands, " "))
		line += " -n 'not __fish_seen_subcommand_from " + strings.Join(p.commands, " ") + "'"
	}
	if !p.file {
		fmt.Fprintf(w, "%s -f\n", line)
	}
	for _, f := range p.flags {
		fmt.Fprintf(w, "%s -l %s", line, f.name)
		switch {
		case f.takes == "":
		case f.values != nil, f.beginnings != nil:
			fmt.Fprintf(w, " -xa '%s'", f.known())
		case f.optional:
			fmt.Fprint(w, " -F")
		case f.takes == "file":
			fmt.Fprint(w, " -rF")
		case f.takes == "folder":
			fmt.Fprint(w, " -xa '(__fish_complete_directories)'")
		default:
			fmt.Fprint(w, " -x")
		}
		fmt.Fprintf(w, " -d %s\n", strings.ReplaceAll(quoted(strings.ReplaceAll(f.usage, `\`, `\\`)), `'\''`, `\'`))
	}
}

// quoted returns a text as a word in a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
