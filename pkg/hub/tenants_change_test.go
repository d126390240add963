package hub_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// A publisher, whichever end has bound, is asked for the wanted part of what it may publish, and nothing else of it
// arrives.
func TestTenantsPublishTheirPart(t *testing.T) {
	t.Parallel()
	d := secure(t, "red publish red.\nblue publish blue.a blue.b\nadmin subscribe *\nadmin publish *\nweb subscribe red.1 blue. other", hub.Config{})
	red, blue, stranger := d.pub("XPUB", "red"), d.server("XPUB", "blue"), d.pub("XPUB", "stranger")
	web := d.sub("web", "")
	red.Expect("\x01red.1")
	for range 2 {
		if asked := blue.Recv(1)[0]; asked != "\x01blue.a" && asked != "\x01blue.b" {
			t.Errorf("blue is asked for %q", asked)
		}
	}
	red.Send("blue.a|1", "red.2|2", "red.1|3")
	blue.Send("red.1|4", "blue.c|5", "other|6", "blue.a|7")
	got := map[string]bool{web.Recv(1)[0]: true, web.Recv(1)[0]: true}
	if !got["red.1|3"] || !got["blue.a|7"] {
		t.Errorf("received %v", got)
	}
	admin := d.sub("admin", "")
	red.Expect("\x01red.") // and not for everything
	web.Close()
	red.Expect("\x00red.1")
	admin.Close()
	red.Expect("\x00red.")
	everything := d.pub("XPUB", "admin")
	d.sub("web", "")
	parts := map[string]bool{everything.Recv(1)[0]: true, everything.Recv(1)[0]: true, everything.Recv(1)[0]: true}
	if !parts["\x01red.1"] || !parts["\x01blue."] || !parts["\x01other"] || !everything.Idle(5) {
		t.Errorf("for a subscriber to everything, its parts are asked for: %q", slices.Sorted(maps.Keys(parts)))
	}
	if !stranger.Idle(5) {
		t.Errorf("the stranger is asked for %q", stranger.Recv(1))
	}
	taptest.Eventually(t, "a line about the stranger", func() bool { return d.log.count("user=stranger") >= 2 })
	if d.log.count("lets it publish nothing") != 1 {
		t.Errorf("logged: %s", &d.log.text)
	}
}

// What a publisher sends although nobody has asked it for that ends at the hub: it is neither passed on nor remembered.
func TestWhatMayNotBePublished(t *testing.T) {
	t.Parallel()
	d := secure(t, "red publish red.\nadmin subscribe *", hub.Config{Replay: 100, ReplayBytes: 1 << 20})
	red, admin := d.Connect("XPUB", d.in, forced(d.options("red"))), d.sub("admin", "")
	red.Expect("\x01red.")
	red.Subscribe("") // from now on, the hub gets everything
	warm(red, admin, "red.")
	red.Send("blue.|1", "|2", "red|3", "red.1|4", "blue.|red.", "red.|5")
	admin.Expect("red.1|4", "red.|5")
	late := d.sub("admin", "")
	until("red.|5", late)
	if received := d.Counters().Received; d.In.LeftOut() != 4 || received < 4 {
		t.Errorf("%d are left out, %d are received", d.In.LeftOut(), received)
	}
	if d.log.count("user=red topic=blue. messages=1\n") < 1 {
		t.Errorf("logged: %s", &d.log.text)
	}
	if !late.Idle(5) || !admin.Idle(5) {
		t.Error("more arrives")
	}
}

// forced lets the program decide what an XPUB's subscribers have subscribed to.
func forced(o zmqtest.Options) zmqtest.Options {
	o["XPUB_MANUAL"] = 1
	return o
}

// A replay is the allowed part of what is remembered, in its order.
func TestReplayOfTenants(t *testing.T) {
	t.Parallel()
	d := secure(t, redAndBlue, hub.Config{Replay: 3, ReplayBytes: 1 << 20})
	web, admin := d.pub("PUB", "web"), d.sub("admin", "")
	warm(web, admin, "other")
	web.Send("app.red.1|1", "app.blue.|2", "shared|3", "app.red.2|4", "app.red|5", "app.redder.|6", "app.red.1|7", "|8", "app.red.\xff|9")
	admin.Recv(9)
	d.sub("red", "").Expect("app.red.1|1", "shared|3", "app.red.2|4", "app.red.1|7", "app.red.\xff|9")
	d.sub("red", "app.").Expect("app.red.1|1", "app.red.2|4", "app.red.1|7", "app.red.\xff|9")
	blue, key := d.sub("blue", "app.r", "", "shared"), d.sub("", "app.red.")
	blue.Expect("app.redder.|6", "app.blue.|2", "shared|3") // what it had not asked for before
	key.Expect("app.red.1|1", "app.red.1|7")
	for _, s := range []*zmqtest.Socket{blue, key, d.sub("stranger", ""), d.sub("web", "")} {
		if !s.Idle(50) {
			t.Errorf("received %q", s.Recv(1))
		}
	}
	if missed := d.Counters().Missed; missed > 0 {
		t.Errorf("%d are counted as missed", missed)
	}
	taptest.Eventually(t, "lines about those who may have nothing", func() bool {
		return d.log.count("gets nothing of it") == 2 && d.log.count("user=stranger") == 2 && d.log.count("user=web") == 3
	})
}

