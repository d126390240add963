package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/security.md, executed as it stands. Its hosts are folders here.

const (
	securityPage = "docs/security.md"
	keysFolder   = "/etc/rsyslog-zeromq"
	logsHost     = "logs.example.com"
)

// hosts are logs.example.com, web1, web2 and web3. Each has a folder, which is its /etc/rsyslog-zeromq.
type hosts struct {
	dir, endpoint string
	to            *rsyslogd // behind imzmq
	imzmq         *process
}

// etc is a file of a host.
func (h *hosts) etc(host, name string) string { return filepath.Join(h.dir, host, name) }

// on runs a script on a host. Lines with ssh run on those that they name.
func (h *hosts) on(t *testing.T, host, script string) {
	t.Helper()
	var here strings.Builder
	for line := range strings.Lines(script) {
		if !strings.Contains(line, "ssh ") {
			line = strings.ReplaceAll(line, keysFolder, h.etc(host, ""))
		}
		here.WriteString(strings.ReplaceAll(line, "/usr/libexec/rsyslog", built))
	}
	prelude := `set -e -o pipefail
		sudo() { "$@"; }
		hostname() { echo ` + host + `; }
		ssh() { local on=$1; shift; bash -e -c "$(echo "$*" | sed "s|` + keysFolder + `|` + h.dir + `/$on|g")"; }
		pkill() { [ "$*" = "-TERM -x omzmq" ] && kill -TERM $(cat ` + h.dir + `/pids); }
		systemctl() { echo "$*" >>` + h.dir + `/systemctl; }
		export -f sudo
	`
	if out, err := exec.Command("bash", "-c", prelude+here.String()).CombinedOutput(); err != nil {
		t.Fatalf("on %s: %v\n%s\n%s", host, err, here.String(), out)
	}
}

// block is the nth block of the page under a heading, in sh.
func (h *hosts) block(t *testing.T, heading string, n int) string {
	t.Helper()
	return documented(t, securityPage, heading, "sh", n)
}

const ceremony = "## Two minutes to encrypted logs"

// holdCeremony makes and exchanges the certificates, and starts imzmq.
func holdCeremony(t *testing.T) *hosts {
	t.Helper()
	h := &hosts{dir: folder(t), endpoint: nowhere(t), to: startRsyslogd(t, preamble+relpToFileAtOnce)}
	h.on(t, logsHost, h.block(t, ceremony, 0))
	for _, web := range []string{"web1", "web2", "web3"} {
		h.on(t, web, h.block(t, ceremony, 1))
	}
	h.on(t, "anywhere", h.block(t, ceremony, 2))
	h.start(t)
	return h
}

// start starts imzmq as step 4 says.
func (h *hosts) start(t *testing.T) {
	t.Helper()
	command := strings.Fields(documented(t, securityPage, ceremony, "sh", 3, "\\\n", "", packagedImzmq, program("imzmq"),
		"tcp://*:5555", h.endpoint, "127.0.0.1:2514", "127.0.0.1:"+h.to.relp, keysFolder, h.etc(logsHost, "")))
	h.imzmq = start(t, "imzmq", exec.Command(command[0], command[1:]...))
	h.imzmq.logged(t, "msg=listening")
}

// flags are omzmq's on a client, as step 5 says.
func (h *hosts) flags(t *testing.T, web string) string {
	t.Helper()
	line := documented(t, securityPage, ceremony, "rsyslog", 0, "tcp://"+logsHost+":5555", h.endpoint,
		keysFolder, h.etc(web, ""), "/var/spool/rsyslog/omzmq", "[dir]/journals")
	return regexp.MustCompile(`omzmq (.*)"\n`).FindStringSubmatch(line)[1]
}

func TestSecurityPageCeremony(t *testing.T) {
	h := holdCeremony(t)
	l := lines{seed: 51, longest: 300}
	arrived := l.account(h.to.file("out"), 3)
	for i, web := range []string{"web1", "web2", "web3"} {
		from := startRsyslogd(t, preamble+wayIn+toOmzmq(h.flags(t, web), memoryQueue))
		from.feed(t, l, i, i+1)
		eventually(t, patience, "a line of "+web+" arrives", func() bool { return arrived.has(t, i+1) })
		h.imzmq.wantUser(t, web)
		from.stop(t)
	}
	check := strings.Fields(documented(t, securityPage, ceremony, "sh", 4, "tcp://"+logsHost+":5555", h.endpoint))
	stranger := startTap(t, check[1:]...)
	if code := stranger.exit(t); code != 1 {
		t.Errorf("%q ended with %d", check, code)
	}
	stranger.logged(t, `reason="security mismatch: `)
	h.imzmq.logged(t, `msg="connection refused" .*reason="security mismatch: `)
	h.imzmq.stop(t)
	h.to.stop(t)
	arrived.settle(t, false)
}

