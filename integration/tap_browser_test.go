package integration

import (
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// The page as a person uses it, in a real Chromium: what rsyslog logs appears there and can be filtered,
// searched and paused, and no script in it runs.
func TestTapPageInABrowser(t *testing.T) {
	browser := startBrowser(t)
	from, endpoint := publishing(t)
	stranger := startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*")
	serve := startTap(t, "serve", "--http", "127.0.0.1:0", endpoint, stranger.endpoint)
	tab := browser.NewTab(t)
	tab.BeforePage(`window.ran = () => { window.hasRun = true }; window.violations = 0;
		addEventListener('securitypolicyviolation', () => window.violations++)`)
	tab.Go(serve.served(t))
	tab.Wait("the page is live", "return document.querySelector('#state').textContent.includes('live')")
	const hostile = `<img src=x onerror=ran()><svg onload=ran()><script>ran()</script>javascript:ran()`
	logged := func(text string) { from.logLines(t, "<35>1 2026-01-02T03:04:05Z web-1 sshd 1 - - "+text) }
	warmed(t, func() { stranger.send(t, hostile, hostile); logged("are you there") }, func() bool {
		var both bool
		tab.Run(&both, "const t = document.querySelector('#lines').textContent; return t.includes('are you there') && t.includes('onerror')")
		return both
	})
	logged("Failed password " + hostile)
	wantShown(t, tab, "Failed password "+hostile)
	wantHarmless(t, tab)
	var severity string
	tab.Run(&severity, `const line = [...document.querySelectorAll('.line')].find((e) => e.textContent.includes('Failed'));
		return line.querySelector('.severity').textContent`)
	if severity != "error" {
		t.Errorf("severity %q", severity)
	}

	tab.Type("#search", "Failed password"+webdriver.Enter)
	tab.Wait("a match", "return document.querySelector('#matches').textContent.startsWith('1') && document.querySelector('#lines mark')")
	tab.Click("#pause")
	logged("while it paused")
	tab.Wait("a line waits", "return /[1-9]/.test(document.querySelector('#pause').textContent)")
	tab.Run(nil, `if (document.querySelector('#lines').textContent.includes('while it paused'))
		throw new Error('a line appears while paused')`)
	tab.Click("#pause")
	wantShown(t, tab, "while it paused")

	tab.Type("#topics", "auth.err.sshd"+webdriver.Enter)
	logged("after the filter")
	tab.Wait("only what the filter lets through", `const sources = [...document.querySelectorAll('.line .program')].map((e) => e.textContent);
		return sources.length > 0 && sources.every((source) => source.startsWith('sshd'))`)
	wantShown(t, tab, "after the filter")
	from.stop(t)
	tab.Wait("the page shows that a publisher is gone", "return document.querySelector('#state').textContent.includes('1 publisher away: "+endpoint+"')")
	serve.stop(t)
	tab.Wait("the page shows that the server is gone", "return !document.querySelector('#state').textContent.includes('live')")
	if log := serve.stderr.String(); strings.Contains(log, "level=ERROR") {
		t.Error(log)
	}
}

func startBrowser(t *testing.T) *webdriver.Browser {
	t.Helper()
	driver, err := webdriver.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() }) //nolint:errcheck // the test is over
	browser, err := driver.Open()
	if err != nil {
		t.Fatal(err)
	}
	return browser
}

// wantShown waits until the page shows a line that contains text.
func wantShown(t *testing.T, tab *webdriver.Tab, text string) {
	t.Helper()
	tab.Wait("a line with "+text, "return document.querySelector('#lines').textContent.includes(arguments[0])", text)
}

// wantHarmless checks that no text has become markup, that no script has run and that the page has loaded nothing
// from elsewhere.
func wantHarmless(t *testing.T, tab *webdriver.Tab) {
	t.Helper()
	var harm []string
	tab.Run(&harm, `return [...document.querySelectorAll('#lines :is(img, svg, script, a, iframe)')].map((e) => e.tagName)
		.concat(window.hasRun ? 'ran' : [], window.violations ? 'violations' : [],
		performance.getEntriesByType('resource').map((e) => e.name).filter((name) => !name.startsWith(location.origin)))`)
	if len(harm) > 0 {
		t.Errorf("in the page: %q", harm)
	}
}
