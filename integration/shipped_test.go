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

// The files of rsyslog.d/, started as they are except for addresses and paths.

// shipped reads a file of rsyslog.d/. oldnew are pairs of what its user may replace; each must occur in the
// file.
func shipped(t *testing.T, name string, oldnew ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), "rsyslog.d", name))
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(conf, oldnew[i]) {
			t.Fatalf("%s does not contain %q", name, oldnew[i])
		}
		conf = strings.ReplaceAll(conf, oldnew[i], oldnew[i+1])
	}
	return conf
}

// omprogLoaded is the file that loads omprog for those that do not.
func omprogLoaded(t *testing.T) string {
	t.Helper()
	return shipped(t, "29-omprog.conf")
}

// likeDebian surrounds the included file with what Debian's rsyslog.conf has. The default rules write to
// "syslog", and there is a way in for the test.
func likeDebian(included string) string {
	return `
global(workDirectory="[dir]")
module(load="imptcp")
input(type="imptcp" address="127.0.0.1" port="0" listenPortFileName="[dir]/in.port")
` + included + `
template(name="test" type="string" string="%timestamp:::date-rfc3339% %hostname% %syslogtag% %pri-text%%msg:::sp-if-no-1st-sp%%msg%\n")
*.* action(type="omfile" file="[dir]/syslog" template="test")
`
}

const (
	packagedOmzmq = "/usr/libexec/rsyslog/omzmq"
	packagedImzmq = "/usr/libexec/rsyslog/imzmq"
)

// written are lines as they are logged at the first rsyslog; read is how the second one writes them.
var written = []string{
	`<165>1 2026-01-02T03:04:05.678901+02:00 web-1 app 4711 ID7 [a@1 b="c"] said "hello" \ 100% ä 🙂`,
	`<86>Oct 11 22:14:15 web-2 sshd[42]: Failed password for root`,
	`<13>1 2026-01-02T03:04:05Z web-3 tag - - - BEGIN TRANSACTION`,
}

var read = []*regexp.Regexp{
	regexp.MustCompile(`^2026-01-02T03:04:05\.678901\+02:00 web-1 app\[4711\] local4\.notice said "hello" \\ 100% ä 🙂$`),
	regexp.MustCompile(`^\d{4}-10-11T22:14:15\S* web-2 sshd\[42\]:? authpriv\.info Failed password for root$`),
	regexp.MustCompile(`^2026-01-02T03:04:05\S* web-3 tag user\.notice BEGIN TRANSACTION$`),
}

// wantRead waits until each pattern of read has a matching line in the file.
func wantRead(t *testing.T, file string) {
	t.Helper()
	var text []byte
	defer func() {
		if t.Failed() {
			t.Logf("%s:\n%s", file, text)
		}
	}()
	eventually(t, patience, "the lines arrive with host, tag, severity and time", func() bool {
		text, _ = os.ReadFile(file) // may not exist yet
		for _, line := range read {
			if !regexp.MustCompile(`(?m)` + line.String()).Match(text) {
				return false
			}
		}
		return true
	})
}

// logLines sends lines to rsyslogd by its way in.
func (r *rsyslogd) logLines(t *testing.T, lines ...string) {
	t.Helper()
	conn := r.input(t)
	defer conn.Close()
	if _, err := fmt.Fprint(conn, strings.Join(lines, "\n")+"\n"); err != nil {
		t.Fatal(err)
	}
}

// unitCommand returns the command line in the systemd unit that is in the file's comment.
func unitCommand(t *testing.T, conf string) []string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^#\tExecStart=(.*)$`).FindStringSubmatch(conf)
	if found == nil {
		t.Fatal("no ExecStart= in the comment")
	}
	return strings.Fields(found[1])
}

// startShippedSender starts an rsyslogd with 30-omzmq-acknowledged.conf.
func startShippedSender(t *testing.T, endpoint string, oldnew ...string) *rsyslogd {
	t.Helper()
	return startRsyslogd(t, likeDebian(shipped(t, "30-omzmq-acknowledged.conf", append(oldnew,
		packagedOmzmq, program("omzmq"), "tcp://logs.example.com:5555", endpoint, "/var/log/", "[dir]/", "/var/spool/rsyslog/", "[dir]/")...)))
}

