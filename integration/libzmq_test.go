package integration

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pairing is one of our sockets with a libzmq socket of the matching type.
type pairing struct {
	name   string
	ours   []string // flags
	theirs []string // socket.py's arguments
}

var sending = []pairing{
	{"push-PULL", []string{"--socket", "push"}, []string{"PULL"}},
	{"pub-SUB", []string{"--socket", "pub", "--topic-delimiter", `\t`}, []string{"SUB", "--subscribe", "auth."}},
	{"dealer-ROUTER", []string{"--socket", "dealer", "--confirm", "received"}, []string{"ROUTER"}},
}

var receiving = []pairing{
	{"pull-PUSH", []string{"--socket", "pull"}, []string{"PUSH"}},
	{"sub-PUB", []string{"--socket", "sub", "--subscribe", "auth."}, []string{"PUB"}},
	{"router-DEALER", []string{"--socket", "router", "--ack=false"}, []string{"DEALER"}},
}

// everyWay runs a test for each pairing, with either side binding, over TCP and IPC. bind is the endpoint to
// bind; if our program binds to TCP, its port is known only after it has started.
func everyWay(t *testing.T, pairings []pairing, test func(t *testing.T, p pairing, oursBinds bool, bind string)) {
	for _, p := range pairings {
		for _, oursBinds := range []bool{true, false} {
			for _, transport := range []string{"tcp", "ipc"} {
				side := map[bool]string{true: "ours binds", false: "libzmq binds"}[oursBinds]
				t.Run(fmt.Sprintf("%s/%s/%s", p.name, side, transport), func(t *testing.T) {
					bind := "ipc://" + filepath.Join(folder(t), "s")
					if transport == "tcp" {
						bind = "tcp://127.0.0.1:0"
					}
					test(t, p, oursBinds, bind)
				})
			}
		}
	}
}

// theirsFirst starts the libzmq side bound to the endpoint and returns it with the flags for ours.
func theirsFirst(t *testing.T, p pairing, bind string) (*peer, []string) {
	t.Helper()
	bind = strings.Replace(bind, ":0", ":*", 1) // libzmq's way to say "any"
	peer := startPeer(t, p.theirs[0], append(p.theirs[1:], "--bind", bind)...)
	return peer, append(slices.Clone(p.ours), "--connect", peer.endpoint)
}

// oursFirst starts the libzmq side, connected to where ours is bound.
func oursFirst(t *testing.T, p pairing, ours *process, bind string) *peer {
	t.Helper()
	if strings.HasPrefix(bind, "tcp:") {
		bind = "tcp://127.0.0.1:" + ours.boundPort(t)
	}
	return startPeer(t, p.theirs[0], append(p.theirs[1:], "--connect", bind)...)
}

func TestOmzmqToLibzmq(t *testing.T) {
	everyWay(t, sending, func(t *testing.T, p pairing, oursBinds bool, bind string) {
		var d *driver
		var peer *peer
		if oursBinds {
			d = drive(t, append(slices.Clone(p.ours), "--bind", bind)...)
			peer = oursFirst(t, p, d.process, bind)
		} else {
			var flags []string
			peer, flags = theirsFirst(t, p, bind)
			d = drive(t, flags...)
		}
		p.goesOut(t, d, peer)
	})
}

