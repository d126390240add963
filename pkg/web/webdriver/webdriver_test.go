package webdriver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

func TestBrowser(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; require-trusted-types-for 'script'")
		w.Write([]byte("<!DOCTYPE html><title>page</title><input id=field>")) //nolint:errcheck // the browser sees it
	}))
	defer server.Close()
	driver, err := webdriver.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := driver.Close(); err != nil {
			t.Error(err)
		}
	}()
	browser, err := driver.Open()
	if err != nil {
		t.Fatalf("%v\n%s", err, driver.Log())
	}
	t.Run("tab", func(t *testing.T) {
		tab := browser.NewTab(t)
		tab.BeforePage("window.early = 1")
		tab.Go(server.URL)
		tab.Type("#field", "text")
		var got []any
		tab.Run(&got, "return [document.title, document.querySelector('#field').value, window.early, await Promise.resolve(arguments[0])]", "given")
		if len(got) != 4 || got[0] != "page" || got[1] != "text" || got[2] != 1.0 || got[3] != "given" {
			t.Errorf("the page returns %v", got)
		}
		if png := tab.Screenshot(); len(png) < 8 || string(png[1:4]) != "PNG" {
			t.Errorf("the screenshot begins %.8q", png)
		}
	})
	if err := browser.Close(); err != nil {
		t.Error(err)
	}
}