// Both keys are changed while messages flow from web1. None is lost. Few are repeated: rsyslog does that when omzmq
// ends between two batches, and the test's feeder sends again what a restarted rsyslogd had not acknowledged.
func TestSecurityPageKeysChange(t *testing.T) {
	h := holdCeremony(t)
	l := lines{seed: 52, longest: 300}
	const most = 1 << 20
	flags := h.flags(t, "web1")
	from := startRsyslogd(t, preamble+relpToRuleset+toOmzmq(flags, diskQueue))
	feeder := startFeeder(t, from.relp, l, 2000, most)
	arrived := l.account(h.to.file("out"), most)
	flows := func() {
		t.Helper()
		n := arrived.arrived + 1000
		eventually(t, patience, "messages flow", func() bool { return arrived.has(t, n) })
	}
	restart := func(flags string) {
		t.Helper()
		conf, err := os.ReadFile(from.file("rsyslog.conf"))
		if err != nil {
			t.Fatal(err)
		}
		from.stop(t)
		conf = regexp.MustCompile(`binary="\S+ .*?"`).ReplaceAllLiteral(conf,
			fmt.Appendf(nil, "binary=%q", program("omzmq")+" "+strings.ReplaceAll(flags, "[dir]", from.dir)))
		if err := os.WriteFile(from.file("rsyslog.conf"), conf, 0o600); err != nil {
			t.Fatal(err)
		}
		from.again(t)
	}
	flows()

	client := "### A client's key"
	h.on(t, "web1", h.block(t, client, 0))
	h.on(t, "anywhere", h.block(t, client, 1))
	h.imzmq.logged(t, `msg="allowed clients have changed" .*clients=4 added="1: web1"`)
	omzmqs := fmt.Sprint(children(t, from.pid(), "omzmq"))
	if err := os.WriteFile(h.dir+"/pids", []byte(strings.Trim(omzmqs, "[]")), 0o600); err != nil {
		t.Fatal(err)
	}
	h.on(t, "web1", h.block(t, client, 2))
	h.imzmq.count(t, 2, "user=web1 ")
	flows()
	h.on(t, logsHost, h.block(t, client, 3))
	h.imzmq.count(t, 2, `msg="allowed clients have changed"`)
	flows()

	server := "### The server's key"
	h.on(t, logsHost, h.block(t, server, 0))
	h.on(t, "anywhere", h.block(t, server, 1))
	restart(flags + " --curve-server-key " + h.etc("web1", "server-new"))
	flows()
	before := h.imzmq.logged(t, `public key" key=(\S+)`)[1]
	h.on(t, logsHost, h.block(t, server, 2))
	if asked, _ := os.ReadFile(h.dir + "/systemctl"); string(asked) != "restart imzmq\n" {
		t.Errorf("systemctl is asked to %q", asked)
	}
	h.imzmq.stop(t)
	h.start(t)
	if h.imzmq.logged(t, `public key" key=(\S+)`)[1] == before {
		t.Error("the server has its old key")
	}
	flows()
	if err := copyKey(h.etc("web1", "server"), h.etc("web1", "server-new")); err != nil {
		t.Fatal(err)
	}
	restart(flags)
	flows()

	sent := feeder.stop(t)
	eventually(t, patience, "every message arrives", func() bool { return arrived.has(t, sent) })
	from.stop(t)
	wantNoJournals(t, from.file("journals"))
	h.imzmq.stop(t)
	h.to.stop(t)
	arrived.expect(sent)
	arrived.settle(t, true)
}

func copyKey(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

func TestSecurityPagePlain(t *testing.T) {
	c := makeKeyring(t)
	receive, send, _ := strings.Cut(documented(t, securityPage, "## PLAIN", "sh", 0, keysFolder, c.dir, ":5555", ":"+freePort(t)), "\n")
	imzmq := startPrinter(t, strings.Fields(receive)[1:]...)
	d := drive(t, strings.Fields(send)[1:]...)
	d.commits(t, "<13>a")
	imzmq.expect(t, "<13>a")
	imzmq.wantUser(t, "logs")
	if log := imzmq.stderr.String() + d.stderr.String(); strings.Contains(log, "PLAIN encrypts nothing") {
		t.Errorf("it warns on loopback: %s", log)
	}
}

// Each phrase in the page's table is a program's, word for word; an ellipsis stands for what varies.
func TestSecurityPageQuotesMessages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(), securityPage))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What the log says\n")
	section, _, _ = strings.Cut(section, "\n## ")
	source := regexp.MustCompile(`" \+\n\s*"`).ReplaceAllString(sources(t), "")
	seen := 0
	for _, row := range regexp.MustCompile(`(?m)^\| \*([^|*]*)\*`).FindAllStringSubmatch(section, -1) {
		seen++
		for _, part := range regexp.MustCompile(`[:,]? *…,?|: `).Split(row[1], -1) {
			if part = strings.TrimSpace(part); !strings.Contains(source, part) {
				t.Errorf("no program logs %q of %q", part, row[1])
			}
		}
	}
	if seen < 13 {
		t.Errorf("only %d phrases were found", seen)
	}
}
