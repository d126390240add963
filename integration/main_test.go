// Package integration tests the programs together with the real parts around them: the distribution's rsyslogd
// and its modules, libzmq, Redis, the kernel's pipes and signals. It builds the programs itself.
// integration/setup test installs the rest. A missing part is an error, never a skip.
package integration

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Paths of the distribution's programs. python3-zmq is installed for the distribution's Python.
const (
	systemRsyslogd = "/usr/sbin/rsyslogd"
	python         = "/usr/bin/python3"
)

// built is the folder of the programs under test and of a copy of rsyslogd. AppArmor, where it confines
// rsyslogd to the system's log folders, goes by the program's path.
var built string

func program(name string) string { return filepath.Join(built, name) }

func improgModule() string { return filepath.Join(repository(), ".cache/improg/improg.so") }

// leftOut returns why integration/setup could not get a part (improg, jeromq), "" if it has. Continuous integration
// leaves nothing out.
func leftOut(part string) string {
	if os.Getenv("CI") == "true" {
		return ""
	}
	reason, _ := os.ReadFile(filepath.Join(repository(), ".cache", part, "left-out")) // exists only then
	return strings.TrimSpace(string(reason))
}

// repository is the module's root: tests run in their package's folder.
func repository() string {
	dir, err := filepath.Abs("..")
	if err != nil {
		panic(err) // without a working directory nothing can run
	}
	return dir
}

// waitingTests is how many parallel tests run at once. Only tests that mostly wait are parallel, so go test's
// default, the number of CPUs, would be too few.
const waitingTests = "8"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if signal.Ignored(os.Interrupt) {
		// SIGINT is ignored in the background of a shell script, and children inherit that. If it is caught
		// here, it has its default effect in children.
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	syscall.Umask(0o022) // of a service; omzmq refuses a journal in a folder that others can write to
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		flag.Set("test.parallel", waitingTests) //nolint:errcheck // the flag exists and takes numbers
	}
	if err := prerequisites(); err != nil {
		fmt.Fprintf(os.Stderr, "integration: %v: run integration/setup test\n", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "rz-bin-")
	if err != nil {
		fmt.Fprintf(os.Stderr, "integration: %v\n", err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = dir
	if err := build(); err != nil {
		fmt.Fprintf(os.Stderr, "integration: %v\n", err)
		return 1
	}
	return m.Run()
}

// prerequisites names everything that is missing, not only the first.
func prerequisites() error {
	var missing []error
	for _, path := range []string{systemRsyslogd, nginx, dnsmasq} {
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, err)
		}
	}
	if _, err := exec.LookPath("curl"); err != nil {
		missing = append(missing, err)
	}
	for _, module := range []string{"imptcp", "omprog", "imrelp", "omrelp", "imczmq", "omczmq", "impstats", "mmjsonparse"} {
		if found, _ := filepath.Glob("/usr/lib*/*/rsyslog/" + module + ".so"); len(found) == 0 {
			missing = append(missing, fmt.Errorf("no rsyslog module %s.so", module))
		}
	}
	if _, err := os.Stat(improgModule()); err != nil && leftOut("improg") == "" {
		missing = append(missing, err)
	}
	if out, err := exec.Command(python, "-c", "import zmq").CombinedOutput(); err != nil {
		missing = append(missing, fmt.Errorf("%s without zmq: %w %s", python, err, out))
	}
	return errors.Join(missing...)
}

func build() error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", built+"/", "./omzmq", "./imzmq", "./zmqtap")
	cmd.Dir, cmd.Env = repository(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return copyFile(program("rsyslogd"), systemRsyslogd)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
