package page_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// node is a node of Chromium's accessibility tree.
type node struct {
	Ignored bool
	Role    struct{ Value string }
	Name    struct{ Value string }
}

func accessibility(tab *webdriver.Tab) []node {
	var tree struct{ Nodes []node }
	tab.Command("Accessibility.enable", nil, nil)
	tab.Command("Accessibility.getFullAXTree", nil, &tree)
	return tree.Nodes
}

func TestControlsHaveNames(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(1, 100, "line") + event(101, "t", strings.Repeat("x", 9000)))
	waitFor(t, tab, ".more", "more bytes")
	tab.Run(nil, "document.getElementById('log').scrollTop = 0")
	tab.Wait("the button", "return document.getElementById('jump').checkVisibility()")
	var got []string
	for _, n := range accessibility(tab) {
		switch n.Role.Value {
		case "button", "textbox", "combobox", "searchbox", "log", "slider", "form", "main", "banner", "contentinfo", "heading":
			if !n.Ignored {
				got = append(got, n.Role.Value+" "+n.Name.Value)
			}
		}
	}
	for _, want := range []string{
		"banner ", "main ", "contentinfo ", "form View", "heading zmqtap", "log Log lines", "textbox Topics", "textbox Grep", "combobox Severity", "textbox Exclude", "textbox Search",
		"button Next match", "button Previous match", "button Pause", "button Clear", "button Wrap", "button UTC", "button Fold", "button Columns…", "button Topics", "button Download .log",
		"button Download .ndjson", "button Regular expression", "button Hide others", "button Keys and numbers", "button … 808 more bytes",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, g := range got {
		role, name, _ := strings.Cut(g, " ")
		if name == "" && role != "main" && role != "banner" && role != "contentinfo" {
			t.Errorf("a %s without a name", role)
		}
		if role == "slider" && !strings.Contains(name, "now ") {
			t.Errorf("the chart says %q", name)
		}
	}
	var live []string
	tab.Run(&live, "return ['log', 'announcer'].map((id) => document.getElementById(id).getAttribute('aria-live') ?? document.getElementById(id).getAttribute('role'))")
	if strings.Join(live, " ") != "off status" {
		t.Errorf("the log and the summary are %q", live)
	}
}

// TestKeyboard goes through all controls with the Tab key.
func TestKeyboard(t *testing.T) {
	_, tab, r := open(t, "")
	r.send(events(1, 100, "line"))
	waitFor(t, tab, "#lines", "line 100")
	tab.Wait("the topic, if topics are shown", "return !document.getElementById('side').checkVisibility() || document.querySelector('#side-list li')")
	tab.Run(nil, "document.activeElement.blur()")
	want := []string{
		"chart", "range", "topics", "grep", "severity", "exclude", "search", "expression", "hide", "previous", "next",
		"wrap", "utc", "group", "columns", "side-toggle", "save-log", "save-ndjson", "pause", "clear", "help-open",
	}
	var side bool
	if tab.Run(&side, "return document.getElementById('side').checkVisibility()"); side {
		want = append(want, "side-field", "", "") // the topic, and not it
	}
	want = append(want, "log")
	for _, id := range want {
		tab.Press(webdriver.Tabs)
		var got []any
		tab.Run(&got, "const e = document.activeElement; return [e.id, getComputedStyle(e).outlineStyle]")
		if got[0] != id || got[1] == "none" {
			t.Errorf("the focus is on %v, want %s with an outline", got, id)
		}
	}
	tab.Press("/")
	tab.Wait("the search has the focus", "return document.activeElement.id === 'search'")
	tab.Run(nil, "document.getElementById('clear').focus()")
	tab.Press(" ")
	tab.Wait("space presses the button", "return document.querySelectorAll('.line').length === 0")
	if got := text(t, tab, "#pause"); got != "Pause" {
		t.Errorf("space on a button has paused the view: %q", got)
	}
}

// contrast returns, for elements with text, WCAG 2.1's contrast ratio between their color and their background.
const contrast = `
const parse = (c) => { const n = c.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), a: n[3] ?? 1 }; };
const over = (top, under) => top.rgb.map((v, i) => v * top.a + under[i] * (1 - top.a));
const behind = (e) => {
	if (e === null) return parse(getComputedStyle(document.body).backgroundColor).rgb;
	const c = parse(getComputedStyle(e).backgroundColor);
	return c.a === 1 ? c.rgb : over(c, behind(e.parentElement));
};
const light = (rgb) => {
	const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const out = {};
for (const e of document.querySelectorAll('body *')) {
	if (!e.checkVisibility() || e.closest('.unseen') || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== '')) continue;
	const under = behind(e);
	const name = (e.closest('.line, .note')?.className ?? '') + ' ' + (e.id || e.className || e.localName);
	out[name] = Math.min(out[name] ?? 99, ratio(over(parse(getComputedStyle(e).color), under), under));
}
return out;`

func TestContrast(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			s := newServer(t)
			tab := newTab(t)
			tab.SetColorScheme(scheme)
			tab.Go(s.URL)
			r := s.live()
			for i := range 8 {
				r.line(i, "topic", fmt.Sprintf("<%d>text \u202e found", i))
			}
			r.send("event: missed\ndata: {\"count\":1,\"total\":1}\n\nevent: gap\ndata: {}\n\ndata: {\n\n" + event(9, "", strings.Repeat("x", 9000)))
			waitFor(t, tab, ".more", "more bytes")
			tab.Type("#search", "found"+webdriver.Enter)
			waitFor(t, tab, "#unreadable", "1")
			ratios := map[string]float64{}
			tab.Run(&ratios, contrast)
			if len(ratios) < 40 {
				t.Errorf("only %d elements were checked", len(ratios))
			}
			for name, ratio := range ratios {
				if ratio < 4.5 {
					t.Errorf("%s has a contrast of %.2f", name, ratio)
				}
			}
		})
	}
}

// TestPhone checks that nothing is wider than a phone, and that lines are legible there.
func TestPhone(t *testing.T) {
	s := newServer(t)
	tab := newTab(t)
	tab.SetSize(360, 740, 2, true)
	tab.Go(s.URL)
	r := s.live()
	r.send(sample(60))
	tab.Wait("all lines", "return document.querySelectorAll('.line').length === 60")
	tab.Click("summary")
	var wide []string
	tab.Run(&wide, `return Array.from(document.querySelectorAll('body *:not(.unseen)')).filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > 361)
		.map((e) => e.localName + '#' + e.id + '.' + e.className)`)
	if len(wide) > 0 {
		t.Errorf("wider than the phone: %q", wide)
	}
	var sizes []float64
	tab.Run(&sizes, `const m = document.querySelector('.line:last-child > .message');
		return [innerWidth, parseFloat(getComputedStyle(m).fontSize), m.getBoundingClientRect().width, document.getElementById('log').clientHeight]`)
	if sizes[0] != 360 || sizes[1] < 12 || sizes[2] < 300 || sizes[3] < 150 {
		t.Errorf("view, letters, message and log measure %v", sizes)
	}
}
