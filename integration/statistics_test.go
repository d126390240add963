package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const operatingPage = "docs/operating.md"

// statistics returns the lines of numbers in a log, as maps.
func statistics(t *testing.T, log string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, `{"name"`) {
			var numbers map[string]any
			if err := json.Unmarshal([]byte(line), &numbers); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			lines = append(lines, numbers)
		}
	}
	return lines
}

// has reports whether the newest line of numbers has these.
func has(t *testing.T, log string, want map[string]float64) bool {
	t.Helper()
	lines := statistics(t, log)
	if len(lines) == 0 {
		return false
	}
	for key, value := range want {
		if lines[len(lines)-1][key] != value {
			return false
		}
	}
	return true
}

// Every program counts what goes through it, and rsyslogd reads omzmq's numbers back with the page's configuration.
func TestStatistics(t *testing.T) {
	t.Parallel()
	const messages = 1000
	l := lines{seed: 77}
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--name", "a receiver", "--stats-interval", "100ms")
	config := documented(t, operatingPage, "## Into rsyslog", "rsyslog", 0,
		"/var/log/omzmq.log", "[dir]/omzmq.log", "/var/log/omzmq-statistics.log", "[dir]/statistics.log")
	from := startRsyslogd(t, preamble+wayIn+config+
		toOmzmq("--stats-interval 100ms --connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue))
	from.feed(t, l, 0, messages)
	confirmed := regexp.MustCompile(`(?m)^\S+ omzmq pid=[1-9]\d* confirmed=1000 unconfirmed=0$`)
	eventually(t, patience, "rsyslogd has read that all is confirmed", func() bool {
		text, _ := os.ReadFile(from.file("statistics.log")) // may not exist yet
		return confirmed.Match(text)
	})
	eventually(t, patience, "imzmq says that all is stored", func() bool {
		return has(t, imzmq.stderr.String(), map[string]float64{"received_total": messages, "stored_total": messages, "peers": 1})
	})
	from.stop(t)
	imzmq.stop(t)
	text, err := os.ReadFile(from.file("omzmq.log"))
	if err != nil {
		t.Fatal(err)
	}
	if last := map[string]float64{"received_total": messages, "confirmed_total": messages, "failed_total": 0, "unconfirmed": 0}; !has(t, string(text), last) {
		t.Errorf("omzmq's last line is not %v:\n%s", last, tail(string(text), 1000))
	}
	if first := statistics(t, imzmq.stderr.String())[0]; first["name"] != "a receiver" || first["origin"] != "imzmq" {
		t.Errorf("imzmq says %v", first)
	}
}

// The page explains every number, and has no others.
func TestStatisticsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(repository() + "/" + operatingPage)
	if err != nil {
		t.Fatal(err)
	}
	hub := startTap(t, "hub", "--in", "tcp://127.0.0.1:0", "--out", "tcp://127.0.0.1:0", "--stats-interval", "100ms")
	serve := startTap(t, "serve", "--http", "127.0.0.1:0", "--bind", "tcp://127.0.0.1:0", "--stats-interval", "100ms")
	print := startTap(t, "--bind", "tcp://127.0.0.1:0", "--stats-interval", "100ms")
	stdout := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--stats-interval", "100ms")
	kafka := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "kafka://"+strings.TrimPrefix(nowhere(t), "tcp://")+"/logs",
		"--stats-interval", "100ms")
	cmd := exec.Command(program("omzmq"), "--bind", "tcp://127.0.0.1:0", "--stats-interval", "100ms")
	if _, err := cmd.StdinPipe(); err != nil { // it is left open
		t.Fatal(err)
	}
	omzmq := start(t, "omzmq", cmd)
	for _, p := range []*process{hub, serve, print, stdout, kafka, omzmq} {
		eventually(t, patience, "numbers", func() bool { return len(statistics(t, p.stderr.String())) > 0 })
		numbers := statistics(t, p.stderr.String())[0]
		_, section, found := strings.Cut(string(page), "| "+numbers["origin"].(string)+" | |\n")
		if !found {
			t.Fatalf("%s has no table for %v", operatingPage, numbers["origin"])
		}
		section, _, _ = strings.Cut(section, "\n\n")
		for key := range numbers {
			if key != "name" && key != "origin" && key != "pid" && !strings.Contains(section, "`"+key+"`") {
				t.Errorf("%s does not explain %s's %s", operatingPage, numbers["origin"], key)
			}
		}
	}
}
