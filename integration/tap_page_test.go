package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// docs/tap.md, executed as it stands except for addresses and paths.

const (
	tapPage        = "docs/tap.md"
	packagedZmqtap = "/usr/bin/zmqtap"
)

func pageBlock(t *testing.T, heading, language string, n int, oldnew ...string) string {
	t.Helper()
	return documented(t, tapPage, heading, language, n, oldnew...)
}

// typed runs a script in dir as a person would type it, with zmqtap in PATH. Everything it starts ends with
// the test.
func typed(t *testing.T, dir, script string, environment ...string) *receiver {
	t.Helper()
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+built+":"+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return startReceiver(t, "typed", cmd)
}

// typedLines runs each line of a block separately.
func typedLines(t *testing.T, block string) (all []*receiver) {
	t.Helper()
	for line := range strings.Lines(block) {
		all = append(all, typed(t, t.TempDir(), line))
	}
	return all
}

// pageHub starts a hub with the page's flags, with its sockets in a folder of their own.
func pageHub(t *testing.T, more ...string) *hub {
	t.Helper()
	dir := folder(t)
	file := pageBlock(t, "## In five minutes", "sh", 0, "/run/zmqtap-hub/main/", dir+"/")
	flags := strings.Fields(regexp.MustCompile(`(?m)^FLAGS=(.*)$`).FindStringSubmatch(file)[1])
	h := &hub{in: "ipc://" + dir + "/in", out: "ipc://" + dir + "/out"}
	h.process = startTap(t, slices.Concat([]string{"hub"}, flags, more)...)
	h.served(t)
	return h
}

func (h *hub) dir() string { return filepath.Dir(strings.TrimPrefix(h.in, "ipc://")) }

// loggedBy returns a line that a program on a host has logged.
func loggedBy(program, host, text string) string {
	return fmt.Sprintf("<86>1 2026-01-02T03:04:05Z %s %s 42 - - %s", host, program, text)
}

// wantOnly checks that each reader gets something, and only lines that match its pattern.
func wantOnly(t *testing.T, send func(), readers []*receiver, patterns ...string) {
	t.Helper()
	if len(readers) != len(patterns) {
		t.Fatalf("%d commands, want %d", len(readers), len(patterns))
	}
	var some []func() bool
	for _, r := range readers {
		some = append(some, func() bool { return len(r.lines) >= 4 }) // more than one round: by then other lines would have arrived, too
	}
	warmed(t, send, some...)
	for i, r := range readers {
		for len(r.lines) > 0 {
			if line := r.next(t); !regexp.MustCompile(patterns[i]).MatchString(line) {
				t.Errorf("command %d printed %q, want %s", i, line, patterns[i])
			}
		}
	}
}

func TestTapPageFiveMinutes(t *testing.T) {
	h := pageHub(t)
	from := intoHub(t, h)
	out := []string{"ipc:///run/zmqtap-hub/main/out", h.out}
	commands := typedLines(t, pageBlock(t, "## In five minutes", "sh", 2, out...)+pageBlock(t, "## In five minutes", "sh", 3, out...))
	wantOnly(t, func() {
		from.logLines(t, loggedBy("sshd", "web1", "Failed password"), loggedBy("sshd-keygen", "web1", "hello"), loggedBy("sudo", "web2", "hello"))
	}, commands,
		`^\S+ \S+ (sshd\[42\]|sshd-keygen\[42\]|sudo\[42\]|rsyslogd(\[\d+\])?) (info|notice|warn|error) +\S`,
		`^\S+ (web1 sshd|web2 sudo)\[42\] info   (Failed password|hello)$`,
		`^\S+ web1 sshd\[42\] info   Failed password$`,
		`^<86>1 2026-01-02T03:04:05\S* web1 sshd 42 - - Failed password$`,
		`^\{"topic":"[a-z-]+/[^"]+/","message":"<\d+>1 .*","received":".*Z","time":".*","host":"web\d","program":"[a-z-]+","pid":"42",`+
			`"facility":"authpriv","severity":"info","text":".*"\}$`,
		``)
	from.stop(t)
	h.stop(t)
}

// pageHosts starts a hub and an rsyslogd for each address, all on one port.
func pageHosts(t *testing.T, addresses ...string) (hosts []*rsyslogd, port string) {
	t.Helper()
	port = freePort(t)
	for _, address := range addresses {
		hosts = append(hosts, intoHub(t, pageHub(t, "--out", "tcp://"+net.JoinHostPort(address, port))))
	}
	return hosts, port
}

// logEverywhere has each host log text, as web1, web2, …
func logEverywhere(t *testing.T, hosts []*rsyslogd, text string) {
	t.Helper()
	for i, r := range hosts {
		name := fmt.Sprintf("web%d", i+1)
		r.logLines(t, loggedBy("sshd", name, text), loggedBy("sshd-keygen", name, text))
	}
}

func TestTapPageOneProgramOnManyHosts(t *testing.T) {
	hosts, port := pageHosts(t, "127.0.0.2", "127.0.0.3", "127.0.0.4")
	taps := typedLines(t, pageBlock(t, "### 1. ", "sh", 0, "web1.example.com:5558", "127.0.0.2:"+port,
		"web2.example.com:5558", "127.0.0.3:"+port, "web3.example.com:5558", "127.0.0.4:"+port))
	wantFromEverywhere(t, hosts, taps[0])
}

