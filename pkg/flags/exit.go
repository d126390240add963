package flags

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// Exit codes of the programs.
const (
	ExitOK      = 0
	ExitFailure = 1
	ExitUsage   = 2
)

// UsageError is a command line that cannot be obeyed.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usage returns a *UsageError.
func Usage(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// ErrHelp is what Parse returns after it has printed help or version.
var ErrHelp = pflag.ErrHelp

// Exit writes a program's error, if there is one, to stderr, closes stderr and returns the exit code. ErrHelp is not an
// error.
func Exit(program string, err error, stderr *log.Writer) int {
	code, text := outcome(program, err)
	switch {
	case text == "":
	case log.ToJournal(stderr.File(), os.Getenv):
		text = log.JournalText(text, slog.LevelError)
	case underRsyslog():
		text = stamped(text, time.Now(), os.Getpid())
	}
	stderr.Close(text)
	return code
}

// underRsyslog reports whether rsyslogd has started this program. Its errors are then in a file (output= of the
// action), among those of other processes and other days.
func underRsyslog() bool {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/comm")
	return err == nil && string(name) == "rsyslogd\n"
}

// stamped adds time and pid to the first line of a text.
func stamped(text string, now time.Time, pid int) string {
	first, rest, _ := strings.Cut(text, "\n")
	return fmt.Sprintf("%s time=%s pid=%d\n%s", first, now.UTC().Format("2006-01-02T15:04:05.000Z"), pid, rest)
}

// outcome returns the exit code and the last words.
func outcome(program string, err error) (code int, text string) {
	var usage *UsageError
	switch {
	case err == nil, errors.Is(err, ErrHelp):
		return ExitOK, ""
	case errors.As(err, &usage):
		return ExitUsage, fmt.Sprintf("%s: %v\nTry '%s --help'.\n", program, err, program)
	}
	return ExitFailure, fmt.Sprintf("%s: %v\n", program, err)
}
