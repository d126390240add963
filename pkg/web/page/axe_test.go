package page_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// axe is axe-core, which integration/setup fetches.
const axe = "../../../.cache/node/node_modules/axe-core/axe.min.js"

// leftOut exists if integration/setup could not fetch it, and says why. Continuous integration leaves nothing out.
const leftOut = "../../../.cache/node/left-out"

// TestAxe lets axe-core check all of the page's states against WCAG 2.2, A and AA, and its own best practices.
func TestAxe(t *testing.T) {
	source, err := os.ReadFile(axe)
	if reason, noted := os.ReadFile(leftOut); err != nil && noted == nil && os.Getenv("CI") != "true" {
		t.Skip(string(reason))
	}
	if err != nil {
		t.Fatalf("%v: run integration/setup test, which fetches it", err)
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, device := range []device{{"desktop", 1280, 800, 1, false}, {"phone", 360, 740, 2, true}} {
			t.Run(scheme+" "+device.name, func(t *testing.T) {
				s := newServer(t)
				tab := newTab(t)
				tab.SetSize(device.width, device.height, device.scale, device.mobile)
				tab.SetColorScheme(scheme)
				tab.Go(s.URL)
				tab.Run(nil, string(source)+"; window.axe = axe")
				r := s.live()
				r.send("event: status\ndata: {\"up\":false,\"since\":\"2026-05-04T10:00:00Z\",\"endpoints\":[{\"endpoint\":\"tcp://h:1\",\"bound\":false,\"up\":false,\"since\":\"x\",\"reason\":\"refused\"}]}\n\n")
				waitFor(t, tab, "#absence", "no publisher")
				inspect(t, tab, "no publisher")
				r.send(sample(60) + event(61, "t", "trace\n  at a(b)\n  at c(d)") + "event: gap\ndata: {}\n\n")
				waitFor(t, tab, "#lines", "trace")
				tab.Run(nil, "document.getElementById('fold').open = true")
				tab.Type("#search", "orders"+webdriver.Enter)
				waitFor(t, tab, "#held-text", "you searched")
				inspect(t, tab, "lines, a search")
				tab.Run(nil, "document.querySelector('.line').click()")
				tab.Wait("the details", "return document.getElementById('details').checkVisibility()")
				inspect(t, tab, "details")
				tab.Run(nil, "document.activeElement.blur(); document.getElementById('details-close').click()")
				tab.Run(nil, "location.hash = 'severity=emergency&not=host:x&exclude=y'")
				tab.Wait("none", "return document.getElementById('show-all').checkVisibility()")
				inspect(t, tab, "no match")
				for _, dialog := range []string{"columns-dialog", "help", "token-dialog"} {
					tab.Run(nil, "const d = document.getElementById(arguments[0]); if (d.id === 'help') document.getElementById('help-open').click(); else d.showModal()", dialog)
					inspect(t, tab, dialog)
					tab.Run(nil, "document.getElementById(arguments[0]).close()", dialog)
				}
				tab.Run(nil, "if (!document.getElementById('side').checkVisibility()) document.getElementById('side-toggle').click()")
				tab.Wait("topics", "return document.querySelector('#side-list li')")
				inspect(t, tab, "topics")
			})
		}
	}
}

func inspect(t *testing.T, tab *webdriver.Tab, state string) {
	t.Helper()
	var found []string
	tab.Run(&found, `const { violations } = await axe.run(document, { resultTypes: ['violations'] });
		return violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html.slice(0, 150) + ' ' + n.failureSummary.slice(0, 300)))`)
	if len(found) > 0 {
		t.Errorf("%s: axe finds\n%s", state, strings.Join(found, "\n"))
	}
}
