package integration

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// What readers learn of the publishers behind zmqtap.

// curl reads a stream with curl.
func curl(t *testing.T, stream, header string) *receiver {
	t.Helper()
	return typed(t, t.TempDir(), fmt.Sprintf("curl --silent --no-buffer --header '%s' '%s'", header, stream))
}

const asEvents = "Accept: text/event-stream"

// statusOf reads lines of an event stream until a status matches a pattern.
func statusOf(t *testing.T, events *receiver, pattern string) {
	t.Helper()
	f := &following{lines: events.lines}
	f.status(t, pattern)
}

// Readers by HTTP learn which publishers there are, why one is not, and when it is back: hub and publishers are killed.
func TestReadersLearnWhichPublishersThereAre(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	h := &hub{in: "ipc://" + dir + "/in", out: "ipc://" + dir + "/out", flags: []string{"--http", "127.0.0.1:0"}}
	away := nowhere(t)
	serve := startTap(t, "serve", "--http", "127.0.0.1:0", "--reconnect-max", "100ms", h.out)
	both := startTap(t, "serve", "--http", "127.0.0.1:0", "--reconnect-max", "100ms", h.out, away)
	stream := serve.served(t) + "stream"
	text, events := curl(t, stream, "Accept: text/plain"), curl(t, stream, asEvents)
	ofBoth := curl(t, both.served(t)+"stream", asEvents)
	upstream := regexp.QuoteMeta(h.out)
	const since = `"since":"[0-9-]{10}T[0-9:.]{15}Z"`
	statusOf(t, events, `^\{"up":false,`+since+`,"publishers":0,"endpoints":\[\{"endpoint":"`+upstream+`","bound":false,"up":false,`+since+
		`,"reason":"no such file or directory"\}\]\}$`)
	meets(t, text.next, `^zmqtap: no connection to `+upstream+` \(no such file or directory\) since 20\S+Z$`)

	h.again(t)
	statusOf(t, events, `^\{"up":true,`+since+`,"publishers":1,"endpoints":\[\{"endpoint":"`+upstream+`","bound":false,"up":true,`+since+`\}\]\}$`)
	statusOf(t, ofBoth, `^\{"up":true,`+since+`,"publishers":1,"endpoints":\[\{"endpoint":"`+regexp.QuoteMeta(away)+
		`","bound":false,"up":false,`+since+`,"reason":"connection refused"\},\{"endpoint":"`+upstream+`","bound":false,"up":true,`)
	meets(t, text.next, `^zmqtap: all publishers are connected$`)

	atHub := curl(t, h.served(t)+"stream", asEvents)
	statusOf(t, atHub, `^\{"up":false,`+since+`,"publishers":0,"endpoints":\[\{"endpoint":"`+regexp.QuoteMeta(h.in)+`","bound":true,"up":true,`+since+`\}\]\}$`)
	pub := startPeer(t, "PUB", "--connect", h.in)
	statusOf(t, atHub, `^\{"up":true,.*"publishers":1,.*"peers":\[\{"peer":"`+regexp.QuoteMeta(h.in)+`",`+since+`\}\]\}$`)
	pub.kill()
	statusOf(t, atHub, `^\{"up":false,`+since+`,"publishers":0,"endpoints":\[[^\]]*\]\}$`)

	lower := startHub(t, "--in-connect", h.out)
	printer, old := startTapPrinter(t, "--raw", lower.out), startPeer(t, "SUB", "--connect", lower.out, "--subscribe", "")
	pub = startPeer(t, "PUB", "--connect", h.in)
	warmed(t, func() { pub.send(t, "t", "warm-up") }, printer.some, old.some)
	h.kill()
	printer.logged(t, `"messages may be missing" publisher=`+regexp.QuoteMeta(lower.out)+` reason="messages may be missing: some were lost before`)
	statusOf(t, events, `^\{"up":false,.*"reason":"connection refused"`)
	meets(t, text.next, `^zmqtap: `+upstream+`: the publisher is gone`)
	lower.stop(t)
	serve.stop(t)
	both.stop(t)
}

// A hub is frozen until its publisher has dropped messages for it. The hub's subscribers, and theirs, learn how many;
// one that wants a part learns that something may be missing. libzmq's get what there is.
func TestSlowHubSaysWhatPublishersDropped(t *testing.T) {
	t.Parallel()
	d := drive(t, "--socket", "pub", "--hwm", "100", "--bind", "tcp://127.0.0.1:0")
	h := startHub(t, "--in-connect", "tcp://127.0.0.1:"+d.boundPort(t))
	lower := startHub(t, "--in-connect", h.out, "--hwm", "100000", "--http", "127.0.0.1:0")
	near := startReceiver(t, "zmqtap", tapCommand("--raw", h.out))
	far := startReceiver(t, "zmqtap", tapCommand("--raw", lower.out))
	part := startReceiver(t, "zmqtap", tapCommand("--raw", "--topic", "<13>", h.out))
	libzmq := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "").collect()
	events := curl(t, lower.served(t)+"stream", asEvents)
	warmed(t, func() { d.commits(t, warmUp) }, near.some, far.some, part.some,
		func() bool { return libzmq.has("are you there") }, func() bool { return len(events.lines) > 8 })
	n := d.dropsFor(t, h.process)
	eventually(t, patience, "the others to learn it", func() bool {
		d.commits(t, fmt.Sprintf("<13>number %d after", n))
		n++
		return strings.Contains(part.stderr.String(), `"messages may be missing" publisher=`+h.out+
			` reason="messages may be missing: some were lost before the publisher, a hub, received them"`) && libzmq.has(" after")
	})
	gap := regexp.MustCompile(`^data: \{"publisher":"` + regexp.QuoteMeta(h.out) + `","count":[1-9]\d*,"reason":"they were lost before the publisher, a hub, received them"`)
	for line := events.next(t); !gap.MatchString(line); line = events.next(t) {
	}
	for where, tap := range map[string]*receiver{"the hub": near, "another hub": far} {
		var got int
		got, n = d.numbersUntilNow(t, tap, n)
		tap.stop(t) // now its stderr is complete
		if missing := reportedMissing(tap.process); got+missing != n || missing == 0 {
			t.Errorf("behind %s %d arrived and %d were reported missing, of %d", where, got, missing, n)
		}
	}
	d.finish(t)
	h.stop(t)
	lower.stop(t)
}
