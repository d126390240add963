package flags

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"
)

// Check is the value of --check.
type Check struct {
	Wanted bool   // the program tests what its flags ask for, and ends
	File   string // rsyslog's configuration, which is tested, too; "": none
}

// withoutFile is the value of a --check that is given none. A file of this name is ./true.
const withoutFile = "true"

// add adds --check. plugin: the program has actions or inputs in rsyslog's configuration.
func (c *Check) add(fs *pflag.FlagSet, plugin bool) {
	if !plugin {
		fs.BoolVar(&c.Wanted, "check", false,
			"test what the other flags ask for: reach the peers, try addresses and files; print what is wrong and the cure; "+
				"exit with 0 or 1")
		return
	}
	fs.Var(c, "check",
		"test what the other flags ask for: reach the peers, try addresses, files and the destination; print what is wrong and "+
			"the cure; exit with 0 or 1; `[=file]`, such as --check=/etc/rsyslog.conf: also what that configuration of rsyslog, "+
			"or all *.conf of that folder, say about this program; other flags are not needed then")
	fs.Lookup("check").NoOptDefVal = withoutFile
}

// optional is what a flag may have as its value, after a =; "": it takes none, or needs one.
func optional(f *pflag.Flag) string {
	takes, _ := pflag.UnquoteUsage(f)
	value, found := strings.CutPrefix(takes, "[=")
	if !found {
		return ""
	}
	return strings.TrimSuffix(value, "]")
}

// Set implements pflag.Value.
func (c *Check) Set(text string) error {
	if text == "" {
		return errors.New("write --check alone, or the path of rsyslog's configuration after the =")
	}
	c.Wanted = true
	if text != withoutFile {
		c.File = text
	}
	return nil
}

// String implements pflag.Value.
func (c *Check) String() string { return c.File }

// Type implements pflag.Value. It is that of a switch, because the help would show the value that stands for none.
func (c *Check) Type() string { return "bool" }

// onlyFile reports whether only a configuration of rsyslog is to be tested.
func (c *Common) onlyFile() bool { return c.Check.File != "" && len(c.Connect)+len(c.Bind) == 0 }
