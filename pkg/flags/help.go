package flags

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// pipeWidth is the width of the help in columns where there is no terminal, or none that knows its width.
const pipeWidth = 80

// printHelp prints usage line and summary, then the program's own flags, its examples, and the shared flags.
func (c *Common) printHelp(fs *pflag.FlagSet, stdout io.Writer) {
	columns := width(stdout)
	fmt.Fprintf(stdout, "Usage: %s\n%s\n%s", fs.Name()+" [flags]"+c.usage(), c.program.commandLines(), wrap(c.program.Summary, columns))

	own := pflag.NewFlagSet(fs.Name(), pflag.ContinueOnError)
	own.SortFlags = false
	fs.VisitAll(func(f *pflag.Flag) {
		if c.shared.Lookup(f.Name) == nil {
			own.AddFlag(f)
		}
	})
	if own.HasFlags() {
		fmt.Fprintf(stdout, "\nFlags:\n%s", usages(own, columns))
	}
	if len(c.program.Examples) > 0 {
		fmt.Fprint(stdout, "\nExamples:\n")
	}
	for _, e := range c.program.Examples {
		fmt.Fprintf(stdout, "  # %s\n  %s\n", e.Purpose, e.Command)
	}
	fmt.Fprintf(stdout, "\nFlags that all programs share:\n%s", usages(c.shared, columns))
}

// commandLines returns a usage line for each command, with its purpose.
func (p *Program) commandLines() string {
	var out strings.Builder
	longest := 0
	for _, command := range p.Commands {
		longest = max(longest, len(command.Name+command.Arguments))
	}
	for _, command := range p.Commands {
		fmt.Fprintf(&out, "       %s %-*s  %s\n", p.Name, longest, command.Name+command.Arguments, command.Purpose)
	}
	return out.String()
}

// leastText is the width, in columns, below which a usage text starts on a line of its own.
const leastText = 24

// usages returns the flags with their usage texts, wrapped. (pflag's FlagUsagesWrapped gives up at a long word.)
func usages(fs *pflag.FlagSet, columns int) string {
	var out strings.Builder
	for line := range strings.Lines(fs.FlagUsages()) {
		text := strings.LastIndex(line, "   ") + 3 // pflag puts three spaces or more in front of the text
		first, indent := line[:text], text
		if columns-indent < leastText {
			indent = 8
			first = strings.TrimRight(first, " ") + "\n" + strings.Repeat(" ", indent)
		}
		usage := strings.Replace(line[text:], "(default ", "(default\x00", 1) // one word to wrap
		lines := strings.TrimSuffix(wrap(usage, columns-indent), "\n")
		lines = strings.Replace(lines, "\x00", " ", 1)
		fmt.Fprintln(&out, first+strings.ReplaceAll(lines, "\n", "\n"+strings.Repeat(" ", indent)))
	}
	return out.String()
}

// width returns the columns of the terminal that w is, or pipeWidth.
func width(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return pipeWidth
	}
	conn, err := file.SyscallConn() // Fd would change the mode of a file that other processes share
	if err != nil {
		return pipeWidth
	}
	columns := pipeWidth
	err = conn.Control(func(fd uintptr) {
		if size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			columns = int(size.Col)
		}
	})
	if err != nil {
		return pipeWidth
	}
	return columns
}

// wrap breaks text between words, so that no line is wider than columns unless a word is. Every line ends with a line
// feed.
func wrap(text string, columns int) string {
	var out strings.Builder
	for paragraph := range strings.Lines(text) {
		n := 0
		for _, word := range strings.Fields(paragraph) {
			switch {
			case n == 0:
			case n+1+utf8.RuneCountInString(word) > columns:
				out.WriteByte('\n')
				n = 0
			default:
				out.WriteByte(' ')
				n++
			}
			out.WriteString(word)
			n += utf8.RuneCountInString(word)
		}
		out.WriteByte('\n')
	}
	return out.String()
}
