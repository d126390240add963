package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// prometheus is a real one that scrapes every second.
type prometheus struct {
	*process
	at string
}

// startPrometheus starts one that scrapes addresses, with the rules that are shipped, which here wait for nothing.
func startPrometheus(t *testing.T, addresses ...string) *prometheus {
	t.Helper()
	dir := folder(t)
	rules, err := os.ReadFile(repository() + "/packaging/prometheus/rsyslog-zeromq.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	soon := regexp.MustCompile(`(?m)^ +for: .*\n`).ReplaceAll(rules, nil)
	config := fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s/rules.yml]
scrape_configs:
  - job_name: rsyslog-zeromq
    static_configs: [{targets: ["%s"]}]
`, dir, strings.Join(addresses, `", "`))
	for name, text := range map[string][]byte{"rules.yml": soon, "prometheus.yml": []byte(config)} {
		if err := os.WriteFile(dir+"/"+name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &prometheus{at: "127.0.0.1:" + freePort(t)}
	p.process = start(t, "prometheus", exec.Command("prometheus", "--config.file="+dir+"/prometheus.yml",
		"--storage.tsdb.path="+dir+"/data", "--web.listen-address="+p.at))
	eventually(t, patience, "Prometheus is ready", func() bool {
		response, err := http.Get("http://" + p.at + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return p
}

// results returns how many series a query has, and the first one's value.
func (p *prometheus) results(t *testing.T, query string) (n int, value string) {
	t.Helper()
	response, err := http.Get("http://" + p.at + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	var answer struct {
		Status, Error string
		Data          struct{ Result []struct{ Value [2]any } }
	}
	if err != nil || json.Unmarshal(body, &answer) != nil || answer.Status != "success" {
		t.Fatalf("Prometheus refuses %s: %v %s", query, err, body)
	}
	if n = len(answer.Data.Result); n > 0 {
		value = fmt.Sprint(answer.Data.Result[0].Value[1])
	}
	return n, value
}

// firing waits until an alert fires, or no longer does.
func (p *prometheus) firing(t *testing.T, alert string, fires bool) {
	t.Helper()
	what := map[bool]string{true: "%s fires", false: "%s no longer fires"}[fires]
	eventually(t, patience, fmt.Sprintf(what, alert), func() bool {
		n, _ := p.results(t, fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing"}`, alert))
		return n > 0 == fires
	})
}

// dashboardQueries returns the shipped dashboard's queries as Grafana sends them, by their panels.
func dashboardQueries(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(repository() + "/packaging/grafana/rsyslog-zeromq.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title, Type string
			ID          int
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	queries := make(map[string][]string)
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			query := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			name := fmt.Sprintf("%d %s", p.ID, p.Title)
			queries[name] = append(queries[name], query)
		}
	}
	if len(queries) < 15 {
		t.Fatalf("%d panels have queries", len(queries))
	}
	return queries
}

// A real Prometheus scrapes all three programs: every query of the dashboard has data. Then the receiver is killed: the
// alerts about it fire, and clear when it is back.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	ports := []string{"127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t)}
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--metrics", ports[0])
	endpoint := "tcp://127.0.0.1:" + imzmq.boundPort(t)
	startTap(t, "hub", "--in", "tcp://127.0.0.1:0", "--out", "tcp://127.0.0.1:0", "--metrics", ports[1])
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--send-timeout 1s --reconnect-max 200ms --metrics "+ports[2]+
		" --journal [dir]/journal --connect "+endpoint+" --connect "+nowhere(t), memoryQueue))
	l := lines{seed: 80}
	p := startPrometheus(t, ports...)
	fed := 0
	feed := func() { from.feed(t, l, fed, fed+10); fed += 10 }
	for panel, queries := range dashboardQueries(t) {
		for _, query := range queries {
			eventually(t, patience, fmt.Sprintf("the panel %q has data: %s", panel, query), func() bool {
				feed()
				n, value := p.results(t, query)
				return n > 0 && value != "NaN"
			})
		}
	}
	p.firing(t, "OmzmqReceiverAway", true) // one of the two
	p.firing(t, "OmzmqFailing", false)

	imzmq.kill()
	feed()
	p.firing(t, "OmzmqFailing", true)
	p.firing(t, "ZeromqUnwell", true)
	again := startImzmq(t, "--bind", endpoint, "--to", "-", "--metrics", ports[0])
	p.firing(t, "OmzmqFailing", false)
	from.stop(t)
	again.stop(t)
}

// promtool, which knows the text format and the rules' language, finds nothing wrong; its tests let each alert fire and
// clear.
func TestPromtool(t *testing.T) {
	t.Parallel()
	rules := repository() + "/packaging/prometheus/rsyslog-zeromq.rules.yml"
	tests := repository() + "/packaging/prometheus/rsyslog-zeromq.test.yml"
	for _, args := range [][]string{{"check", "rules", rules}, {"test", "rules", tests}} {
		if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	tested, err := os.ReadFile(tests)
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(string(tested), `alertname="`+alert[1]+`"`) {
			t.Errorf("%s is not tested", alert[1])
		}
	}
	address := "127.0.0.1:" + freePort(t)
	startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--metrics", address)
	var body []byte
	eventually(t, patience, "metrics", func() bool {
		response, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err = io.ReadAll(response.Body)
		return err == nil
	})
	lint := exec.Command("promtool", "check", "metrics")
	lint.Stdin = strings.NewReader(string(body))
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
