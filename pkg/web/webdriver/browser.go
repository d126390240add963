package webdriver

import (
	"os"
	"path/filepath"
)

// Browser is one headless Chromium with a profile of its own. One goroutine may use it.
type Browser struct {
	address string // http://127.0.0.1:port/session/ID
	first   string // the handle of the tab that stays open
}

// flags returns Chromium's flags: no sandbox, because tests may run as root in a container, and nothing that
// contacts other hosts.
func flags(profile string) []string {
	return []string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,800",
		"--remote-debugging-pipe", "--user-data-dir=" + profile, "--lang=en-US",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
	}
}

// Open starts a browser. Driver.Close ends it.
func (d *Driver) Open() (*Browser, error) {
	profile, err := os.MkdirTemp(d.folder, "profile-")
	if err != nil {
		return nil, err
	}
	options := map[string]any{"args": flags(filepath.Join(profile, "chromium"))}
	in := map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName":        "chrome",
		"goog:chromeOptions": options,
		"timeouts":           map[string]any{"script": 30_000, "pageLoad": 30_000},
	}}}
	var session struct {
		SessionID string `json:"sessionId"`
	}
	b := &Browser{address: d.address + "/session"}
	if err := b.call("POST", "", in, &session); err != nil {
		return nil, err
	}
	b.address += "/" + session.SessionID
	return b, b.call("GET", "/window", nil, &b.first)
}

// Close ends the browser.
func (b *Browser) Close() error { return b.call("DELETE", "", nil, nil) }