// Other rights are in force when SetRights returns, at both ends. Whose rights are the same stays connected.
func TestRightsChange(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]hub.Config{"": {}, "replay": {Replay: 10, ReplayBytes: 1 << 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := secure(t, "web publish *\nred subscribe a b\nblue subscribe a\nadmin subscribe *", cfg)
			web, admin := d.pub("PUB", "web"), d.sub("admin", "")
			warm(web, admin, "b")
			red, blue := d.sub("red", ""), d.sub("blue", "")
			warm(web, red, "b")
			warm(web, blue, "a")
			until("a|ready", red)
			d.change("web publish *\nred subscribe a\nblue subscribe a\nadmin subscribe *", 1)
			web.Send("b|after")
			warm(web, red, "a")
			web.Send("b|more", "a|end")
			until("a|end", blue, admin)
			for last := ""; last != "a|end"; last = red.Recv(1)[0] {
				if strings.HasPrefix(last, "b|after") || strings.HasPrefix(last, "b|more") {
					t.Fatalf("received %q", last)
				}
			}
			d.change("web publish b\nred subscribe a\nblue subscribe a\nadmin subscribe *", 1)
			web.Send("a|forbidden")
			warm(web, admin, "b")
			web.Send("a|forbidden", "b|end")
			for last := ""; last != "b|end"; last = admin.Recv(1)[0] {
				if last == "a|forbidden" {
					t.Fatal("received what may no longer be published")
				}
			}
			d.change("admin subscribe b", 4)
			if !red.Idle(50) || !blue.Idle(0) {
				t.Error("received what may no longer be had")
			}
		})
	}
}

// What waits for a tenant when its rights end is thrown away, a replay included.
func TestRightsEndInAReplay(t *testing.T) {
	t.Parallel()
	const messages = 1000
	d := secure(t, "web publish *\nred subscribe a\nadmin subscribe *", hub.Config{Replay: messages, ReplayBytes: 64 << 20})
	web, admin := d.Connect("PUB", d.in, d.options("web")), d.sub("admin", "")
	warm(web, admin, "b")
	for i := range messages {
		web.Send(fmt.Sprintf("a|%d %s", i, strings.Repeat("x", 30_000)))
		admin.Recv(1)
	}
	o := d.options("red")
	o["RCVHWM"], o["RCVBUF"] = 1, 4096
	red := d.Connect("SUB", d.out, o).Subscribe("")
	red.Recv(1) // the rest waits
	d.change("web publish *\nadmin subscribe *", 1)
	web.Send("a|after")
	until("a|after", admin)
	got := 0
	for ; !red.Idle(100); got++ {
		if m := red.Recv(1)[0]; m == "a|after" {
			t.Fatal("received what was published after its rights had ended")
		}
	}
	if got > 50 { // what libzmq had received, and the kernel's buffer of 4 KiB
		t.Errorf("%d messages were delivered after its rights had ended", got)
	}
}

// ownSub returns a subscriber that is no socket of libzmq's.
func (d *tenancy) ownSub(name string, cfg zmq.Config) *zmq.Socket {
	d.t.Helper()
	cfg.Type = zmq.Sub
	cfg.Security = zmq.Security{Curve: &zmq.Curve{Own: d.names[name], Servers: []curve.Named{{Key: d.own.Public}}}}
	s := taptest.Open(d.t, cfg)
	if err := s.Connect(d.out); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// While a tenant wants more prefixes than publishers can be asked for, they are asked for what it may have, and not for
// everything.
func TestTenantThatAsksForTooMuch(t *testing.T) {
	t.Parallel()
	d := secure(t, "web publish *\nred subscribe app.red.", hub.Config{})
	web := d.pub("XPUB", "web")
	for _, letter := range []string{"a", "b"} {
		var topics []string
		for i := range 5000 {
			topics = append(topics, fmt.Sprint("app.red.", letter, i))
		}
		d.ownSub("red", zmq.Config{Subscribe: topics})
	}
	for asked := ""; asked != "\x01app.red."; {
		if asked = web.Recv(1)[0]; !strings.HasPrefix(asked, "\x01app.red.") {
			t.Fatalf("asked for %q", asked)
		}
	}
}

// What a tenant may not have is never counted as missed, however slow the tenant is.
func TestTenantsMissOnlyWhatIsTheirs(t *testing.T) {
	t.Parallel()
	d := secure(t, "web publish *\nred subscribe red.\nadmin subscribe *", hub.Config{Out: zmq.Config{HWM: 100}})
	web, admin := d.Connect("PUB", d.in, d.options("web")), d.sub("admin", "")
	warm(web, admin, "red.")
	var told atomic.Uint64 // of missed messages
	red := d.ownSub("red", zmq.Config{Subscribe: []string{""}, HWM: 1, OnMissed: func(_ *zmq.Peer, n uint64) { told.Add(n) }})
	taptest.Eventually(t, "a path to red", func() bool {
		web.Send("red.|1")
		admin.Recv(1)
		return red.TryRecv() != nil
	})
	body := strings.Repeat("x", 10_000)
	for i := range 3000 { // 30 MB, more than all buffers together
		web.Send(fmt.Sprintf("blue.%d|%s", i, body))
		admin.Recv(1)
	}
	if missed := d.Counters().Missed; missed > 0 || told.Load() > 0 {
		t.Errorf("%d are counted, and %d reported, as missed", missed, told.Load())
	}
}
