package integration

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// The page's table of what is not well has every line that status can print.
func TestOperatingPageProblems(t *testing.T) {
	t.Parallel()
	page := documentText(t, operatingPage)
	_, table, found := strings.Cut(page, "| line | meaning |")
	table, _, _ = strings.Cut(table, "\n\n")
	source := documentText(t, "pkg/status/problems.go")
	formats := regexp.MustCompile(`r\.add\([^"]*"([^"]+)"`).FindAllStringSubmatch(source, -1)
	if !found || len(formats) < 10 {
		t.Fatalf("%d problems", len(formats))
	}
	for _, format := range formats {
		words := strings.Split(strings.NewReplacer("%d", "%s", "messages%s", "messages").Replace(regexp.QuoteMeta(format[1])), "%s")
		if line := regexp.MustCompile(`(?m)^\|.*` + strings.Join(words, `[A-Z]+`)); !line.MatchString(table) {
			t.Errorf("%s does not explain %q", operatingPage, format[1])
		}
	}
}

func documentText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(repository() + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The page explains every metric of every program, and its configuration is one that Prometheus takes.
func TestOperatingPageMetrics(t *testing.T) {
	t.Parallel()
	page := documentText(t, operatingPage)
	dir := folder(t)
	ports := []string{"127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t)}
	startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://"+strings.TrimPrefix(nowhere(t), "tcp://"), "--metrics", ports[0])
	startTap(t, "hub", "--in", "tcp://127.0.0.1:0", "--out", "tcp://127.0.0.1:0", "--metrics", ports[1])
	omzmq := exec.Command(program("omzmq"), "--connect", nowhere(t), "--journal", dir+"/journal", "--metrics", ports[2])
	if _, err := omzmq.StdinPipe(); err != nil { // it is left open
		t.Fatal(err)
	}
	start(t, "omzmq", omzmq)
	explained := regexp.MustCompile("`(?:…_)?([a-z_]+)`")
	names := make(map[string]bool)
	for _, name := range explained.FindAllStringSubmatch(page, -1) {
		names[name[1]] = true
	}
	prefix := regexp.MustCompile(`^(omzmq|imzmq|zmqtap)_`)
	for _, port := range ports {
		n := 0
		for _, name := range metricNames(t, port) {
			if own := prefix.ReplaceAllString(name, ""); own != name {
				n++
				if !names[own] {
					t.Errorf("%s does not explain %s", operatingPage, name)
				}
			}
		}
		if n < 8 {
			t.Errorf("%d metrics at %s", n, port)
		}
	}
	config := strings.ReplaceAll(documented(t, operatingPage, "## Prometheus", "yaml", 0),
		"rsyslog-zeromq.rules.yml", repository()+"/packaging/prometheus/rsyslog-zeromq.rules.yml")
	if err := os.WriteFile(dir+"/prometheus.yml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("promtool", "check", "config", dir+"/prometheus.yml").CombinedOutput(); err != nil {
		t.Errorf("promtool check config: %v\n%s", err, out)
	}
}

// metricNames returns the names of what a program publishes.
func metricNames(t *testing.T, address string) (names []string) {
	t.Helper()
	eventually(t, patience, "metrics", func() bool {
		response, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		for name := range families {
			names = append(names, name)
		}
		return true
	})
	return names
}
