package web_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

const (
	removed = "this token is no longer valid: the stream ends here"
	changed = "what this token may read has changed: the stream ends here, connect again"
)

// The streams of a token that is removed, or may read something else, end. All others go on.
func TestTokenTakenAway(t *testing.T) {
	s := serveTenants(t, web.Config{TokenFile: write(t, filepath.Join(t.TempDir(), "token"), secret)})
	acme, acmeEvents := s.plain("", asAcme), s.events("", asAcme)
	filtered, silent := s.plain("?grep=^nothing", asAcme), s.plain("?topic=shared/none", asAcme)
	beta, ops, admin := s.plain("", asBeta), s.plain("", asOps), s.plain("", "Authorization: Bearer "+secret)
	s.publish("acme/|1", "beta/|1")
	acme.expect("1\n")
	ops.expect("1\n1\n")
	for _, want := range []string{"access", ""} {
		if e := acmeEvents.event(); e.name != want {
			t.Errorf("got %+v, want %s", e, want)
		}
	}
	s.say(betaLine + strings.Replace(opsLine, "*", "ops/", 1))
	for _, a := range []*answer{acme, filtered, silent} {
		if got := a.rest(); got != "zmqtap: "+removed+"\n" {
			t.Errorf("the end is %q", got)
		}
	}
	if e := acmeEvents.event(); e.name != "end" || e.data != `{"reason":"`+removed+`"}` {
		t.Errorf("got %+v, want the end", e)
	}
	if got := acmeEvents.rest(); got != "" {
		t.Errorf("after the end: %q", got)
	}
	if got := ops.rest(); got != "zmqtap: "+changed+"\n" {
		t.Errorf("the end is %q", got)
	}
	s.readers(2)
	s.get("/stream", asAcme).status(http.StatusUnauthorized, needed)
	s.get("/stream?topic=beta/", asOps).status(http.StatusForbidden, "ops may read what begins with ops/")
	s.publish("acme/|2", "beta/|2", "ops/|2")
	beta.expect("1\n2\n")
	admin.expect("1\n1\n2\n2\n2\n")
}

// What changes nothing for a token, and a file that cannot be used, ends nothing.
func TestTokenStays(t *testing.T) {
	s := serveTenants(t, web.Config{TokenFile: write(t, filepath.Join(t.TempDir(), "token"), secret)})
	beta, admin := s.plain("", asBeta), s.plain("", "Authorization: Bearer "+secret)
	s.publish("acme/|2")
	s.say("# as before, in another order, with the SHA-256 in the token's place\n" + opsLine + "beta sha256:" + digestOf(betaToken) + " beta/")
	s.say("beta")                                    // malformed
	s.say(betaLine + "beta2 " + betaToken + " *\n")  // ambiguous
	s.say(betaLine + opsLine + "gamma " + acmeToken) // malformed
	s.publish("beta/|3", "other|3")
	admin.expect("2\n")
	beta.expect("3\n")
	if text := s.fileLog.String(); strings.Count(text, "level=ERROR") != 3 || !strings.Contains(text, "line 2 (beta2) has the same token as line 1") {
		t.Errorf("logged: %s", text)
	}
	s.say(acmeLine + betaLine)
	s.plain("?last=1", asAcme).expect("2\n")
	beta.Body.Close()
	s.readers(2)
	s.say("")
	s.readers(1)
	admin.expect("3\n3\n")
	s.get("/stream", asBeta).status(http.StatusUnauthorized, needed)
}

// A tenant that does not read is ended, too, and gets nothing of what is published after its token was removed.
func TestTokenTakenAwayFromStalled(t *testing.T) {
	t.Parallel()
	s := serveTenants(t, web.Config{Stream: tap.New(0), Queue: 1 << 20})
	text, events := s.stalled(strings.Replace(askText, "\r\n\r\n", "\r\n"+asAcme+"\r\n\r\n", 1)), s.stalled(strings.Replace(askEvents, "\r\n\r\n", "\r\n"+asAcme+"\r\n\r\n", 1))
	line := strings.Repeat("x", 32<<10)
	for s.stream.Counters().Missed == 0 { // the kernel and the queues are full
		s.publish("acme/|"+line, "acme/|"+line, "acme/|"+line, "acme/|"+line)
	}
	s.say(betaLine)
	s.publish("acme/|after")
	s.readers(0)
	for _, conn := range []io.Reader{text, events} {
		got, err := io.ReadAll(conn)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Error(err)
		}
		if strings.Contains(string(got), "after") {
			t.Error("what was published after the end has arrived")
		}
	}
}

// While a stream never pauses, and its filter works on it, it ends, too.
func TestTokenTakenAwayWhileBusy(t *testing.T) {
	s := serveTenants(t, web.Config{})
	s.say("all " + acmeToken + " x\n")
	plain, filtered := s.plain("", asAcme), s.plain("?grep=^nothing$", asAcme)
	stop := s.busy()
	defer stop()
	plain.line()
	s.say(betaLine)
	plain.rest()
	if got := filtered.rest(); !strings.HasSuffix(got, "zmqtap: "+removed+"\n") {
		t.Errorf("the end is %q", got)
	}
}

// A connection serves further requests after the end of a stream, over HTTP/1.1 and HTTP/2.
func TestConnectionAfterTheEnd(t *testing.T) {
	m := certificate(t, 1)
	dir := t.TempDir()
	cert, key := write(t, filepath.Join(dir, "cert"), m.cert), write(t, filepath.Join(dir, "key"), m.key)
	for version := 1; version <= 2; version++ {
		s := serveTenants(t, web.Config{CertFile: cert, KeyFile: key, Heartbeat: time.Millisecond})
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: m.trusted}, ForceAttemptHTTP2: version == 2, MaxConnsPerHost: 1}
		client := &http.Client{Transport: transport}
		t.Cleanup(client.CloseIdleConnections)
		for _, tokens := range []string{betaLine, acmeLine, betaLine, acmeLine} {
			if tokens == betaLine {
				a := s.ask(client, "https://"+s.at, "GET", "/stream", asAcme)
				s.readers(1)
				s.publish("beta/|no", "acme/|yes")
				a.expect("yes\n")
				s.say(tokens)
				if got := a.rest(); a.ProtoMajor != version || got != "zmqtap: "+removed+"\n" {
					t.Errorf("%s: the end is %q", a.Proto, got)
				}
				s.readers(0)
			} else {
				s.say(tokens)
			}
			a := s.ask(client, "https://"+s.at, "GET", "/stream?topic=beta/", asAcme)
			want := map[string]int{betaLine: http.StatusUnauthorized, acmeLine: http.StatusForbidden}[tokens]
			if a.status(want, ""); !strings.HasSuffix(a.rest(), "\n") {
				t.Error("the answer is cut")
			}
		}
	}
}

// The file is watched while the server runs.
func TestTokensAreWatched(t *testing.T) {
	t.Parallel()
	s := serveTenants(t, web.Config{})
	acme := s.plain("", asAcme)
	write(t, s.path, betaLine)
	if got := acme.rest(); got != "zmqtap: "+removed+"\n" {
		t.Errorf("the end is %q", got)
	}
	s.stop()
	s.wait()
	taptest.Eventually(t, "the readers' end", func() bool { return s.stream.Readers() == 0 })
}
