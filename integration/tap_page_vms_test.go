package integration

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/tap.md: components of many VMs, a hub on each, found by DNS, and teams that see their own.

// component is one of the page's programs that log and publish, to be run with an endpoint.
func component(t *testing.T, language, file string, n int) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, []byte(pageBlock(t, "### 5. ", language, n)), 0o600); err != nil {
		t.Fatal(err)
	}
	switch language {
	case "python":
		return exec.Command(python, path)
	case "js":
		cmd := exec.Command("node", path)
		cmd.Env = append(os.Environ(), "NODE_PATH="+repository()+"/.cache/node/node_modules")
		return cmd
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/component", path)
	build.Dir = repository() // whose go.mod has zmq4
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", file, err, out)
	}
	return exec.Command(dir + "/component")
}

// runsInto runs a component that publishes into a hub.
func runsInto(t *testing.T, component *exec.Cmd, endpoint string) *process {
	t.Helper()
	component.Args = append(component.Args, endpoint)
	return start(t, filepath.Base(component.Path), component)
}

// vmFlags returns what the page adds to a hub's flags on each VM, with other endpoints.
func vmFlags(t *testing.T, in, out string) []string {
	t.Helper()
	text := source(t, tapPage)
	added := regexp.MustCompile("`(--in tcp://127.0.0.1:5557 [^`]*)` added to its FLAGS").FindStringSubmatch(text)
	if added == nil {
		t.Fatal("the page adds nothing to the flags")
	}
	return strings.Fields(strings.NewReplacer("tcp://127.0.0.1:5557", in, "tcp://*:5558", out).Replace(added[1]))
}

// startVMs starts a hub on each of the page's hosts, with what they have on VMs, and a DNS server that knows them. It
// returns the hubs, the endpoint of each for its programs, and the server's address.
func startVMs(t *testing.T) (hubs []*hub, ins []string, server string) {
	t.Helper()
	addresses, port := []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"}, freePort(t)
	for i, address := range addresses {
		ins = append(ins, nowhere(t))
		hubs = append(hubs, pageHub(t, vmFlags(t, ins[i], "tcp://"+net.JoinHostPort(address, port))...))
	}
	return hubs, ins, startDNS(t, pageBlock(t, "### 1. ", "zone", 0), port, addresses...)
}

// brings reads what a reader gets until each pattern has matched a line. Each line must match one of them.
func brings(t *testing.T, next func(*testing.T) string, patterns ...string) {
	t.Helper()
	for seen := map[string]bool{}; len(seen) < len(patterns); {
		line := next(t)
		i := slices.IndexFunc(patterns, func(p string) bool { return regexp.MustCompile("^" + p + "$").MatchString(line) })
		if i < 0 {
			t.Fatalf("received %q, want one of %q", line, patterns)
		}
		seen[patterns[i]] = true
	}
}

// message returns the data of the next event that is a message.
func (r *receiver) message(t *testing.T) string {
	t.Helper()
	for {
		if line := r.next(t); strings.HasPrefix(line, `data: {"topic":`) {
			return line
		}
	}
}

// wantOfVMs checks what the page's three commands print, and returns what the component in Go goes on to publish.
func wantOfVMs(t *testing.T, curls []*receiver) (few string) {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host = regexp.QuoteMeta(host)
	few = `{"time":"\S+","level":"WARN","msg":"few left","host":"` + host + `","item":7}`
	brings(t, curls[0].next, `{"time": "\S+", "host": "`+host+`", "program": "billing", "level": "ERROR", "message": "no such account", `+
		`"traceback": "Traceback \(most recent call last\):\\n  File \\"\S+billing\.py\\", line \d+, in .*\\nKeyError: 'web'"}`)
	brings(t, curls[1].next, few,
		`{"time":"\S+","host":"`+host+`","level":"INFO","msg":"an order"}`,
		`{"time":"\S+","host":"`+host+`","level":"ERROR","msg":"TypeError: .*\\n    at .*shop\.js.*"}`)
	event := func(topic, message, fields string) string {
		return `data: {"topic":"` + topic + `","message":"` + message + `","received":"\S+",` + fields + `}`
	}
	brings(t, curls[2].message,
		event(`billing\.INFO`, `.*`, `"time":"\S+","host":"`+host+`","program":"billing","severity":"info","text":"an invoice of 12 EUR",.*`),
		event(`billing\.WARNING\.refund`, `.*`, `.*"host":"`+host+`","program":"billing","severity":"warning","text":"of 5 EUR",.*`),
		event(`billing\.ERROR`, `.*`, `.*"host":"`+host+`","program":"billing","severity":"err","text":"no such account",.*"Traceback .*`),
		event(`shop\.INFO`, `.*`, `.*"host":"`+host+`","severity":"info","text":"an order",.*`),
		event(`shop\.ERROR`, `.*`, `.*"host":"`+host+`","severity":"err","text":"TypeError: .*\\n    at .*`),
		event(`shop\.stock`, `.*`, `.*"host":"`+host+`","severity":"warning","text":"few left",.*`))
	return few
}

// Python, Node and Go on a VM each, and what each team reads of them through one zmqtap, over TLS.
func TestTapPageVMs(t *testing.T) {
	t.Parallel()
	if reason := leftOut("node"); reason != "" {
		t.Skip(reason)
	}
	dir := t.TempDir()
	hubs, ins, server := startVMs(t)
	writeCertificate(t, dir)
	if made := typed(t, dir, pageBlock(t, "### 6. ", "sh", 0)); made.exit(t) != 0 {
		t.Fatal("no tokens")
	}
	serve := typed(t, dir, "exec "+pageBlock(t, "### 6. ", "sh", 5, "0.0.0.0:8443", "127.0.0.1:0", "srv+tcp", "--dns "+server+" srv+tcp"))
	site := strings.TrimSuffix(serve.served(t), "/")

	if code := runsInto(t, component(t, "python", "billing.py", 1), ins[0]).exit(t); code != 0 {
		t.Fatalf("billing.py ended with %d", code)
	}
	if code := runsInto(t, component(t, "js", "shop.js", 0), ins[1]).exit(t); code != 0 {
		t.Fatalf("shop.js ended with %d", code)
	}
	stock := component(t, "go", "stock.go", 0)
	runsInto(t, stock, ins[2])

	trust := "CURL_CA_BUNDLE=" + filepath.Join(dir, "cert.pem")
	var curls []*receiver
	for line := range strings.Lines(pageBlock(t, "### 6. ", "sh", 6, "https://logs.example.com:8443", site)) {
		curls = append(curls, typed(t, dir, line, trust))
	}
	few := wantOfVMs(t, curls)
	if page := typed(t, dir, "curl --silent --output /dev/null --write-out '%{http_code}\n' "+site+"/", trust).next(t); page != "200" {
		t.Errorf("the page: %s", page)
	}

	hubs[2].stop(t) // and the component in Go connects again, as the page says
	startTap(t, hubs[2].cmd.Args[1:]...)
	brings(t, startTapPrinter(t, "--raw", hubs[2].out).next, few)
	serve.stop(t)
}