func TestShippedAcknowledgedAndRELP(t *testing.T) {
	conf := shipped(t, "30-imzmq-relp.conf", "2514", "[relp]", packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:0")
	to := startRsyslogd(t, likeDebian(conf))
	command := unitCommand(t, strings.ReplaceAll(conf, "[relp]", to.relp))
	imzmq := start(t, "imzmq", exec.Command(command[0], command[1:]...))
	from := startShippedSender(t, "tcp://127.0.0.1:"+imzmq.boundPort(t))
	from.logLines(t, written...)
	wantRead(t, to.file("syslog"))
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
}

// With the line in its comment, files that name no template have a colon after the tag.
func TestShippedColon(t *testing.T) {
	t.Parallel()
	conf := shipped(t, "30-imzmq-relp.conf", "2514", "[relp]", "# $ActionFileDefaultTemplate", "$ActionFileDefaultTemplate")
	to := startRsyslogd(t, likeDebian(conf)+"*.* -[dir]/usual\n")
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
	from := startShippedSender(t, "tcp://127.0.0.1:"+imzmq.boundPort(t))
	from.logLines(t, written...)
	to.logLines(t, "<86>Oct 11 22:14:15 here sshd[43]: logged here")
	wantColons(t, to.file("usual"))
	wantFile(t, to.file("usual"), `here sshd\[43\]: logged here\n`)
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
}

// The line in the comment keeps rsyslog's own messages about the action on their host.
func TestShippedOwnMessages(t *testing.T) {
	t.Parallel()
	endpoint := nowhere(t)
	conf := shipped(t, "30-omzmq-acknowledged.conf", "\naction(", "\n[filter]\naction(", packagedOmzmq, program("omzmq")+" --send-timeout 100ms",
		"tcp://logs.example.com:5555", endpoint, "/var/log/", "[dir]/", "/var/spool/rsyslog/", "[dir]/")
	for _, kept := range []bool{true, false} {
		filter := ""
		if kept {
			filter = inComment(t, conf, "if not ")
		}
		from := startRsyslogd(t, likeDebian(`global(processInternalMessages="on")`+strings.Replace(conf, "[filter]", filter, 1)))
		from.logLines(t, "<13>Oct 11 22:14:15 web-1 app: first")
		wantFile(t, from.file("syslog"), `rsyslogd: syslog\.\w+ omprog: program .* returned: `, `rsyslogd-\d+: syslog\.\w+ action 'omzmq_acknowledged' suspended`)
		from.logLines(t, "<13>Oct 11 22:14:15 web-1 app: last")
		imzmq := startPrinter(t, "--bind", endpoint)
		var arrived []string
		for line := imzmq.next(t); !strings.HasSuffix(line, " last"); line = imzmq.next(t) {
			arrived = append(arrived, line)
		}
		if sent := strings.Contains(strings.Join(arrived, "\n"), "action 'omzmq_acknowledged' suspended"); sent == kept {
			t.Errorf("filtered %v, arrived:\n%s", kept, strings.Join(arrived, "\n"))
		}
		from.stop(t)
		imzmq.stop(t)
	}
}

func TestShippedAcknowledgedAndImprog(t *testing.T) {
	port := freePort(t)
	to := startRsyslogd(t, likeDebian(shipped(t, "30-imzmq-improg.conf", `load="improg"`, fmt.Sprintf("load=%q", improgModule()),
		packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:"+port, "/var/log/", "[dir]/")))
	from := startShippedSender(t, "tcp://127.0.0.1:"+port, `template="omzmq_line"`, `template="omzmq_json"`)
	from.logLines(t, written...)
	wantRead(t, to.file("imzmq.log"))
	from.stop(t)
	to.stop(t)
}

// omrelp, the service that takes its messages, and a receiver that stores them by RELP.
func TestShippedRELPIntake(t *testing.T) {
	to := startRsyslogd(t, preamble+relpToFileAtOnce)
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
	unit, err := os.ReadFile(filepath.Join(repository(), "packaging", "systemd", "omzmq-relp.service"))
	if err != nil {
		t.Fatal(err)
	}
	started := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(string(unit))
	if started == nil {
		t.Fatal("the unit has no ExecStart=")
	}
	port, state := freePort(t), folder(t)
	command := strings.Fields(strings.NewReplacer(packagedOmzmq, program("omzmq"), "127.0.0.1:2515", "127.0.0.1:"+port,
		"tcp://logs.example.com:5555", "tcp://127.0.0.1:"+imzmq.boundPort(t), "/var/lib/omzmq-relp", state).Replace(started[1]))
	omzmq := start(t, "omzmq", exec.Command(command[0], command[1:]...))
	omzmq.logged(t, "listening for RELP")
	from := startRsyslogd(t, likeDebian(shipped(t, "30-omzmq-relp.conf", `port="2515"`, fmt.Sprintf("port=%q", port))))
	from.logLines(t, written...)
	eventually(t, patience, "the lines arrive", func() bool {
		text, _ := os.ReadFile(to.file("out")) // may not exist yet
		return strings.Count(string(text), "\n") >= len(written)
	})
	text, err := os.ReadFile(to.file("out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<165>1 2026-01-02T03:04:05.678901+02:00 web-1 app 4711 ID7 [a@1 b="c"] said "hello" \ 100% ä 🙂`,
		`web-2 sshd 42 - - ` + " Failed password for root",
		`<13>1 2026-01-02T03:04:05Z web-3 tag - - - BEGIN TRANSACTION`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q", text, want)
		}
	}
	from.stop(t)
	omzmq.stop(t)
	wantNoJournals(t, state+"/journal")
	imzmq.stop(t)
	to.stop(t)
}

// inComment returns the line that begins with start in a file's comment, without what makes it a comment.
func inComment(t *testing.T, conf, start string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^#\t(` + start + `.*)$`).FindStringSubmatch(conf)
	if found == nil {
		t.Fatalf("no %s in the comment", start)
	}
	return found[1]
}

// encrypted is a shipped file with the flags for CURVE that its comment has.
func encrypted(t *testing.T, name string, c *keyring, oldnew ...string) string {
	t.Helper()
	conf := shipped(t, name)
	conf = regexp.MustCompile(`(?m)^(\tbinary=".*)"$`).ReplaceAllString(conf, "$1 "+inComment(t, conf, "--curve-key ")+`"`)
	return strings.NewReplacer(append(oldnew, keysFolder, c.dir, "/var/log/", "[dir]/", "/var/spool/rsyslog/", "[dir]/")...).Replace(conf)
}

// The encrypted forms that the comments show. The service reads its key where systemd would put it.
func TestShippedEncryptedAndRELP(t *testing.T) {
	c := makeKeyring(t, "server", "client")
	c.allow(t, "client")
	conf := shipped(t, "30-imzmq-relp.conf", "2514", "[relp]", packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:0")
	to := startRsyslogd(t, likeDebian(conf))
	credential, file, _ := strings.Cut(strings.TrimPrefix(inComment(t, conf, "LoadCredential="), "LoadCredential="), ":")
	credentials := folder(t)
	if err := copyKey(credentials+"/"+credential, strings.ReplaceAll(file, keysFolder, c.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(credentials+"/"+credential, 0o440); err != nil {
		t.Fatal(err)
	}
	command := strings.Fields(strings.NewReplacer("[relp]", to.relp, "${CREDENTIALS_DIRECTORY}", credentials, keysFolder, c.dir).
		Replace(inComment(t, conf, "ExecStart=") + " " + inComment(t, conf, "--curve-key ")))
	command[0] = strings.TrimPrefix(command[0], "ExecStart=")
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "CREDENTIALS_DIRECTORY="+credentials)
	imzmq := start(t, "imzmq", cmd)
	from := startRsyslogd(t, likeDebian(encrypted(t, "30-omzmq-acknowledged.conf", c,
		packagedOmzmq, program("omzmq"), "tcp://logs.example.com:5555", "tcp://127.0.0.1:"+imzmq.boundPort(t))))
	from.logLines(t, written...)
	wantRead(t, to.file("syslog"))
	imzmq.wantUser(t, "client")
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
}

func TestShippedEncryptedAndImprog(t *testing.T) {
	c := makeKeyring(t, "server", "client")
	c.allow(t, "client")
	port := freePort(t)
	to := startRsyslogd(t, likeDebian(encrypted(t, "30-imzmq-improg.conf", c, `load="improg"`, fmt.Sprintf("load=%q", improgModule()),
		packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:"+port)))
	from := startRsyslogd(t, likeDebian(encrypted(t, "30-omzmq-acknowledged.conf", c, `template="omzmq_line"`, `template="omzmq_json"`,
		packagedOmzmq, program("omzmq"), "tcp://logs.example.com:5555", "tcp://127.0.0.1:"+port)))
	from.logLines(t, written...)
	wantRead(t, to.file("imzmq.log"))
	from.stop(t)
	to.stop(t)
}

func TestShippedPublish(t *testing.T) {
	port := freePort(t)
	from := startRsyslogd(t, likeDebian(omprogLoaded(t)+shipped(t, "30-omzmq-publish.conf", packagedOmzmq, program("omzmq"),
		"tcp://127.0.0.1:5556", "tcp://127.0.0.1:"+port, "/var/log/", "[dir]/")))
	all := startPeer(t, "SUB", "--connect", "tcp://127.0.0.1:"+port, "--subscribe", "")
	auth := startPeer(t, "SUB", "--connect", "tcp://127.0.0.1:"+port, "--subscribe", "authpriv.")
	eventually(t, patience, "both subscriptions take effect", func() bool {
		from.logLines(t, warmUp, strings.Replace(warmUp, "<13>", "<86>", 1))
		return len(all.messages) > 0 && len(auth.messages) > 0
	})
	from.logLines(t, written...)
	wantPublished(t, all, "local4.notice.app", published[0])
	wantPublished(t, all, "authpriv.info.sshd", published[1])
	wantPublished(t, all, "user.notice.tag", published[2])
	wantPublished(t, auth, "authpriv.info.sshd", `web-2`)
	from.stop(t)
}

// Each program has its name as the topic. A subscription that ends with a slash means exactly one program, or
// exactly one on one host.
func TestShippedPrograms(t *testing.T) {
	h := startHub(t)
	from := startRsyslogd(t, likeDebian(omprogLoaded(t)+shipped(t, "30-omzmq-programs.conf", packagedOmzmq, program("omzmq"),
		"ipc:///run/zmqtap-hub/main/in", h.in, "/var/log/", "[dir]/")))
	all := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "")
	sshd := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "sshd/")
	host := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "sshd/web-1/")
	as := func(program, host, text string) string {
		return fmt.Sprintf("<86>1 2026-01-02T03:04:05Z %s %s 42 - - %s", host, program, text)
	}
	warmed(t, func() { from.logLines(t, as("sshd", "web-1", "warm-up")) }, all.some, sshd.some, host.some)
	from.logLines(t, append(written[:3:3], as("sshd-keygen", "web-1", "another program"),
		as("sshd", "web-10", "another host"), as("sshd", "web-1", "one host"))...)
	meets(t, all.joined, "^app/web-1/\t"+published[0][1:], "^sshd/web-2/\t"+published[1][1:], "^tag/web-3/\t"+published[2][1:],
		"^sshd-keygen/web-1/\t.* another program$", "^sshd/web-10/\t.* another host$", "^sshd/web-1/\t.* one host$")
	meets(t, sshd.joined, "^sshd/web-2/\t", "^sshd/web-10/\t", "^sshd/web-1/\t")
	meets(t, host.joined, "^sshd/web-1/\t.* one host$")
	from.stop(t)
	h.stop(t)
}

// wantPublished waits for the next message that is not a warm-up and compares its two frames.
func wantPublished(t *testing.T, p *peer, topic, line string) {
	t.Helper()
	frames := p.receive(t)
	for len(frames) == 2 && (strings.HasSuffix(frames[0], ".warm-up") || strings.HasSuffix(frames[0], ".rsyslogd")) {
		frames = p.receive(t)
	}
	if len(frames) != 2 || frames[0] != topic || !regexp.MustCompile(line).MatchString(frames[1]) {
		t.Fatalf("%s received %q, want %q %q", p.name, frames, topic, line)
	}
}

// Every file in rsyslog.d/ must be named by a test above.
func TestEveryShippedFileIsTried(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository(), "rsyslog.d", "*"))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("shipped_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.Contains(string(self), `"`+filepath.Base(file)+`"`) {
			t.Errorf("no test uses %s", file)
		}
	}
}
