package page_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

var screenshots = flag.String("screenshots", "", "write screenshots into this folder")

// chromium is the one browser of all tests; each test has a tab of its own.
var chromium struct {
	once    sync.Once
	driver  *webdriver.Driver
	browser *webdriver.Browser
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.driver != nil {
		if err := chromium.driver.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// watcher runs in every page before the page's scripts, and records what must not happen there.
const watcher = `
window.__violations = [];
window.__errors = [];
addEventListener('securitypolicyviolation', (e) => window.__violations.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
addEventListener('error', (e) => window.__errors.push(String(e.message)));
addEventListener('unhandledrejection', (e) => window.__errors.push(String(e.reason)));
`

// newTab opens a tab of 1280 × 800. At the end of the test, the page must have neither violated its policy
// nor thrown an error.
func newTab(t *testing.T) *webdriver.Tab {
	t.Helper()
	chromium.once.Do(func() {
		if chromium.driver, chromium.err = webdriver.Start(); chromium.err == nil {
			chromium.browser, chromium.err = chromium.driver.Open()
		}
	})
	if chromium.err != nil {
		t.Fatal(chromium.err)
	}
	tab := chromium.browser.NewTab(t)
	tab.BeforePage(watcher)
	t.Cleanup(func() {
		var wrong []string
		tab.Run(&wrong, "return [...window.__violations, ...window.__errors]")
		if len(wrong) > 0 {
			t.Errorf("in the page: %s", strings.Join(wrong, "\n"))
		}
	})
	return tab
}

// text returns the text of the first element that matches a selector.
func text(t *testing.T, tab *webdriver.Tab, selector string) (s string) {
	t.Helper()
	tab.Run(&s, "return document.querySelector(arguments[0]).textContent", selector)
	return s
}

// messages returns the messages of all lines, in order.
func messages(t *testing.T, tab *webdriver.Tab) (all []string) {
	t.Helper()
	tab.Run(&all, "return Array.from(document.querySelectorAll('.line > .message'), (e) => e.textContent)")
	return all
}

// waitFor waits until an element's text contains part.
func waitFor(t *testing.T, tab *webdriver.Tab, selector, part string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("%s is %q", selector, text(t, tab, selector))
		}
	}()
	tab.Wait(fmt.Sprintf("%s contains %q", selector, part),
		"return document.querySelector(arguments[0])?.textContent.includes(arguments[1])", selector, part)
}
