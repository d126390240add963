package flags

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// referenceFlag prints the program's part of docs/reference.md. It is not in the help: make reference uses it.
const referenceFlag = "reference"

// printReference prints what --help prints, in Markdown. shared: with the flags that all programs share.
func (c *Common) printReference(fs *pflag.FlagSet, shared bool, stdout io.Writer) {
	var out strings.Builder
	fmt.Fprintf(&out, "## %s\n\n    %s [flags]%s\n%s\n%s\n", fs.Name(), fs.Name(), c.usage(),
		strings.ReplaceAll(c.program.commandLines(), "       "+fs.Name(), "    "+fs.Name()), wrap(c.program.Summary, referenceWidth))
	own := newSet(fs.Name())
	fs.VisitAll(func(f *pflag.Flag) {
		if c.shared.Lookup(f.Name) == nil {
			own.AddFlag(f)
		}
	})
	c.shared.VisitAll(func(f *pflag.Flag) {
		if _, differs := f.Annotations[ownDefault]; differs {
			own.AddFlag(f)
		}
	})
	writeReference(&out, own)
	for _, v := range c.program.Environment {
		fmt.Fprintf(&out, "%s in the environment: %s\n\n", v.Name, v.Meaning)
	}
	for _, e := range c.program.Examples {
		fmt.Fprintf(&out, "%s:\n\n    %s\n\n", e.Purpose, e.Command)
	}
	if shared {
		out.WriteString("## Flags that all programs share\n\n")
		writeReference(&out, c.shared)
	}
	io.WriteString(stdout, out.String()) //nolint:errcheck // as with the help
}

// referenceWidth is the width of running text, in columns.
const referenceWidth = 118

func writeReference(out *strings.Builder, fs *pflag.FlagSet) {
	rows := 0
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if rows++; rows == 1 {
			out.WriteString("| flag | default | |\n|---|---|---|\n")
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		switch {
		case f.NoOptDefVal != "" && value != "":
			name += "[=" + value + "]"
		case value != "":
			name += " " + value
		}
		fallback := ""
		if hasDefault(f) {
			fallback = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, fallback, markdown(usage))
	})
	if rows > 0 {
		out.WriteString("\n")
	}
}

// markdown returns a text as a cell of a table.
func markdown(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;", "\n", " ").Replace(text)
}
