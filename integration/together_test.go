package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Configurations that stand in one /etc/rsyslog.d/. rsyslogd -N1, which startRsyslogd runs first, fails where one file
// repeats what another has: a module, a template, the file of a queue.

// includes writes the configurations into a folder of their own, and returns the line that includes all of them.
func includes(t *testing.T, confs map[string]string) string {
	t.Helper()
	dir := folder(t)
	for name, conf := range confs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(conf, "[dir]", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("include(file=\"%s/*.conf\")\n", dir)
}

// All files of rsyslog.d/ at once: what this host logs leaves it in four ways, and what another host sends comes in.
// improg's file, which receives as well, is there where improg is.
func TestShippedTogether(t *testing.T) {
	t.Parallel()
	acknowledged, overRELP, upstream := startPrinter(t, "--bind", "tcp://127.0.0.1:0"), startPrinter(t, "--bind", "tcp://127.0.0.1:0"), folder(t)
	publish, relp, port := nowhere(t), freePort(t), freePort(t)
	omzmq := start(t, "omzmq", exec.Command(program("omzmq"), "--relp", "127.0.0.1:"+relp,
		"--connect", "tcp://127.0.0.1:"+overRELP.boundPort(t), "--journal", upstream+"/journal"))
	hub := startPeer(t, "SUB", "--bind", "ipc://"+upstream+"/in", "--subscribe", "")
	paths := []string{packagedOmzmq, program("omzmq"), "/var/log/", "[dir]/"}
	confs := map[string]string{
		"30-omzmq-acknowledged.conf": shipped(t, "30-omzmq-acknowledged.conf", append(paths, "/var/spool/rsyslog/", "[dir]/",
			"tcp://logs.example.com:5555", "tcp://127.0.0.1:"+acknowledged.boundPort(t))...),
		"30-omzmq-publish.conf":  shipped(t, "30-omzmq-publish.conf", append(paths, "tcp://127.0.0.1:5556", publish)...),
		"30-omzmq-programs.conf": shipped(t, "30-omzmq-programs.conf", append(paths, "ipc:///run/zmqtap-hub/main/in", "ipc://"+upstream+"/in")...),
		"30-omzmq-relp.conf":     shipped(t, "30-omzmq-relp.conf", `port="2515"`, fmt.Sprintf("port=%q", relp)),
		"30-imzmq-relp.conf":     shipped(t, "30-imzmq-relp.conf", "2514", port),
	}
	if leftOut("improg") == "" {
		confs["30-imzmq-improg.conf"] = shipped(t, "30-imzmq-improg.conf", `load="improg"`, fmt.Sprintf("load=%q", improgModule()),
			packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:0", "/var/log/", "[dir]/")
	}
	r := startRsyslogd(t, likeDebian(includes(t, confs)))
	sub := startPeer(t, "SUB", "--connect", publish, "--subscribe", "")
	eventually(t, patience, "the subscriptions take effect", func() bool {
		r.logLines(t, warmUp)
		return len(sub.messages) > 0 && len(hub.messages) > 0
	})
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+port)
	from := drive(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	from.commits(t, written[0])
	for _, way := range []*receiver{acknowledged, overRELP} {
		way.awaits(t, written[0])
	}
	wantPublished(t, sub, "local4.notice.app", published[0])
	meets(t, hub.joined, "^app/web-1/\t"+published[0][1:])
	from.finish(t)
	r.stop(t)
	for _, p := range []*process{omzmq, imzmq, acknowledged.process, overRELP.process} {
		p.stop(t)
	}
}

// The README's first, second and fourth configuration.
func TestReadmeTogether(t *testing.T) {
	t.Parallel()
	to, publish, port := startPrinter(t, "--bind", "tcp://127.0.0.1:0"), nowhere(t), freePort(t)
	paths := []string{packagedOmzmq, program("omzmq"), "/var/log/", "[dir]/"}
	r := startRsyslogd(t, likeDebian(includes(t, map[string]string{
		"30-send.conf": readme(t, "1. ", "rsyslog", append(paths, "/var/spool/rsyslog/", "[dir]/",
			"tcp://logs.example.com:5555", "tcp://127.0.0.1:"+to.boundPort(t))...),
		"30-receive.conf": readme(t, "2. ", "rsyslog", "2514", port, "/var/log/", "[dir]/"),
		"40-publish.conf": readme(t, "4. ", "rsyslog", append(paths, "tcp://127.0.0.1:5556", publish)...),
	})))
	sub := startPeer(t, "SUB", "--connect", publish, "--subscribe", "")
	eventually(t, patience, "the subscription takes effect", func() bool {
		r.logLines(t, warmUp)
		return len(sub.messages) > 0
	})
	r.logLines(t, written[0])
	to.awaits(t, written[0])
	wantPublished(t, sub, "local4.notice.app", published[0])
	r.stop(t)
	to.stop(t)
}
