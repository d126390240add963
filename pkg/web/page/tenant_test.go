package page_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

// The page shows who the server says that the reader is. What one reader has seen is not shown to another.
func TestAccess(t *testing.T) {
	s, tab, r := open(t, "")
	shown := func() (visible bool) {
		tab.Run(&visible, "return document.getElementById('access').checkVisibility()")
		return visible
	}
	waitFor(t, tab, "#state", "live")
	if shown() {
		t.Error("without the event, the page shows who one is")
	}
	r.send("retry: 100\n\nevent: access\ndata: {\"name\":\"acme\",\"topics\":[\"acme/\",\"b\",\"c\u202e\",\"<i>d</i>\"]}\n\n" + event(1, "acme/", "of acme"))
	waitFor(t, tab, "#lines", "of acme")
	var got []string
	tab.Run(&got, "const e = document.getElementById('access'); return [e.textContent, e.title]")
	if want := []string{"acme: acme/ b c<U+202E> and 1 more", "You are acme: acme/ b c<U+202E> <i>d</i>"}; !shown() || !reflect.DeepEqual(got, want) {
		t.Errorf("shows %q, want %q", got, want)
	}
	for _, wrong := range []string{"{", "null", "{}", `{"name":1}`, `{"name":"x","topics":"y"}`, `{"name":"x","topics":[1]}`} {
		r.send("event: access\ndata: " + wrong + "\n\n")
	}
	r.send("event: end\ndata: {}\n\nevent: end\ndata: {\"reason\":\"this token is no longer valid\"}\n\n")
	waitFor(t, tab, ".note.end", "this token is no longer valid")
	waitFor(t, tab, "#unreadable", "7")
	r.end()
	s.next().answer(http.StatusUnauthorized, "")
	waitFor(t, tab, "#token-reason", "This server needs a token.")
	if shown() {
		t.Error("the page still shows who one was")
	}
	tab.Type("#token", "another"+webdriver.Enter)
	r = s.live()
	r.send("event: access\ndata: {\"name\":\"ops\"}\n\n" + event(2, "ops/", "of ops"))
	waitFor(t, tab, "#lines", "of ops")
	waitFor(t, tab, "#access", "ops: all topics")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"of ops"}) {
		t.Errorf("shows %q", got)
	}
	r.end()
	r = s.live() // the same again: its lines stay
	r.send("event: access\ndata: {\"name\":\"ops\"}\n\n" + eventAt(3, "ops/", "more of ops", time.Now()))
	waitFor(t, tab, "#lines", "more of ops")
	if got := messages(t, tab); !reflect.DeepEqual(got, []string{"of ops", "more of ops"}) {
		t.Errorf("shows %q", got)
	}
}

// What a tenant may not read is refused, with the server's reason, until the filter is another.
func TestForbiddenTopic(t *testing.T) {
	s := newServer(t)
	tab := newTab(t)
	tab.Go(s.URL + "/#topic=beta")
	s.next().answer(http.StatusForbidden, "not allowed: acme may read what begins with acme/"+strings.Repeat("x", 600))
	waitFor(t, tab, "#grep-error", "not allowed: acme may read what begins with acme/")
	waitFor(t, tab, "#state", "stopped")
	tab.Run(nil, "location.hash = 'topic=acme/'")
	if got := s.live().query.Encode(); got != "last=200&topic=acme%2F" {
		t.Errorf("asks for %q", got)
	}
	tab.Wait("no error", "return document.getElementById('grep-error').hidden")
}
