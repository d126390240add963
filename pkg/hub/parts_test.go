package hub

import (
	"fmt"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

func setOf(prefixes ...string) *prefix.Set {
	s := new(prefix.Set)
	for _, p := range prefixes {
		s.Insert([]byte(p))
	}
	return s
}

// A replay looks for nothing but what the subscriber may have.
func TestParts(t *testing.T) {
	allowed := setOf("app.red.", "app.redder.", "b", "bb")
	for topics, want := range map[string]string{"": `["app.red." "app.redder." "b"]`, "app.redd": `["app.redder."]`, "bbb": `["bbb"]`, "c": `[]`} {
		if got := fmt.Sprintf("%q", parts(allowed, []byte(topics))); got != want {
			t.Errorf("%q: %s, want %s", topics, got, want)
		}
	}
	if got := parts(nil, []byte("x")); len(got) != 1 || string(got[0]) != "x" {
		t.Errorf("of everything: %q", got)
	}
}

// What arrives during a replay is given if the subscriber may have it, and does not get it anyway.
func TestWantedOnly(t *testing.T) {
	peers := make(chan *zmq.Peer, 1)
	pub := taptest.Open(t, zmq.Config{Type: zmq.XPub, Allow: func(*zmq.Peer) *prefix.Set { return setOf("red.") },
		OnSubscription: func(p *zmq.Peer, _ []byte, _ bool, apply func()) {
			if apply(); p.WantsAnyway([]byte("red.1"), nil) {
				peers <- p
			}
		}})
	at, err := pub.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sub := taptest.Open(t, zmq.Config{Type: zmq.Sub, Subscribe: []string{"red.1"}})
	if err := sub.Connect(at); err != nil {
		t.Fatal(err)
	}
	wanted := wantedOnly(<-peers, nil)
	for topic, want := range map[string]bool{"red.2": true, "red.1": false, "blue.": false, "": false, "red": false} {
		if wanted([]byte(topic)) != want {
			t.Errorf("%q: %v", topic, !want)
		}
	}
}