// goesOut sends messages from omzmq to the peer.
func (p pairing) goesOut(t *testing.T, d *driver, peer *peer) {
	t.Helper()
	prefix, frames := "", 1
	switch p.name {
	case "pub-SUB":
		prefix, frames = "auth.info\t", 2
		subscribed(t, d, peer, prefix)
	case "dealer-ROUTER":
		frames = 2 // libzmq puts the sender's identity first
	}
	long := strings.Repeat("äöü ", 2000) // long enough for the long form of a frame's length
	texts := append(numbered("tab\t\"quote\" %s \\", 20), "<13>"+long)
	for _, text := range texts {
		d.commits(t, prefix+text, prefixOther(prefix)+text)
		got := peer.receive(t)
		if len(got) != frames || got[len(got)-1] != text {
			t.Fatalf("received %d frames %.200q, want %d with %.200q", len(got), got, frames, text)
		}
		if prefix != "" && got[0]+"\t" != prefix {
			t.Fatalf("topic %q, want %q", got[0], prefix)
		}
		if prefix == "" {
			peer.receive(t) // the second line of the transaction
		}
	}
	if code := d.finish(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// prefixOther is a topic without subscribers, in the pairing that has topics.
func prefixOther(prefix string) string {
	if prefix == "" {
		return ""
	}
	return "mail.info\t"
}

// subscribed publishes until the peer's subscription has taken effect.
func subscribed(t *testing.T, d *driver, p *peer, prefix string) {
	t.Helper()
	eventually(t, patience, "the subscription takes effect", func() bool {
		d.commits(t, prefix+warmUp)
		return len(p.messages) > 0
	})
	d.commits(t, prefix+"<13>warmed up")
	for frames := p.receive(t); frames[len(frames)-1] != "<13>warmed up"; {
		frames = p.receive(t)
	}
}

func TestLibzmqToImzmq(t *testing.T) {
	everyWay(t, receiving, func(t *testing.T, p pairing, oursBinds bool, bind string) {
		var r *receiver
		var peer *peer
		if oursBinds {
			r = startPrinter(t, append(slices.Clone(p.ours), "--bind", bind)...)
			peer = oursFirst(t, p, r.process, bind)
		} else {
			var flags []string
			peer, flags = theirsFirst(t, p, bind)
			r = startPrinter(t, flags...)
		}
		p.comesIn(t, peer, r)
	})
}

// comesIn sends messages from the peer to imzmq.
func (p pairing) comesIn(t *testing.T, peer *peer, r *receiver) {
	t.Helper()
	if p.name == "sub-PUB" {
		eventually(t, patience, "the subscription takes effect", func() bool {
			peer.send(t, "auth.info", warmUp)
			return len(r.lines) > 0
		})
		peer.send(t, "auth.info", "<13>warmed up")
		for r.next(t) != "<13>warmed up" {
		}
	}
	texts := append(numbered("tab\t\"quote\" %s \\", 200), "<13>"+strings.Repeat("äöü ", 2000))
	for _, text := range texts {
		if p.name == "sub-PUB" {
			peer.send(t, "mail.info", text)
		}
		peer.send(t, "auth.info", text)
	}
	r.expect(t, texts...)
	peer.send(t, "auth.one frame is topic and payload")
	r.expect(t, "auth.one frame is topic and payload")
	peer.finish(t)
	r.stop(t)
	if rest := r.rest(t); len(rest) > 0 {
		t.Errorf("more arrived: %q", rest)
	}
}

func TestTwoPullersShareTheStream(t *testing.T) {
	const messages = 2000
	d := drive(t, "--socket", "push", "--bind", "tcp://127.0.0.1:0")
	endpoint := "tcp://127.0.0.1:" + d.boundPort(t)
	peers := []*peer{startPeer(t, "PULL", "--connect", endpoint), startPeer(t, "PULL", "--connect", endpoint)}
	for _, p := range peers { // a line at a time until both are connected
		eventually(t, patience, "both pull", func() bool {
			d.commits(t, "<13>first")
			return len(p.messages) > 0
		})
	}
	d.commits(t, numbered("share", messages)...)
	seen := map[string]int{}
	counts := make([]int, len(peers))
	eventually(t, patience, "every message arrives", func() bool {
		for i, p := range peers {
			for len(p.messages) > 0 {
				if text := p.receive(t)[0]; text != "<13>first" {
					seen[text]++
					counts[i]++
				}
			}
		}
		return len(seen) == messages
	})
	if counts[0]+counts[1] != messages || counts[0] == 0 || counts[1] == 0 {
		t.Errorf("received %d + %d of %d", counts[0], counts[1], messages)
	}
}

func TestRestartedPeersAreFoundAgain(t *testing.T) {
	t.Parallel()
	t.Run("omzmq finds its PULL", func(t *testing.T) {
		t.Parallel()
		port := freePort(t)
		endpoint := "tcp://127.0.0.1:" + port
		peer := startPeer(t, "PULL", "--bind", endpoint)
		d := drive(t, "--socket", "push", "--reconnect-max", "1s", "--connect", endpoint)
		d.commits(t, "<13>before")
		peer.expect(t, "<13>before")
		peer.kill()
		d.write(t, begin)
		peer = startPeer(t, "PULL", "--bind", endpoint)
		d.expect(t, ok)
		d.accept(t, "<13>after")
		d.write(t, commit)
		d.expect(t, ok)
		peer.expect(t, "<13>after")
	})
	t.Run("imzmq finds its PUSH", func(t *testing.T) {
		t.Parallel()
		endpoint := "tcp://127.0.0.1:" + freePort(t)
		peer := startPeer(t, "PUSH", "--bind", endpoint)
		r := startPrinter(t, "--socket", "pull", "--reconnect-max", "1s", "--connect", endpoint)
		peer.send(t, "<13>before")
		r.expect(t, "<13>before")
		peer.kill()
		peer = startPeer(t, "PUSH", "--bind", endpoint)
		peer.send(t, "<13>after")
		r.expect(t, "<13>after")
	})
	t.Run("a PUSH finds imzmq", func(t *testing.T) {
		t.Parallel()
		endpoint := "tcp://127.0.0.1:" + freePort(t)
		peer := startPeer(t, "PUSH", "--connect", endpoint)
		for _, text := range []string{"<13>one", "<13>two"} {
			r := startPrinter(t, "--socket", "pull", "--bind", endpoint)
			eventually(t, patience, "the PUSH has found imzmq", func() bool {
				peer.send(t, text) // libzmq loses what it gives to a connection that is about to break
				return len(r.lines) > 0
			})
			for r.next(t) != text { // repeats of the text before
			}
			r.stop(t)
		}
	})
}
