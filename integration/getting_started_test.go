package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/getting-started.md, executed as it stands on two machines. Each block of text is what the commands before it
// print: an ellipsis stands for what varies, and alone on a line for any lines.

const gettingStarted = "docs/getting-started.md"

// step is a block of commands, with what the page says where it runs, and what it prints.
type step struct{ heading, where, script, prints string }

// steps reads a page.
func steps(t *testing.T, page string) (all []step) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), page))
	if err != nil {
		t.Fatal(err)
	}
	var heading, where string
	for _, part := range regexp.MustCompile("(?ms)^(## [^\n]*)$|^```(sh|text)\n(.*?)^```$|^([A-Z][^\n]*)$").FindAllStringSubmatch(string(text), -1) {
		switch {
		case part[1] != "":
			heading, where = part[1], ""
		case part[2] == "sh":
			all = append(all, step{heading: heading, where: where, script: part[3]})
		case part[2] == "text":
			all[len(all)-1].prints = part[3]
		default:
			if on := regexp.MustCompile(`^(?:On|From) (web1|logs\.example\.com|a machine)\b`).FindStringSubmatch(part[4]); on != nil {
				where = on[1]
			}
		}
	}
	return all
}

// pattern is a regular expression of what a step prints.
func (s step) pattern() *regexp.Regexp {
	var p strings.Builder
	p.WriteString(`\A`)
	for line := range strings.Lines(s.prints) {
		line = strings.TrimSuffix(line, "\n")
		if line == "…" {
			p.WriteString(`(?:.*\n)*`)
			continue
		}
		p.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + `\n`)
	}
	p.WriteString(`\z`)
	return regexp.MustCompile(p.String())
}

// The page names the version of Go that go.mod asks for.
func TestGettingStartedGo(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)(\.\d+)$`).FindStringSubmatch(source(t, "go.mod"))
	if version == nil {
		t.Fatal("go.mod names no version")
	}
	for _, page := range []string{gettingStarted, "README.md"} {
		if !strings.Contains(source(t, page), "Go "+version[1]) {
			t.Errorf("%s does not name Go %s", page, version[1])
		}
	}
	if said := "invalid go version '" + version[1] + version[2] + "'"; !strings.Contains(source(t, gettingStarted), said) {
		t.Errorf("an old Go says %s", said)
	}
}

func TestGettingStarted(t *testing.T) {
	t.Parallel()
	w := startWorld(t, [2]string{"web1", "logs.example.com"}, "5555", "2514", "9144")
	ran := 0
	for _, s := range steps(t, gettingStarted) {
		on := []*machine{w.machines[s.where]}
		switch s.where {
		case "":
			on = []*machine{w.machines["web1"], w.machines["logs.example.com"]}
		case "a machine":
			on = []*machine{w.machines["web1"]}
		}
		for _, m := range on {
			ran++
			var printed string
			if s.prints == "" {
				m.sh(t, s.script)
			} else if want := s.pattern(); !polled(patience, func() bool { printed = m.sh(t, s.script); return want.MatchString(printed) }) {
				t.Fatalf("%s, on %s:\n%s\nprinted\n%s\nwant\n%s", s.heading, m.name, s.script, printed, s.prints)
			}
			m.obey(t)
		}
	}
	if ran < 20 {
		t.Errorf("only %d commands were run", ran)
	}
	w.machines["web1"].stop(t)
	w.machines["logs.example.com"].stop(t)
}
