// Package scripttest tests a program's command line with scripts (testscript), which have three commands more:
//
//	exits CODE PROGRAM ARGUMENT...    runs a program and checks its exit code
//	columns N                         checks that no line of the last command's standard output is wider
//	mode OCTAL FILE                   checks a file's mode
package scripttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// Main runs a package's tests. The test binary also serves as the program under test, when started under its name.
// It sets the umask of a service: what the programs refuse in their files must not depend on the user's.
func Main(m *testing.M, program string, main func()) {
	unix.Umask(0o022)
	testscript.Main(m, map[string]func(){program: main})
}

// Run runs the scripts in testdata/script.
func Run(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "columns": columns, "mode": mode},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("%q ended with %d, want %d", args[1:], code, want)
	}
}

func columns(ts *testscript.TestScript, _ bool, args []string) {
	limit, err := strconv.Atoi(args[0])
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > limit {
			ts.Fatalf("%d columns, want at most %d: %s", n, limit, line)
		}
	}
}

func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}
