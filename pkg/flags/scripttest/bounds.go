package scripttest

import (
	"regexp"
	"strings"
	"testing"
)

var (
	flagInHelp = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)
	bounds     = regexp.MustCompile(`it must lie between (\S+)(?: byte)? and (\S+)$`)
)

// far are values beyond the bounds of every flag, or no number, size or time at all.
var far = []string{"-9223372036854775808", "9223372036854775807", "18446744073709551615", "99999999999999999999", "-1", "-1ns",
	"-2562047h", "2562047h", "2562047h47m16.854775807s", "3000000h", "4294967295MiB", "9007199254740993MiB", "", "0x10", "1e3", "NaN"}

// Bounds checks that every flag of a program that is a number, a size or a time has bounds. Beyond them the usage error
// says what to write; at them the value is taken. base is a valid command line; take gets the arguments of another one
// and returns the program's error.
func Bounds(t *testing.T, help string, base []string, take func(args []string) error) {
	t.Helper()
	if err := take(base); err != nil {
		t.Fatal(err)
	}
	numbers := 0
	for _, found := range flagInHelp.FindAllStringSubmatch(help, -1) {
		name := found[1]
		refusal := func(value string) string {
			err := take(append(base[:len(base):len(base)], "--"+name+"="+value))
			if err == nil || !strings.Contains(err.Error(), `for "--`+name+`" flag: `) {
				return ""
			}
			return err.Error()
		}
		if refusal("x") == "" || refusal("true") == "" { // a text, or a switch
			continue
		}
		numbers++
		var ends []string
		for _, value := range far {
			text := refusal(value)
			if found := bounds.FindStringSubmatch(text); found != nil {
				ends = found[1:]
			} else if !strings.Contains(text, ": write ") {
				t.Errorf("--%s=%s: %q", name, value, text)
			}
		}
		if len(ends) == 0 {
			t.Errorf("--%s has no bounds", name)
		}
		for _, end := range ends {
			if text := refusal(end); text != "" {
				t.Errorf("the bound itself is refused: %s", text)
			}
		}
	}
	if numbers < 6 {
		t.Errorf("%d flags are numbers: has the help another form?", numbers)
	}
}
