package scripttest

import (
	"os/exec"
	"strings"
	"testing"
)

// Examples checks that a program's help shows three examples or more, and that each is a valid command line of that
// program. command is how the program is called, such as "zmqtap hub". take gets an example's arguments after command,
// as a shell would pass them; it returns an error if the program does not accept them.
func Examples(t *testing.T, command, help string, take func(args []string) error) {
	t.Helper()
	_, section, _ := strings.Cut(help, "\nExamples:\n")
	section, _, _ = strings.Cut(section, "\n\n")
	var examples []string
	for line := range strings.Lines(section) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			examples = append(examples, line)
		}
	}
	if len(examples) < 3 {
		t.Errorf("%s --help shows %d examples, want 3 or more:\n%s", command, len(examples), help)
	}
	for _, example := range examples {
		arguments, found := strings.CutPrefix(example, command+" ")
		if !found {
			t.Errorf("%q does not call %s", example, command)
			continue
		}
		out, err := exec.Command("/bin/sh", "-c", `set -- `+arguments+`; printf '%s\0' "$@"`).Output()
		if err != nil {
			t.Errorf("%s: the shell: %v", example, err)
			continue
		}
		if err := take(strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
}
