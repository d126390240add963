package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// docs/tap.md: two teams and an administrator, by curl and in a real browser.

// tenants is a zmqtap that serves the page's tenants, in the folder that has their tokens.
type tenants struct {
	*receiver
	pub       *peer
	dir, site string
}

func startTenants(t *testing.T) *tenants {
	t.Helper()
	s := &tenants{pub: startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*"), dir: t.TempDir()}
	if made := typed(t, s.dir, pageBlock(t, "### 6. ", "sh", 0)); made.exit(t) != 0 {
		t.Fatal("no tokens")
	}
	s.receiver = typed(t, s.dir, "exec "+pageBlock(t, "### 6. ", "sh", 1, "127.0.0.1:8080", "127.0.0.1:0", "tcp://web1.example.com:5558", s.pub.endpoint))
	s.site = strings.TrimSuffix(s.served(t), "/")
	return s
}

// token returns a tenant's token.
func (s *tenants) token(t *testing.T, name string) string {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(s.dir, name+".token"))
	if err != nil || len(token) != 32 {
		t.Fatalf("the token of %s has %d characters, %v", name, len(token), err)
	}
	return string(token)
}

// publish publishes a message for each team, and one for none.
func (s *tenants) publish(t *testing.T, text string) {
	t.Helper()
	for _, topic := range []string{"shop/", "shop.INFO", "nginx/web1/", "billing/", "billing.ERROR", "sshd/web1/", "shop", "Billing/"} {
		s.pub.send(t, topic, text+" of "+topic)
	}
}

// end stops zmqtap, whose log must not have any token.
func (s *tenants) end(t *testing.T) {
	t.Helper()
	s.stop(t)
	for _, name := range []string{"shop", "billing", "ops"} {
		if log := s.stderr.String(); strings.Contains(log, s.token(t, name)) || strings.Contains(log, "level=ERROR") {
			t.Errorf("logged: %s", log)
		}
	}
}

// take takes billing's token away, as the page says.
func (s *tenants) take(t *testing.T) {
	t.Helper()
	if taken := typed(t, s.dir, pageBlock(t, "### 6. ", "sh", 4)); taken.exit(t) != 0 {
		t.Fatal("the token is not taken away")
	}
}

func TestTapPageTenants(t *testing.T) {
	s := startTenants(t)
	var curls []*receiver
	for line := range strings.Lines(pageBlock(t, "### 6. ", "sh", 2, "http://127.0.0.1:8080", s.site)) {
		curls = append(curls, typed(t, s.dir, line))
	}
	wantOnly(t, func() { s.publish(t, "line") }, curls, `^line of (shop/|shop\.INFO|nginx/web1/)$`, `^line of billing(/|\.ERROR)$`, `^line of (\w+/web1/|\w+/?|\w+\.[A-Z]+)$`, `^line of nginx/web1/$`)
	refused := typed(t, s.dir, pageBlock(t, "### 6. ", "sh", 3, "http://127.0.0.1:8080", s.site))
	meets(t, refused.next, "^not allowed: shop may read what begins with shop/, shop[.], nginx/, and no other topics$")
	s.take(t)
	rest := curls[1].rest(t)
	if last := rest[len(rest)-1]; last != "zmqtap: this token is no longer valid: the stream ends here" {
		t.Errorf("the end of billing's stream is %q", last)
	}
	s.publish(t, "later")
	for i, name := range map[int]string{0: "shop/", 2: "shop/", 3: "nginx/web1/"} {
		for line := ""; line != "later of "+name; line = curls[i].next(t) {
			if strings.HasPrefix(line, "zmqtap: ") {
				t.Errorf("command %d printed %q", i, line)
			}
		}
	}
	s.end(t)
}

// logIn opens the page, gives it a tenant's token, and waits until it shows who that is.
func (s *tenants) logIn(t *testing.T, tab *webdriver.Tab, name, access string) {
	t.Helper()
	tab.Go(s.site + "/")
	tab.Wait("the page asks for a token", "return document.querySelector('#token-dialog').open")
	tab.Type("#token", s.token(t, name)+webdriver.Enter)
	tab.Wait("the page is live", "return document.querySelector('#state').textContent.includes('live')")
	tab.Wait("who one is", `const e = document.querySelector('#access');
		return e.checkVisibility() && e.textContent === arguments[0]`, access)
}

// Three people in a real Chromium: each sees who it is, and its own lines alone, also when it asks for more.
func TestTenantsInABrowser(t *testing.T) {
	s := startTenants(t)
	tabs := map[string]*webdriver.Tab{}
	for name, access := range map[string]string{"shop": "shop: shop/ shop. nginx/", "billing": "billing: billing/ billing.", "ops": "ops: all topics"} {
		tabs[name] = startBrowser(t).NewTab(t) // each of them has a browser of its own
		s.logIn(t, tabs[name], name, access)
	}
	shown := func(name string) (lines []string) {
		tabs[name].Run(&lines, "return [...document.querySelectorAll('.line > .message')].map((e) => e.textContent)")
		return lines
	}
	warmed(t, func() { s.publish(t, "line") }, func() bool { return len(shown("shop")) > 3 }, func() bool { return len(shown("billing")) > 3 }, func() bool { return len(shown("ops")) > 11 })
	own := map[string]string{"shop": `^line of (shop/|shop\.INFO|nginx/web1/)$`, "billing": `^line of billing(/|\.ERROR)$`, "ops": `^line of (\w+/web1/|\w+/?|\w+\.[A-Z]+)$`}
	wantOwn := func(at, whose string) {
		t.Helper()
		for _, line := range shown(at) {
			if !regexp.MustCompile(own[whose]).MatchString(line) {
				t.Errorf("%s sees %q", whose, line)
			}
		}
	}
	for name := range own {
		wantOwn(name, name)
	}
	var counted string
	tabs["shop"].Run(&counted, "return document.querySelector('#lost').textContent")
	if counted != "0" {
		t.Errorf("shop has lost %s", counted)
	}

	tabs["shop"].Type("#topics", "billing/"+webdriver.Enter)
	tabs["shop"].Wait("it is refused", "return document.querySelector('#grep-error').textContent.startsWith('not allowed: shop may read')")
	wantOwn("shop", "shop") // what it had
	tabs["shop"].Run(nil, "location.hash = ''")
	wantShown(t, tabs["shop"], "line of shop/")

	s.take(t)
	wantShown(t, tabs["billing"], "this token is no longer valid: the stream ends here")
	tabs["billing"].Wait("the page asks for a token", `return document.querySelector('#token-dialog').open
		&& document.querySelector('#token-reason').textContent === 'The server has rejected this token.' && !document.querySelector('#access').checkVisibility()`)
	tabs["billing"].Type("#token", s.token(t, "shop")+webdriver.Enter) // somebody else at the same tab
	wantShown(t, tabs["billing"], "line of nginx/web1/")
	wantOwn("billing", "shop")
	s.publish(t, "later")
	wantShown(t, tabs["shop"], "later of shop/")
	wantShown(t, tabs["ops"], "later of billing/")
	s.end(t)
}
