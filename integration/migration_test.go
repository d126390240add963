package integration

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const migrationPage = "docs/migration.md"

// omczmq and, in its place, omzmq publish the same frames.
func TestMigrationOfAPublisher(t *testing.T) {
	t.Parallel()
	var got [2][]string
	for i := range got {
		endpoint := nowhere(t)
		pairs := []string{"tcp://127.0.0.1:5556", endpoint}
		if i == 1 {
			pairs = append(pairs, packagedOmzmq, program("omzmq"), "/var/log/", "[dir]/")
		}
		from := startRsyslogd(t, likeDebian(documented(t, migrationPage, "## A publisher", "rsyslog", i, pairs...)))
		sub := startPeer(t, "SUB", "--connect", endpoint, "--subscribe", "web-1.")
		eventually(t, patience, "the subscription takes effect", func() bool {
			from.logLines(t, written[0])
			return len(sub.messages) > 0
		})
		got[i] = sub.receive(t)
		if i == 0 {
			from.kill() // at its stop, rsyslogd with an omczmq now and then frees memory twice
		} else {
			from.stop(t)
		}
	}
	if want := []string{"web-1.app", written[0]}; !slices.Equal(got[0], want) || !slices.Equal(got[1], want) {
		t.Errorf("published %q and %q, want %q", got[0], got[1], want)
	}
}

// The page has every parameter that the modules of this machine know, and no flag that our programs do not have.
func TestMigrationPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(repository() + "/" + migrationPage)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ToLower(string(text))
	for _, parameter := range []string{ // rsyslog's contrib/omczmq/omczmq.c, contrib/imczmq/imczmq.c
		"authenticator", "authtype", "clientcertpath", "servercertpath", "endpoints", "socktype", "sendhwm", "heartbeatttl", "heartbeativl",
		"heartbeattimeout", "connecttimeout", "sendtimeout", "template", "topics", "topicframe", "dynatopic", "ruleset",
		// contrib/omzmq3/omzmq3.c, contrib/imzmq3/imzmq3.c, as they were removed
		"description", "action", "sndhwm", "rcvhwm", "identity", "sndbuf", "rcvbuf", "linger", "backlog", "sndtimeout", "rcvtimeout",
		"maxmsgsize", "rate", "recoveryivl", "multicasthops", "reconnectivl", "reconnectivlmax", "ipv4only", "affinity",
		"globalworkerthreads", "subscribe", "iothreads",
	} {
		if !regexp.MustCompile("`" + parameter + "[`=]").MatchString(page) {
			t.Errorf("%s says nothing about %s", migrationPage, parameter)
		}
	}
	help := ""
	for _, name := range []string{"omzmq", "imzmq"} {
		words, err := exec.Command(program(name), "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		help += string(words)
	}
	for _, flag := range regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(page, -1) {
		if !strings.Contains(help, flag) {
			t.Errorf("%s names %s, which is no flag", migrationPage, flag)
		}
	}
}
