package zmq

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

func newRequests() *requests { return &requests{due: make(chan struct{}, 1)} }

// told returns the names and prefixes of encoded subscriptions.
func told(t *testing.T, wire []byte) (all []string) {
	t.Helper()
	for len(wire) > 0 {
		_, body, n, err := zmtp.DecodeFrame(wire, len(wire))
		if err != nil || n > len(wire) {
			t.Fatalf("%q is no frame: %v", wire, err)
		}
		name, data, err := zmtp.ParseCommand(body)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(name)+" "+string(data))
		wire = wire[n:]
	}
	return all
}

// Only net changes are told, in order, whatever comes between them, and they take no memory afterwards.
func TestRequestsAreNetChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRequests()
		r.change("kept", true)
		for i := range 100_000 {
			r.change("loop", i%2 == 0)
			r.change(fmt.Sprint("other", i), true)
			r.change(fmt.Sprint("other", i), false)
		}
		r.change("", true)
		r.change("old", false)
		r.change("kept", false)
		r.change("kept", true)
		if got := told(t, r.take(true)); !slices.Equal(got, []string{"SUBSCRIBE ", "CANCEL old", "SUBSCRIBE kept"}) {
			t.Errorf("told %.200q", got)
		}
		if r.take(true) != nil || r.order.Len()+len(r.places) > 0 {
			t.Error("something is left")
		}
		synctest.Wait()
	})
}

// Changes are told in portions, with a pause between them in which others may cancel them out.
func TestRequestsArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRequests()
		const many = 5000
		for i := range many {
			r.change(fmt.Sprintf("topic%05d", i), true)
		}
		began, count, portions := time.Now(), 0, 0
		for ; count < many; portions++ {
			<-r.due
			portion := r.take(true)
			if portions == 0 {
				r.change("topic04999", false)
				r.change("topic04999", true)
			}
			if len(portion) == 0 || len(portion) > maxPortion+100 {
				t.Fatalf("a portion of %d bytes", len(portion))
			}
			count += len(told(t, portion))
		}
		if waited := time.Since(began); portions < 5 || waited != time.Duration(portions-1)*requestPause {
			t.Errorf("%d portions took %v", portions, waited)
		}
		time.Sleep(requestPause)
		if len(r.due) > 0 {
			t.Error("it is due, with nothing to be told")
		}
		r.change("x", true)
		<-r.due // at once
	})
}

// A publisher that does not read is not dropped: its messages arrive, and when it reads it is told the net changes,
// and no more than that: a subscriber can subscribe and cancel in a loop.
func TestLoopAtADeafPublisher(t *testing.T) {
	in, out, publishAt, subscribeAt := proxied(t, 0, nil)
	pub := peerRaw(t, publishAt, "PUB", 1)
	looping := peerRaw(t, subscribeAt, "SUB", 1)
	sub := peerRaw(t, subscribeAt, "SUB", 1)
	sub.say(command("SUBSCRIBE", "a"))
	subscriptions(t, out, "a", 1)
	prefix := strings.Repeat("p", 200)
	for i := range 20_000 {
		topic := fmt.Sprint(prefix, i%7)
		looping.say(command("SUBSCRIBE", topic), command("CANCEL", topic))
	}
	looping.say(command("SUBSCRIBE", "end"))
	subscriptions(t, out, "end", 1)
	pub.say("\x00\x01a")
	if got := sub.hear(3); got != "\x00\x01a" {
		t.Errorf("the subscriber hears %q", got)
	}
	bytes := 0
	for wanted := make(map[string]bool); !wanted["end"] || !wanted["a"]; {
		_, body := pub.frame()
		bytes += len(body)
		name, topic, err := zmtp.ParseCommand([]byte(body))
		if err != nil || (string(name) == "SUBSCRIBE") == wanted[string(topic)] {
			t.Fatalf("told %.20q, %v, which it knows", body, err)
		}
		wanted[string(topic)] = string(name) == "SUBSCRIBE"
	}
	if bytes > 1<<20 { // of 8 MiB of changes
		t.Errorf("%d bytes had to be read", bytes)
	}
	if in.Peers() != 1 {
		t.Error("the publisher was dropped")
	}
}

// An XSUB asks before anything else happens: its publisher sends nothing until then.
func TestAsksBeforeItIsUp(t *testing.T) {
	release := make(chan struct{})
	_, at := bound(t, Config{Type: Sub, Subscribe: []string{"a", "b"}, OnUp: func(*Peer) { <-release }})
	t.Cleanup(func() { close(release) })
	pub := peerRaw(t, at, "PUB", 1)
	for _, want := range []string{"\x09SUBSCRIBEa", "\x09SUBSCRIBEb"} {
		if _, body := pub.frame(); body != want {
			t.Errorf("asked for %q, not %q", body, want)
		}
	}
}
