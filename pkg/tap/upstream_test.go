package tap

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// watching returns a SUB that is watched until the test ends.
func watching(t *testing.T, cfg zmq.Config) (*zmq.Socket, *Upstream) {
	t.Helper()
	cfg.Type, cfg.OnReceive, cfg.Reconnect = zmq.XSub, (*zmq.Batch).Release, 5*time.Millisecond
	s := taptest.Open(t, cfg)
	u := NewUpstream(s)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.Watch(ctx)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return s, u
}

// becomes waits for a status of which text is true.
func becomes(t *testing.T, u *Upstream, what string, is func(*Status) bool) *Status {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		s, changed := u.Status()
		if is(s) {
			return s
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("waited in vain for %s; it is %s, away: %q", what, s.JSON(), s.Away)
		}
	}
}

func bindTo(t *testing.T, s *zmq.Socket, at string) string {
	t.Helper()
	at, err := s.Bind(at)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func connectTo(t *testing.T, s *zmq.Socket, at string) {
	t.Helper()
	if err := s.Connect(at); err != nil {
		t.Fatal(err)
	}
}

func end(s *zmq.Socket) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	s.Close(over)
}

// Publishers come and go, at both kinds of endpoints.
func TestStatusFollowsPublishers(t *testing.T) {
	t.Parallel()
	s, u := watching(t, zmq.Config{})
	if now, _ := u.Status(); now.Up || now.Publishers != 0 || len(now.Endpoints) != 0 || now.Since.IsZero() {
		t.Errorf("at first: %s", now.JSON())
	}
	pub := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	at := bindTo(t, pub, "tcp://127.0.0.1:0")
	connectTo(t, s, at)
	first := becomes(t, u, "a publisher", func(s *Status) bool { return s.Up })
	if e := first.Endpoints; len(e) != 1 || e[0].Endpoint != at || !e[0].Up || len(first.Peers) != 0 || first.Publishers != 1 {
		t.Errorf("with one: %s", first.JSON())
	}
	in := bindTo(t, s, "tcp://127.0.0.1:0")
	visitor := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	connectTo(t, visitor, in)
	two := becomes(t, u, "another publisher", func(s *Status) bool { return s.Publishers == 2 })
	if e := two.Endpoints; len(e) != 2 || e[1].Endpoint != in || !e[1].Bound || !e[1].Up || len(two.Peers) != 1 || !two.Since.Equal(first.Since) {
		t.Errorf("with two: %s", two.JSON())
	}
	end(pub)
	one := becomes(t, u, "the first one's end", func(s *Status) bool { return !s.Endpoints[0].Up && s.Endpoints[0].Reason == "connection refused" })
	if one.Endpoints[0].Endpoint != at || !one.Up || one.Publishers != 1 || !one.Since.Equal(first.Since) {
		t.Errorf("with one again: %s", one.JSON())
	}
	end(visitor)
	none := becomes(t, u, "the second one's end", func(s *Status) bool { return !s.Up })
	if none.Publishers != 0 || len(none.Peers) != 0 || !none.Since.After(first.Since) {
		t.Errorf("with none: %s", none.JSON())
	}
}

// What is away for a while is named, until it is back. That nobody has connected counts until somebody has.
func TestStatusNamesWhatIsAway(t *testing.T) {
	t.Parallel()
	s := taptest.Open(t, zmq.Config{Type: zmq.Sub, Reconnect: 5 * time.Millisecond})
	u := NewUpstream(s)
	away := func(after time.Duration, want string) {
		t.Helper()
		taptest.Eventually(t, want, func() bool {
			u.look(time.Now().Add(after))
			now, _ := u.Status()
			got := now.Away
			for _, e := range now.Endpoints {
				got = strings.ReplaceAll(got, e.Since.UTC().Format(time.RFC3339), "T")
			}
			return got == want
		})
	}
	in := bindTo(t, s, "tcp://127.0.0.1:0")
	away(time.Second, "")
	away(statusGrace, "nobody has connected to "+in+" since T")
	visitor := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	connectTo(t, visitor, in)
	away(time.Hour, "")
	end(visitor)
	taptest.Eventually(t, "the visitor's end", func() bool { return s.Peers() == 0 })
	away(time.Hour, "")

	pub := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	at := bindTo(t, pub, "tcp://127.0.0.1:0")
	connectTo(t, s, at)
	taptest.Eventually(t, "a connection", func() bool { return s.Peers() == 1 })
	end(pub)
	taptest.Eventually(t, "its end", func() bool { return s.Peers() == 0 })
	away(0, "")
	taptest.Eventually(t, "a refusal", func() bool { return s.Endpoints()[1].Reason == "connection refused" })
	away(statusGrace, "no connection to "+at+" (connection refused) since T")
	again := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	bindTo(t, again, at)
	away(time.Hour, "")

	for i := range 4 {
		connectTo(t, s, fmt.Sprintf("ipc:///nowhere/%d", i))
		taptest.Eventually(t, "a failure", func() bool { all := s.Endpoints(); return len(all) == 3+i && all[2+i].Reason != "" })
	}
	const because = " (no such file or directory) since T; "
	away(time.Hour, "no connection to ipc:///nowhere/0"+because+"no connection to ipc:///nowhere/1"+because+
		"no connection to ipc:///nowhere/2"+because+"and 1 more")
}

