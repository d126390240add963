package hub_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// holes is a subscriber that compares the holes among numbered messages with what it is told.
type holes struct {
	mu      sync.Mutex
	last    int    // the newest number
	told    uint64 // messages since then
	unknown int    // losses of an unknown number
	total   uint64
	wrong   string
	ready   bool // something else than a numbered message has come
}

// config returns the configuration of a SUB.
func (h *holes) config(topics ...string) zmq.Config {
	count := func(_ *zmq.Peer, n uint64) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.told += n; n == 0 {
			h.unknown++
		}
	}
	return zmq.Config{Type: zmq.Sub, Subscribe: topics, OnMissed: count, OnLost: count, OnReceive: func(b *zmq.Batch) {
		defer b.Release()
		h.mu.Lock()
		defer h.mu.Unlock()
		for i := range b.Len() {
			if string(b.Frames(i)[0]) == "ready" {
				h.ready = true
				continue
			}
			n, err := strconv.Atoi(string(b.Frames(i)[1]))
			if missing := uint64(n - h.last - 1); h.last > 0 && missing != h.told && h.wrong == "" || err != nil {
				h.wrong = fmt.Sprintf("%d missing before %d, told %d (%v)", missing, n, h.told, err)
			}
			h.last, h.total, h.told = n, h.total+h.told, 0
		}
	}}
}

// begun reports whether the subscriber gets everything. What it was told until then does not count.
func (h *holes) begun() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told, h.unknown = 0, 0
	return h.ready
}

func (h *holes) seen() (last int, total uint64, unknown int, wrong string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, h.total, h.unknown, h.wrong
}

// What publishers drop for a hub, its subscribers learn, through another hub, too: each hole among numbered messages is
// as large as what was told at that place. libzmq's subscribers only get the messages.
func TestSubscribersLearnWhatPublishersDrop(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]hub.Config{"plain": {}, "replay": {Replay: 2, ReplayBytes: 1 << 20}, "stream": {Stream: tap.New(0)}} {
		t.Run(name, func(t *testing.T) {
			upper, lower := start(t, cfg), start(t, hub.Config{})
			lower.dial(upper.out)
			old := zmqtest.Start(t).Connect("SUB", lower.out, nil).Subscribe("")
			var near, far, some holes
			for at, h := range map[string]*holes{upper.out: &near, lower.out: &far} {
				sub := taptest.Open(t, h.config(""))
				if err := sub.Connect(at); err != nil {
					t.Fatal(err)
				}
			}
			narrow := some.config("t")
			narrow.OnReceive = (*zmq.Batch).Release
			if err := taptest.Open(t, narrow).Connect(lower.out); err != nil {
				t.Fatal(err)
			}
			pub := taptest.Open(t, zmq.Config{Type: zmq.Pub, HWM: 1})
			if err := pub.Connect(upper.in); err != nil {
				t.Fatal(err)
			}
			taptest.Eventually(t, "paths to all", func() bool {
				pub.Publish([]byte("ready"), []byte{'.'}) // a topic that only they want who want everything
				pub.Flush()
				return near.begun() && far.begun() && !old.Idle(5)
			})
			number := 0
			taptest.Eventually(t, "losses at both hubs", func() bool {
				for range 100 {
					number++
					pub.Publish([]byte("t"), []byte(strconv.Itoa(number)))
				}
				pub.Flush()
				_, a, _, _ := near.seen()
				_, b, _, _ := far.seen()
				_, _, unknown, _ := some.seen()
				return a > 1000 && b > 1000 && unknown > 0
			})
			for _, h := range []*holes{&near, &far} {
				if _, _, unknown, wrong := h.seen(); wrong != "" || unknown > 0 {
					t.Errorf("%s; %d unknown", wrong, unknown)
				}
			}
			last, _, _, _ := far.seen()
			until("t|"+strconv.Itoa(last), old) // libzmq's subscriber, which knows no announcement
			if missed := upper.Counters().Missed; missed > 0 {
				t.Errorf("%d are counted as missed by subscribers", missed)
			}
		})
	}
}

// When a publisher that a hub has connected to is gone, its subscribers learn that something may be missing. A tenant
// learns it of no publisher that has nothing for it, and learns no number.
func TestSubscribersLearnThatAPublisherIsGone(t *testing.T) {
	t.Parallel()
	d := secure(t, "web publish app.blue.\nadmin publish *\nred subscribe app.red.\nblue subscribe app.\nadmin subscribe *", hub.Config{})
	var red, blue, admin holes
	for name, h := range map[string]*holes{"red": &red, "blue": &blue, "admin": &admin} {
		cfg := h.config("")
		cfg.OnReceive = (*zmq.Batch).Release
		d.ownSub(name, cfg)
	}
	told := func(h *holes) int { _, _, unknown, _ := h.seen(); return unknown }
	web := d.server("PUB", "web")
	watcher := d.sub("admin", "")
	warm(web, watcher, "app.blue.")
	web.Close()
	taptest.Eventually(t, "blue and the admin to learn it", func() bool { return told(&blue) > 0 && told(&admin) > 0 })
	if n := told(&red); n > 0 {
		t.Error("red is told what concerns blue alone")
	}
	other := d.server("PUB", "admin")
	warm(other, watcher, "app.red.")
	other.Close()
	taptest.Eventually(t, "red to learn it", func() bool { return told(&red) > 0 })
}
