package zmq

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// only returns a set of prefixes.
func only(prefixes ...string) *prefix.Set {
	var s prefix.Set
	for _, p := range prefixes {
		s.Insert([]byte(p))
	}
	return &s
}

// rights is a Config.Allow whose answer a test changes.
type rights struct{ atomic.Pointer[prefix.Set] }

func allowing(set *prefix.Set) *rights {
	r := new(rights)
	r.Store(set)
	return r
}

func (r *rights) of(*Peer) *prefix.Set { return r.Load() }

// sum returns the sum of the values of an attribute that have been logged.
func (l *logged) sum(attribute string) (sum int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, word := range strings.Fields(l.text.String()) {
		if number, found := strings.CutPrefix(word, attribute+"="); found {
			n, _ := strconv.Atoi(number)
			sum += n
		}
	}
	return sum
}

// A subscriber gets the allowed part of what it asks for, and nothing else is stored, counted or reported.
func TestSubscriberGetsItsPart(t *testing.T) {
	t.Parallel()
	var log logged
	changes := make(chan string, 100)
	s, at := bound(t, Config{Type: XPub, Logger: log.logger(), HWM: 10, Allow: allowing(only("app.", "db.1")).of,
		OnSubscription: func(_ *Peer, prefix []byte, wanted bool, apply func()) {
			apply()
			changes <- fmt.Sprint(string(prefix), wanted)
		}})
	r := peerRaw(t, at, "SUB", 1)
	change := func(want string, commands ...string) {
		t.Helper()
		r.say(commands...)
		if got := <-changes; got != want {
			t.Fatalf("it was reported that %q, want %q", got, want)
		}
	}
	publish := func(want string, topics ...string) {
		t.Helper()
		for _, topic := range topics {
			s.Publish([]byte(topic))
		}
		s.Flush()
		for _, topic := range strings.Fields(want) {
			if _, got := r.frame(); got != topic {
				t.Fatalf("received %q, want %q", got, topic)
			}
		}
	}
	topics := []string{"", "a", "app", "app.", "app.x", "apple", "db", "db.1", "db.12", "db.2", "secret"}
	change("true", command("SUBSCRIBE", "secret"), "\x00\x04\x01db2", "\x00\x00", command("SUBSCRIBE", ""))
	publish("app. app.x db.1 db.12", topics...)
	change("atrue", command("SUBSCRIBE", "a"))
	change("app.xtrue", command("SUBSCRIBE", "app.x"))
	publish("app. app.x db.1 db.12", topics...)
	change("false", command("CANCEL", "secret"), command("CANCEL", ""))
	publish("app. app.x", topics...)
	change("afalse", command("CANCEL", "a"))
	publish("app.x", topics...)
	change("dtrue", command("SUBSCRIBE", "d"))
	publish("app.x db.1 db.12", topics...)
	if p := peer(s, 0); p.Dropped() > 0 || s.Dropped() > 0 || p.asked.Load() > 3*1000 {
		t.Errorf("%d missed; its prefixes cost %d", p.Dropped(), p.asked.Load())
	}
	r.Close()
	eventually(t, "its end", func() bool { return log.sum("subscriptions") == 2 })
	if log.count("gets nothing of it") != 2 || log.count("topic=secret") != 1 || log.count("topic=db2") != 1 {
		t.Errorf("logged: %s", &log.text)
	}
}

// A peer that may have nothing gets nothing, at no cost.
func TestSubscriberOfNothing(t *testing.T) {
	t.Parallel()
	var log logged
	memory := budget.New(budget.Default, 0)
	s, at := bound(t, Config{Type: Pub, Budget: memory, Logger: log.logger(), Allow: allowing(only()).of})
	r := peerRaw(t, at, "SUB", 1)
	for i := range 20_000 {
		r.say(command("SUBSCRIBE", fmt.Sprint("topic", i)))
	}
	r.say(command("SUBSCRIBE", ""), command("PING", "\x00\x00all"))
	if _, body := r.frame(); body != "\x04PONGall" {
		t.Fatalf("heard %q", body)
	}
	s.Publish([]byte("topic1"))
	s.Publish(nil)
	s.Flush()
	r.say(command("PING", "\x00\x00end"))
	if _, body := r.frame(); body != "\x04PONGend" {
		t.Errorf("heard %q", body)
	}
	if memory.Prefixes.Used() > 0 {
		t.Errorf("its prefixes take %d bytes", memory.Prefixes.Used())
	}
	r.Close()
	eventually(t, "its end", func() bool { return log.sum("subscriptions") == 20_001 })
	if lines := log.count("gets nothing of it"); lines > 1000 {
		t.Errorf("%d lines were logged", lines)
	}
}

// Random subscriptions and cancellations, with random rights: a topic goes to a peer if both match it, and at the end
// nothing is left.
func TestPartsAgainstAList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, random.IntN(5))
		for i := range b {
			b[i] = "ab"[random.IntN(2)]
		}
		return string(b)
	}
	memory := budget.New(budget.Default, 0)
	set := new(rights)
	s := open(t, Config{Type: XPub, Budget: memory, Allow: set.of})
	for range 300 {
		var allowed, wanted []string
		for range random.IntN(5) {
			allowed = append(allowed, word())
		}
		set.Store(only(allowed...))
		p := piped(t, s)
		for range 40 {
			topic := word()
			if random.IntN(2) == 0 {
				if err := p.subscribe([]byte(topic)); err != nil {
					t.Fatal(err)
				}
				wanted = append(wanted, topic)
			} else {
				p.cancel([]byte(topic))
				wanted = slices.DeleteFunc(wanted, func(w string) bool { return w == topic })
			}
			topic = word() + word()
			begins := func(prefix string) bool { return strings.HasPrefix(topic, prefix) }
			want := slices.ContainsFunc(allowed, begins) && slices.ContainsFunc(wanted, begins)
			if got := len(s.audience.index.Of([]byte(topic)).Members) > 0; got != want {
				t.Fatalf("%q is wanted: %v, with %q asked and %q allowed", topic, got, wanted, allowed)
			}
		}
		s.forget(p)
		s.remove(p)
		if memory.Prefixes.Used() > 0 || s.audience.index.Of(nil).Members != nil {
			t.Fatalf("%d bytes are left of %q, with %q allowed", memory.Prefixes.Used(), wanted, allowed)
		}
	}
}

// piped adds a peer whose connection nobody uses.
func piped(t testing.TB, s *Socket) *Peer {
	t.Helper()
	conn, other := net.Pipe()
	t.Cleanup(func() { conn.Close(); other.Close() })
	p := newPeer(s, conn, "", session{commands: true})
	if !s.add(p) {
		t.Fatal("the socket is closed")
	}
	return p
}

func TestAllowNeedsASocketForIt(t *testing.T) {
	for _, cfg := range []Config{{Type: Sub}, {Type: Pull}, {Type: XSub}, {Type: Router, OnReceive: (*Batch).Release}} {
		if cfg.Allow = allowing(nil).of; cfg.setDefaults() == nil {
			t.Errorf("%s was accepted", cfg.Type)
		}
	}
	if n := open(t, Config{Type: Pub}).Reallow(); n > 0 {
		t.Errorf("%d were ended", n)
	}
}
