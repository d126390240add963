package web_test

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

const (
	acmeToken = "0123456789abcdef-acme"
	betaToken = "0123456789abcdef-beta"
	opsToken  = "0123456789abcdef-ops"

	asAcme = "Authorization: Bearer " + acmeToken
	asBeta = "Authorization: Bearer " + betaToken
	asOps  = "Authorization: Bearer " + opsToken

	acmeLine = "acme " + acmeToken + " acme/ shared/\n"
	betaLine = "beta " + betaToken + " beta/\n"
	opsLine  = "ops " + opsToken + " *\n"
)

// shared is a server with tenants, and their file.
type shared struct {
	*served
	file    *tenant.File
	path    string
	hangups chan os.Signal
	fileLog *log
}

// serveTenants serves acme, beta and ops, who may read everything.
func serveTenants(t *testing.T, cfg web.Config) *shared {
	t.Helper()
	s := &shared{path: write(t, filepath.Join(t.TempDir(), "tokens"), acmeLine+betaLine+opsLine), hangups: make(chan os.Signal), fileLog: new(log)}
	var err error
	if s.file, err = tenant.Open(tenant.Config{Path: s.path, Hangups: s.hangups, Logger: slog.New(slog.NewTextHandler(s.fileLog, nil))}); err != nil {
		t.Fatal(err)
	}
	cfg.Tenants = s.file
	s.served = serve(t, cfg)
	t.Cleanup(func() {
		if text := s.log.String() + s.fileLog.String(); strings.Contains(text, "0123456789abcdef") {
			t.Errorf("a token is in the log: %s", text)
		}
	})
	return s
}

// say puts another file in the old one's place, and has it read.
func (s *shared) say(text string) {
	s.t.Helper()
	if err := os.Rename(write(s.t, s.path+".new", text), s.path); err != nil {
		s.t.Fatal(err)
	}
	for range 2 { // the second one is taken when the first has been obeyed
		s.hangups <- syscall.SIGHUP
	}
}

// Each tenant sees its own alone, asked or not, and learns who it is.
func TestTenants(t *testing.T) {
	s := serveTenants(t, web.Config{TokenFile: write(t, filepath.Join(t.TempDir(), "token"), secret)})
	acme, beta, ops, admin := s.events("", asAcme), s.events("", asBeta), s.events("", asOps), s.events("", "Authorization: Bearer "+secret)
	for a, want := range map[*answer]string{
		acme: `{"name":"acme","topics":["acme/","shared/"]}`, beta: `{"name":"beta","topics":["beta/"]}`, ops: `{"name":"ops"}`, admin: `{"name":"admin"}`,
	} {
		if e := a.event(); e.name != "access" || e.data != want {
			t.Errorf("got %+v, want %s", e, want)
		}
	}
	texts := map[*answer]string{
		s.plain("", asAcme): "acme1 shared1 acme2", s.plain("?topic=", asAcme): "acme1 shared1 acme2", s.plain("?topic=acme/", asAcme): "acme1 acme2",
		s.plain("?topic=acme/web", asAcme): "acme2", s.plain("?topic=a&topic=s", asAcme): "acme1 shared1 acme2", s.plain("", asBeta): "beta1 beta/one-frame beta2",
		s.plain("?grep=.", asBeta): "beta1 beta/one-frame beta2", s.plain("?grep=1", asOps): "other1 acme1 beta1 shared1 x1",
		s.plain("?topic=beta/&topic=acme/", asOps): "acme1 beta1 beta/one-frame acme2 beta2",
	}
	s.publish("other|other1", "acme/|acme1", "beta/|beta1", "beta/one-frame", "shared/x|shared1", "acme|x1", "Acme/|x2", "acm|x2", "|x2", "x/acme/|x2",
		"acme/web|acme2", "beta/a|frame|beta2", "end|end")
	for a, want := range texts {
		a.expect(strings.ReplaceAll(want, " ", "\n") + "\n")
	}
	for a, want := range map[*answer]string{acme: "acme1 shared1 acme2", beta: "beta1 beta/one-frame beta2", ops: "other1 acme1", admin: "other1 acme1"} {
		for text := range strings.FieldsSeq(want) {
			if e := a.event(); e.name != "" || !strings.Contains(e.data, `"message":"`+text+`"`) {
				t.Errorf("got %+v, want %s", e, text)
			}
		}
	}
	late := s.plain("?last=2", asAcme)
	late.expect("shared1\nacme2\n")
	acme.Body.Close()
	taptest.Eventually(t, "the tenant in the log", func() bool { return strings.Contains(s.log.String(), `msg="reader gone"`) })
	if text := s.log.String(); !strings.Contains(text, "tenant=acme sent=3 missed=0") || strings.Contains(text, secret) {
		t.Errorf("logged: %s", text)
	}
}

