package flags

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// manualFlag prints the manual page. It is not in the help: make install and packages use it.
const manualFlag = "manual"

// printManual prints the manual page in roff's macros man(7), from what --help prints.
func (c *Common) printManual(fs *pflag.FlagSet, version string, stdout io.Writer) {
	var out strings.Builder
	name := strings.ReplaceAll(fs.Name(), " ", "-")
	section, title := c.program.section()
	summary, further, _ := strings.Cut(c.program.Summary, "\n")
	fmt.Fprintf(&out, ".TH %s %d \"\" \"rsyslog-zeromq %s\" \"%s\"\n", strings.ToUpper(roff(name)), section, roff(version), title)
	fmt.Fprintf(&out, ".SH NAME\n%s \\- %s\n", roff(name), roff(brief(summary)))
	fmt.Fprintf(&out, ".SH SYNOPSIS\n.B %s\n[\\fIflags\\fR]", roff(fs.Name()))
	out.WriteString(roff(c.usage()))
	for _, command := range c.program.Commands {
		fmt.Fprintf(&out, "\n.br\n.B %s\n%s", roff(fs.Name()+" "+command.Name), roff(strings.TrimPrefix(command.Arguments, " ")))
	}
	fmt.Fprintf(&out, "\n.SH DESCRIPTION\n%s\n", roff(summary))
	if further != "" {
		fmt.Fprintf(&out, ".PP\n%s\n", roff(further))
	}
	out.WriteString(".SH OPTIONS\n")
	fs.VisitAll(func(f *pflag.Flag) {
		if c.shared.Lookup(f.Name) == nil {
			writeOption(&out, f)
		}
	})
	out.WriteString(".SS Options that all programs share\n")
	c.shared.VisitAll(func(f *pflag.Flag) { writeOption(&out, f) })
	if len(c.program.Environment) > 0 {
		out.WriteString(".SH ENVIRONMENT\n")
	}
	for _, v := range c.program.Environment {
		fmt.Fprintf(&out, ".TP\n.B %s\n%s\n", roff(v.Name), roff(v.Meaning))
	}
	out.WriteString(".SH EXIT STATUS\n0 after a normal end, 1 after a failure, 2 if the command line is wrong.\n.SH EXAMPLES\n")
	for _, e := range c.program.Examples {
		fmt.Fprintf(&out, ".PP\n%s:\n.PP\n.nf\n.RS\n%s\n.RE\n.fi\n", roff(e.Purpose), roff(e.Command))
	}
	out.WriteString(".SH SEE ALSO\n.BR omzmq (8),\n.BR omzmq-status (8),\n.BR imzmq (8),\n.BR imzmq-status (8),\n" +
		".BR zmqtap (1),\n.BR zmqtap-serve (1),\n.BR zmqtap-hub (1),\n.BR zmqtap-record (1),\n.BR zmqtap-replay (1),\n" +
		".BR zmqtap-status (1),\n.BR rsyslog-zeromq (7),\n.BR rsyslogd (8)\n")
	io.WriteString(stdout, out.String()) //nolint:errcheck // as with the help
}

// section returns the section of the manual, and its title: those that rsyslog starts are for administrators.
func (p *Program) section() (n int, title string) {
	if p.Plugin {
		return 8, "System Administration"
	}
	return 1, "User Commands"
}

// brief returns a sentence as apropos(1) shows it: without capital letter and full stop.
func brief(sentence string) string {
	return strings.ToLower(sentence[:1]) + strings.TrimSuffix(sentence[1:], ".")
}

func writeOption(out *strings.Builder, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	out.WriteString(".TP\n")
	if f.Shorthand != "" {
		fmt.Fprintf(out, "\\fB\\-%s\\fR, ", roff(f.Shorthand))
	}
	fmt.Fprintf(out, "\\fB\\-\\-%s\\fR", roff(f.Name))
	if value != "" {
		fmt.Fprintf(out, " \\fI%s\\fR", roff(value))
	}
	if hasDefault(f) {
		usage += " (default " + f.DefValue + ")"
	}
	fmt.Fprintf(out, "\n%s\n", roff(usage))
}

// hasDefault reports whether a flag's default says something.
func hasDefault(f *pflag.Flag) bool {
	switch f.DefValue {
	case "", "0", "0s", "[]", "false":
		return false
	}
	return true
}

// roff returns a text as roff takes it: no character of it means anything.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, `"`, `\(dq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
