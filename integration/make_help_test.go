package integration

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// make help has a line for each target.
func TestMakeHelp(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("make", "--no-print-directory", "-C", repository(), "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, list := range regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindAllStringSubmatch(source(t, "Makefile"), -1) {
		for _, target := range strings.Fields(list[1]) {
			seen++
			if !regexp.MustCompile(`(?m)^` + target + ` +\S.{10,110}\.$`).Match(out) {
				t.Errorf("no line for %s in\n%s", target, out)
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d targets were found", seen)
	}
}
