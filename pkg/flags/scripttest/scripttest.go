// Package scripttest runs the scripts that test a program's command line (testscript), with one command more:
//
//	exits CODE PROGRAM ARGUMENT...    runs a program and checks its exit code
package scripttest

import (
	"errors"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Main runs a package's tests in a process that is also the program under test, by its name.
func Main(m *testing.M, program string, main func()) {
	testscript.Main(m, map[string]func(){program: main})
}

// Run runs the scripts in testdata/script.
func Run(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
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