// A look says when something will be away, for which nothing else need change.
func TestStatusIsDue(t *testing.T) {
	s := &Status{Endpoints: []zmq.EndpointState{{Endpoint: "a", Since: time.Unix(100, 0)}, {Endpoint: "b", Since: time.Unix(103, 0)}, {Endpoint: "c", Up: true}}}
	for at, want := range map[int64]time.Duration{100: statusGrace, 104: time.Second, 105: 3 * time.Second, 107: time.Second, 108: 0} {
		if due := (&Status{Endpoints: s.Endpoints}).setAway(time.Unix(at, 0), true); due != want {
			t.Errorf("at %d due after %v, want %v", at, due, want)
		}
	}
}

// However many publishers there are, a status lists no more than what a reader can take; those that are away are first.
func TestStatusIsBounded(t *testing.T) {
	t.Parallel()
	s, u := watching(t, zmq.Config{})
	in := bindTo(t, s, "tcp://127.0.0.1:0")
	pub := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	for range mostListed + 1 {
		connectTo(t, s, bindTo(t, pub, "tcp://127.0.0.1:0"))
		connectTo(t, taptest.Open(t, zmq.Config{Type: zmq.Pub}), in)
	}
	all := becomes(t, u, "all", func(s *Status) bool { return s.Publishers == 2*mostListed+2 })
	if len(all.Endpoints) != mostListed || len(all.Peers) != mostListed {
		t.Errorf("%d endpoints and %d peers are listed", len(all.Endpoints), len(all.Peers))
	}
	for i := 1; i < len(all.Peers); i++ {
		if all.Peers[i].Number() > all.Peers[i-1].Number() {
			t.Error("the newest peers are not first")
		}
	}
	connectTo(t, s, "ipc:///nowhere/in/particular")
	becomes(t, u, "one that is away", func(s *Status) bool { return s.Endpoints[0].Reason != "" })
}

// A publisher that may publish nothing is none.
func TestStatusCountsWhoMayPublish(t *testing.T) {
	t.Parallel()
	var nothing prefix.Set
	s, u := watching(t, zmq.Config{Allow: func(*zmq.Peer) *prefix.Set { return &nothing }})
	connectTo(t, taptest.Open(t, zmq.Config{Type: zmq.Pub}), bindTo(t, s, "tcp://127.0.0.1:0"))
	taptest.Eventually(t, "a peer", func() bool { return s.Peers() == 1 })
	u.look(time.Now())
	if now, _ := u.Status(); now.Up || now.Publishers > 0 || len(now.Peers) > 0 {
		t.Errorf("it is %s", now.JSON())
	}
}

// A status is valid JSON whatever a reason says, and names nothing to those who may not know it.
func TestStatusAsJSON(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	s := &Status{Up: true, Since: at, Publishers: 1, Endpoints: []zmq.EndpointState{{Endpoint: "tcp://a:1", Since: at, Reason: "x\"\n\x1b\xff"}}}
	var got map[string]any
	if err := json.Unmarshal(s.JSON(), &got); err != nil {
		t.Error(err)
	}
	for want, text := range map[string][]byte{
		`{"up":true,"since":"2026-11-25T11:00:00.123456Z"}`: s.RestrictedJSON(),
		`{"up":true,"since":"2026-11-25T11:00:00.123456Z","publishers":1,"endpoints":[{"endpoint":"tcp://a:1","bound":false,"up":false,` +
			`"since":"2026-11-25T11:00:00.123456Z","reason":"x\"\n\u001b` + "\ufffd" + `"}]}`: s.JSON(),
	} {
		if string(text) != want && string(text) != strings.ReplaceAll(want, "\ufffd", `\ufffd`) {
			t.Errorf("%s\nwant %s", text, want)
		}
	}
	var nobody *Upstream
	if now, changed := nobody.Status(); now != nil || changed != nil {
		t.Error("no upstream has a status")
	}
}