// What is sent with a request in place of a valid token is refused, and where a token may not be, none is looked for.
func TestTenantsTokens(t *testing.T) {
	s := serveTenants(t, web.Config{})
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, header := range []string{"X: y", "Authorization: Bearer", "Authorization: Bearer ", "Authorization: Bearer acme", "Authorization: Bearer " + digest,
		"Authorization: Basic " + acmeToken, "Authorization: " + acmeToken, "Authorization: Bearer " + acmeToken[1:], "Authorization: Bearer " + strings.ToUpper(acmeToken),
		"Authorization: Bearer " + acmeToken + " " + opsToken, "Authorization: Bearer " + acmeToken + "," + opsToken, "Cookie: token=" + acmeToken, "Cookie: zmqtap.token=" + acmeToken,
		"X-Authorization: Bearer " + acmeToken, "Proxy-Authorization: Bearer " + acmeToken, "Authorization: Bearer " + strings.Repeat("x", 15_000)} {
		s.get("/stream", header).status(http.StatusUnauthorized, needed)
		s.get("/stream?topic=acme/", header).status(http.StatusUnauthorized, needed)
	}
	for _, query := range []string{"token=", "access_token=", "authorization=Bearer%20", "http-tokens="} {
		s.get("/stream?"+query+acmeToken).status(http.StatusUnauthorized, needed)
		s.get("/stream?"+query+opsToken, asAcme).status(http.StatusBadRequest, "unknown parameter")
	}
	// The first of several headers counts.
	s.get("/stream?topic=beta/", asAcme, asOps).status(http.StatusForbidden, "not allowed: acme")
	s.get("/stream?topic=beta/", "X: y", asAcme, asOps).status(http.StatusForbidden, "not allowed: acme")
	s.get("/stream?topic=beta/", "Authorization: x", asOps).status(http.StatusUnauthorized, needed)
	s.do(http.MethodPost, "/stream", asAcme).status(http.StatusMethodNotAllowed, "")
	s.do(http.MethodPost, "/stream").status(http.StatusUnauthorized, needed)
	s.get("/").status(http.StatusOK, page)
	s.get("/", "Host: evil.example").status(http.StatusOK, page) // it has nothing that needs a token
	s.get("/stream", "Host: evil.example").status(http.StatusUnauthorized, needed)
	s.get("/stream?topic=beta/", "Host: evil.example", asAcme).status(http.StatusForbidden, "not allowed: acme")
}

// A token whose SHA-256 is in the file may be too short to be safe.
func TestTenantsShortToken(t *testing.T) {
	s := serveTenants(t, web.Config{})
	s.say("short sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 *\n") // of test
	s.get("/stream", "Authorization: Bearer test").status(http.StatusUnauthorized, needed)
	if text := s.log.String(); !strings.Contains(text, "a tenant's token is too short and is refused: make a longer one\" tenant=short least=16") {
		t.Errorf("logged: %s", text)
	}
	s.say("nobody sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 *\n") // of nothing
	for _, header := range []string{"X: y", "Authorization: Bearer", "Authorization: Bearer "} {
		s.get("/stream", header).status(http.StatusUnauthorized, needed)
	}
}

// A token in both files is the tenant's, and at the beginning an error.
func TestTenantsAndToken(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "token"), secret)
	s := serveTenants(t, web.Config{TokenFile: path})
	write(t, path, acmeToken)
	s.get("/stream?topic=beta/", asAcme).status(http.StatusForbidden, "not allowed: acme")
	_, err := web.New(web.Config{TokenFile: path, Tenants: s.file})
	if want := fmt.Sprintf("the token in %s is also tenant acme's: make another", path); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	write(t, path, "")
	s.get("/stream?last=x", asAcme).status(http.StatusBadRequest, "") // a tenant needs the other file alone
	s.get("/stream", "Authorization: Bearer wrong").status(http.StatusInternalServerError, "the server cannot read its token")
	if text := s.log.String(); !strings.Contains(text, "only tenants can read the stream: the token file is unusable") {
		t.Errorf("logged: %s", text)
	}
}

func digestOf(token string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(token))) }