// wantFromEverywhere waits until a tap has shown sshd's lines from every host. It must show no other program's
// lines.
func wantFromEverywhere(t *testing.T, hosts []*rsyslogd, tap *receiver) {
	t.Helper()
	seen := map[string]bool{}
	eventually(t, patience, "the tap shows every host", func() bool {
		logEverywhere(t, hosts, "session opened")
		for len(tap.lines) > 0 {
			line := tap.next(t)
			found := regexp.MustCompile(`^\S+ (web\d) sshd\[42\] info   session opened$`).FindStringSubmatch(line)
			if found == nil {
				t.Fatalf("the tap shows %q", line)
			}
			seen[found[1]] = true
		}
		return len(seen) == len(hosts)
	})
}

func TestTapPagePython(t *testing.T) {
	h := pageHub(t)
	from := intoHub(t, h)
	script := filepath.Join(t.TempDir(), "follow.py")
	if err := os.WriteFile(script, []byte(pageBlock(t, "### 2. ", "python", 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	follow := startReceiver(t, "follow.py", exec.Command(python, script, "sshd/", h.out))
	all := startReceiver(t, "follow.py", exec.Command(python, script, "", h.out))
	piped := typed(t, t.TempDir(), pageBlock(t, "### 2. ", "sh", 0, "tcp://web1.example.com:5558", h.out))
	other := typed(t, t.TempDir(), pageBlock(t, "### 2. ", "sh", 0, "tcp://web1.example.com:5558", h.out, "--topic sshd/", "--topic billing."))
	pub := startPeer(t, "PUB", "--connect", h.in)
	wantOnly(t, func() {
		from.logLines(t, loggedBy("sshd", "web1", "hä?"), loggedBy("sudo", "web1", "hello"))
		pub.send(t, "billing.ERROR", "no\x1b[2J account\n")
		pub.send(t, "a topic and a message")
	}, []*receiver{follow, all, piped, other},
		`^sshd/web1/ <86>1 2026-01-02T03:04:05\S* web1 sshd 42 - - hä\?$`,
		`^(\S+/ <\d+>1 .*|billing\.ERROR no\x{fffd}\[2J account|a topic and a message)$`,
		`^2026-01-02T03:04:05\S* web1 info hä\?$`,
		`^(None None err no\x1b\[2J account|)$`) // with the line feed that it ends with
	from.stop(t)
	h.stop(t)
}

func TestTapPageCurl(t *testing.T) {
	h := pageHub(t)
	from := intoHub(t, h)
	serve := startTap(t, append(strings.Fields(pageBlock(t, "### 3. ", "sh", 0,
		"127.0.0.1:8080", "127.0.0.1:0", "tcp://web1.example.com:5558 tcp://web2.example.com:5558", h.out)), "--log-level", "debug")[1:]...)
	site := strings.TrimSuffix(serve.served(t), "/")
	log := func() {
		from.logLines(t, loggedBy("sshd", "web1", "Failed password"), loggedBy("sshd-keygen", "web1", "hello"), loggedBy("sudo", "web1", "hello"))
	}
	warmed(t, log, follow(t, site+"/stream").some) // the server thus remembers something
	curls := typedLines(t, pageBlock(t, "### 3. ", "sh", 1, "http://127.0.0.1:8080", site)+
		pageBlock(t, "### 3. ", "sh", 2, "http://127.0.0.1:8080", site)+
		pageBlock(t, "### 3. ", "sh", 3, "/run/zmqtap-hub/main/", h.dir()+"/"))
	const events = `^(retry: 2000||event: gap|event: status|id: [0-9a-f]{8}-\d+|data: \{.*\}|:)$`
	wantOnly(t, log, curls, `web1`,
		`^<86>1 \S+ web1 (sshd|sudo) 42 - - (Failed password|hello)$`,
		`^<86>1 \S+ web1 sshd 42 - - Failed password$`,
		`web1`, events, events, `web1`)
	from.stop(t)
	serve.stop(t)
	h.stop(t)
}

func TestTapPageRates(t *testing.T) {
	t.Parallel()
	pub := repeating(t, "auth.info", loggedBy("sshd", "web1", "hello"))
	dir := t.TempDir()
	block := pageBlock(t, "## Who logs how much", "sh", 0, "tcp://127.0.0.1:5556", pub.endpoint, "10s", "2s")
	commands := strings.SplitAfter(strings.TrimSuffix(block, "\n"), "\n")
	if len(commands) != 3 {
		t.Fatalf("%d commands", len(commands))
	}
	for i, want := range []string{`^ +[0-9.]+ +[0-9.]+ (Ki)?B/s +[0-9]+  auth\.info$`, `^ +[0-9.]+ +[0-9.]+ (Ki)?B/s +[0-9]+  web1$`} {
		r := typed(t, dir, commands[i])
		for found := false; !found; {
			found = regexp.MustCompile(want).MatchString(r.next(t))
		}
	}
	if code := typed(t, dir, commands[2]).exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if rates, err := os.ReadFile(filepath.Join(dir, "rates")); err != nil || !strings.Contains(string(rates), "  auth.info\n") {
		t.Errorf("%q, %v", rates, err)
	}
}
