package integration

import (
	"strings"
	"testing"
)

// The ways of a message through zmqtap: from rsyslogd or libzmq to a terminal, HTTP or libzmq.

// publishing starts an rsyslogd with 30-omzmq-publish.conf and returns its endpoint.
func publishing(t *testing.T) (*rsyslogd, string) {
	t.Helper()
	endpoint := nowhere(t)
	return startRsyslogd(t, likeDebian(omprogLoaded(t)+shipped(t, "30-omzmq-publish.conf", packagedOmzmq, program("omzmq"),
		"tcp://127.0.0.1:5556", endpoint, "/var/log/", "[dir]/"))), endpoint
}

// intoHub starts an rsyslogd with 30-omzmq-programs.conf that publishes into the hub.
func intoHub(t *testing.T, h *hub) *rsyslogd {
	t.Helper()
	return startRsyslogd(t, likeDebian(omprogLoaded(t)+shipped(t, "30-omzmq-programs.conf", packagedOmzmq, program("omzmq"),
		"ipc:///run/zmqtap-hub/main/in", h.in, "/var/log/", "[dir]/")))
}

// How the lines of written look in a stream, and the one of them that is about authentication as JSON.
var (
	published = []string{
		`^<165>1 2026-01-02T03:04:05\.678901\+02:00 web-1 app 4711 ID7 \[a@1 b="c"\] said "hello" \\ 100% ä 🙂$`,
		`^<86>1 \d{4}-10-11T22:14:15\S* web-2 sshd 42 - -  Failed password for root$`,
		`^<13>1 2026-01-02T03:04:05\S* web-3 tag - - - BEGIN TRANSACTION$`,
	}
	publishedLogin = `^\{"topic":"authpriv\.info\.sshd","message":"<86>1 \d{4}-10-11T22:14:15\S* web-2 sshd 42 - -  Failed password for root",` +
		`"received":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z","time":"\d{4}-10-11T22:14:15[^"]*","host":"web-2",` +
		`"program":"sshd","pid":"42","facility":"authpriv","severity":"info","text":"Failed password for root"\}$`
)

// login is a warm-up with an authentication facility.
var login = strings.Replace(warmUp, "<13>", "<86>", 1)

func TestTapOfRsyslog(t *testing.T) {
	from, endpoint := publishing(t)
	serve := startTap(t, "serve", "--http", "127.0.0.1:0", endpoint)
	raw := startTapPrinter(t, "--raw", endpoint)
	human := startTapPrinter(t, endpoint)
	json := startTapPrinter(t, "--json", "--topic", "authpriv.", "--topic", "kern.", endpoint)
	grep := startTapPrinter(t, "--grep", "are you there|Failed .* for root$", "--raw", endpoint)
	stream := serve.served(t) + "stream"
	text := follow(t, stream)
	found := follow(t, stream+"?grep=Failed|are.you.there")
	events := followEvents(t, stream+"?topic=authpriv.")
	warmed(t, func() { from.logLines(t, warmUp, login) },
		raw.some, human.some, json.some, grep.some, text.some, found.some, events.some)
	from.logLines(t, written...)
	meets(t, raw.next, published...)
	meets(t, human.next, `^\S+ web-1 app\[4711\] notice said "hello" \\ 100% ä 🙂 b=c$`,
		`^\S+ web-2 sshd\[42\] info   +Failed password for root$`, `^\S+ web-3 tag notice BEGIN TRANSACTION$`)
	meets(t, json.next, publishedLogin)
	meets(t, grep.next, published[1])
	meets(t, text.next, published...)
	meets(t, found.next, published[1])
	meets(t, events.data, publishedLogin)
	from.stop(t)
	for _, tap := range []*process{raw.process, human.process, json.process, grep.process, serve} {
		tap.stop(t)
	}
}

func TestTapEndsByItself(t *testing.T) {
	pub := startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*")
	tap := startTapPrinter(t, "--raw", "--topic", "a", "--grep", "x", "--count", "3", pub.endpoint)
	eventually(t, patience, "zmqtap has seen enough", func() bool {
		pub.send(t, "a", "x")
		pub.send(t, "a", "y")
		pub.send(t, "b", "x")
		return !tap.running()
	})
	if rest := tap.rest(t); strings.Join(rest, " ") != "x x x" || tap.exit(t) != 0 {
		t.Errorf("zmqtap printed %q and ended with %d", rest, tap.exit(t))
	}
	if printed := output(t, "zmqtap", "--for", "100ms", "--topic", "nothing", pub.endpoint); printed != "" {
		t.Errorf("without a message it printed %q", printed)
	}
}

// A tap at the port of an imzmq, which publishes nothing: the reason names the socket types, whatever the mechanism
// lets this end see.
func TestTapAtAReceiver(t *testing.T) {
	c := makeKeyring(t, "server", "web1")
	c.allow(t, "web1")
	for name, test := range map[string]struct {
		imzmq, tap []string
		reason     string
	}{
		"in clear": {nil, nil, `a SUB socket cannot talk to the peer's \\"ROUTER\\"`},
		"CURVE":    {c.serves("server"), c.knows("web1", "server"), "or the socket types do not fit: see the server's log"},
		"PLAIN":    {c.plain("u", "password"), c.plain("u", "password"), "the socket types probably do not fit; see the server's log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			imzmq := startPrinter(t, with(test.imzmq, "--bind", here)...)
			at := "tcp://127.0.0.1:" + imzmq.boundPort(t)
			tap := startTap(t, with(test.tap, at)...)
			tap.logged(t, `msg="no connection; will go on trying" endpoint=`+at+` reason="[^\n]*`+test.reason)
			imzmq.logged(t, `reason="a ROUTER socket cannot talk to the peer's \\"SUB\\"`)
			tap.stop(t)
			imzmq.stop(t)
		})
	}
}

// rsyslogd and a program publish into a hub, from which libzmq, zmqtap and HTTP clients read.
func TestHubJoins(t *testing.T) {
	h := startHub(t, "--http", "127.0.0.1:0")
	from := intoHub(t, h)
	pub := startPeer(t, "PUB", "--connect", h.in)
	sub := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "sshd/", "--subscribe", "own/")
	serve := startTap(t, "serve", "--http", "127.0.0.1:0", h.out)
	direct := followEvents(t, h.served(t)+"stream?topic=sshd/&topic=own/")
	viaServe := follow(t, serve.served(t)+"stream?topic=sshd/&topic=own/")
	greet := func() { from.logLines(t, strings.Replace(warmUp, "warm-up", "sshd", 1)) }
	warmed(t, greet, sub.some, direct.some, viaServe.some)
	readers := []func(*testing.T) string{sub.joined, direct.data, viaServe.next}
	eventually(t, patience, "the program's messages arrive, too", func() bool {
		pub.send(t, "own/web-1/", "warm-up")
		return strings.Contains(sub.joined(t), "warm-up")
	})
	from.logLines(t, strings.Replace(written[1], "sshd", "sshd-keygen", 1))
	from.logLines(t, written[1])
	for _, next := range readers {
		meets(t, next, "web-2 sshd 42 - -  Failed")
	}
	for _, text := range []string{"one", "tab\t\"quote\" ä", "the end"} {
		pub.send(t, "own/web-1/", text)
	}
	for _, next := range readers {
		meets(t, next, "one$|one\"", `tab(\t|\\t)\\?"quote\\?" ä`, "the end")
	}
	from.stop(t)
	serve.stop(t)
	h.stop(t)
}
