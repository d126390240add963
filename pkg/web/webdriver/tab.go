package webdriver

import (
	"encoding/base64"
	"testing"
	"time"
)

// waitPatience bounds Wait; waitStep is the time between two of its polls.
const (
	waitPatience = 30 * time.Second
	waitStep     = 20 * time.Millisecond
)

// elementKey is the JSON key of a reference to an element.
const elementKey = "element-6066-11e4-a52e-4f735466cecf"

// Tab is one test's tab. A failing command ends the test.
type Tab struct {
	t testing.TB
	b *Browser
}

// NewTab opens a tab and makes it the current one, until the test ends. A browser has one current tab; a test
// that needs several opens each in a subtest.
func (b *Browser) NewTab(t testing.TB) *Tab {
	t.Helper()
	tab := &Tab{t: t, b: b}
	var window struct {
		Handle string `json:"handle"`
	}
	tab.must("POST", "/window/new", map[string]any{"type": "tab"}, &window)
	tab.must("POST", "/window", map[string]any{"handle": window.Handle}, nil)
	t.Cleanup(func() {
		if err := b.call("DELETE", "/window", nil, nil); err != nil {
			t.Errorf("close the tab: %v", err)
		}
		if err := b.call("POST", "/window", map[string]any{"handle": b.first}, nil); err != nil {
			t.Errorf("go back to the first tab: %v", err)
		}
	})
	return tab
}

func (tab *Tab) must(method, path string, in, out any) {
	tab.t.Helper()
	if err := tab.b.call(method, path, in, out); err != nil {
		tab.t.Fatal(err)
	}
}

// Go loads a page and waits until it is loaded.
func (tab *Tab) Go(address string) {
	tab.t.Helper()
	tab.must("POST", "/url", map[string]any{"url": address}, nil)
}

// Run runs the body of a function with arguments in the page, and decodes its result into out, which may be
// nil. It awaits a promise.
func (tab *Tab) Run(out any, body string, args ...any) {
	tab.t.Helper()
	if args == nil {
		args = []any{}
	}
	tab.must("POST", "/execute/sync", map[string]any{"script": body, "args": args}, out)
}

// Wait polls until the body of a function returns a truthy value. what describes the condition in the failure.
func (tab *Tab) Wait(what, body string, args ...any) {
	tab.t.Helper()
	ticker := time.NewTicker(waitStep)
	defer ticker.Stop()
	for deadline := time.Now().Add(waitPatience); ; <-ticker.C {
		var ok bool
		tab.Run(&ok, "return !!await (async function () {"+body+"}).apply(null, arguments)", args...)
		if ok {
			return
		}
		if time.Now().After(deadline) {
			tab.t.Fatalf("not after %v: %s", waitPatience, what)
		}
	}
}

// Command performs a command of Chromium's own protocol (https://chromedevtools.github.io/devtools-protocol/)
// on this tab; out may be nil.
func (tab *Tab) Command(name string, params map[string]any, out any) {
	tab.t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	tab.must("POST", "/goog/cdp/execute", map[string]any{"cmd": name, "params": params}, out)
}

// find returns the path of the first element that matches a CSS selector.
func (tab *Tab) find(selector string) string {
	tab.t.Helper()
	var found map[string]string
	tab.must("POST", "/element", map[string]any{"using": "css selector", "value": selector}, &found)
	return "/element/" + found[elementKey]
}

// Click clicks the middle of an element with the mouse.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.must("POST", tab.find(selector)+"/click", map[string]any{}, nil)
}

// Type types into an element. text may contain keys such as Enter and Shift.
func (tab *Tab) Type(selector, text string) {
	tab.t.Helper()
	tab.must("POST", tab.find(selector)+"/value", map[string]any{"text": text}, nil)
}

// Press presses and releases one key, wherever the focus is.
func (tab *Tab) Press(key string) {
	tab.t.Helper()
	tab.must("POST", "/actions", map[string]any{"actions": []any{map[string]any{
		"type": "key", "id": "keyboard",
		"actions": []any{
			map[string]any{"type": "keyDown", "value": key},
			map[string]any{"type": "keyUp", "value": key},
		},
	}}}, nil)
}

// Keys that are not characters (WebDriver, 15.4.2).
const (
	Enter  = "\ue007"
	Shift  = "\ue008"
	Escape = "\ue00c"
	Tabs   = "\ue004"
)

// Screenshot returns the visible page as PNG.
func (tab *Tab) Screenshot() []byte {
	tab.t.Helper()
	var text string
	tab.must("GET", "/screenshot", nil, &text)
	png, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		tab.t.Fatalf("the screenshot: %v", err)
	}
	return png
}

// SetColorScheme emulates the preference for a color scheme, "light" or "dark".
func (tab *Tab) SetColorScheme(scheme string) {
	tab.t.Helper()
	tab.Command("Emulation.setEmulatedMedia", map[string]any{
		"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
}

// SetSize sets the view's size in CSS pixels. scale is the number of device pixels per CSS pixel; mobile
// emulates a phone.
func (tab *Tab) SetSize(width, height int, scale float64, mobile bool) {
	tab.t.Helper()
	tab.Command("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile,
	}, nil)
}

// BeforePage runs a script in every page that this tab loads, before the page's own scripts and whatever its
// policy is.
func (tab *Tab) BeforePage(script string) {
	tab.t.Helper()
	tab.Command("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": script}, nil)
}
