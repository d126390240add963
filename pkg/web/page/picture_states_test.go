package page_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// TestPicturesOfStates writes pictures of the page's states into the folder that -screenshots names.
func TestPicturesOfStates(t *testing.T) {
	if *screenshots == "" {
		return // there is nothing to check
	}
	devices := []struct {
		device
		scheme string
	}{
		{device{"desktop-light", 1280, 760, 1, false}, "light"}, {device{"desktop-dark", 1280, 760, 1, false}, "dark"},
		{device{"900", 900, 700, 1, false}, "light"}, {device{"phone", 360, 740, 2, true}, "dark"},
	}
	states := map[string]func(*testing.T, *webdriver.Tab, *reader){
		"idle": func(t *testing.T, tab *webdriver.Tab, r *reader) {
			waitFor(t, tab, "#absence", "Nothing has been published")
		},
		"10-a-second": func(t *testing.T, tab *webdriver.Tab, r *reader) {
			r.send(sample(1100) + traces())
			waitFor(t, tab, "#received", "1,1")
		},
		"5000-a-second": func(t *testing.T, tab *webdriver.Tab, r *reader) {
			for i := range 10 {
				r.send(sample(5000))
				waitFor(t, tab, "#received", fmt.Sprintf("%d,000", 5*(i+1)))
			}
		},
		"details": func(t *testing.T, tab *webdriver.Tab, r *reader) {
			r.send(sample(640))
			waitFor(t, tab, "#received", "640")
			tab.Run(nil, "Array.from(document.querySelectorAll('.line.severity-3')).at(-2).click()")
		},
		"no-publisher": func(t *testing.T, tab *webdriver.Tab, r *reader) {
			r.send(status(false, downEndpoint))
			waitFor(t, tab, "#absence", "no publisher")
		},
		"no-match": func(t *testing.T, tab *webdriver.Tab, r *reader) {
			r.send(strings.Replace(sample(300), "event: gap", "event: nothing", 1))
			waitFor(t, tab, "#received", "300")
			tab.Run(nil, "location.hash = 'severity=alert&exclude=GET'")
			waitFor(t, tab, "#absence", "None of")
		},
	}
	for _, d := range devices {
		for state, enter := range states {
			t.Run(d.name+" "+state, func(t *testing.T) {
				s := newServer(t)
				tab := newTab(t)
				tab.SetSize(d.width, d.height, d.scale, d.mobile)
				tab.SetColorScheme(d.scheme)
				tab.Go(s.URL)
				enter(t, tab, s.live())
				tab.Run(nil, "await new Promise((resolve) => setTimeout(resolve, 1500)) // two updates of all that is updated")
				if err := os.WriteFile(filepath.Join(*screenshots, fmt.Sprintf("%s-%s.png", state, d.name)), tab.Screenshot(), 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// traces returns the events of a traceback and of a stack trace.
func traces() string {
	var b strings.Builder
	for i, text := range []string{"Traceback (most recent call last):", `  File "bill.py", line 12, in charge`, "    raise Declined(card)", "billing.Declined: 402"} {
		b.WriteString(eventAt(5000+i, "billing/vm3/", "<11>1 "+time.Now().UTC().Format(time.RFC3339)+" vm3 billing 77 - - "+text, time.Now()))
	}
	b.WriteString(event(5010, "shop/vm3/", "<11>1 "+time.Now().UTC().Format(time.RFC3339)+" vm3 shop 99 - - java.lang.IllegalStateException: cart is empty\n\tat shop.Cart.pay(Cart.java:41)\n\tat shop.Main.run(Main.java:7)\nCaused by: shop.Empty"))
	return b.String()
}
