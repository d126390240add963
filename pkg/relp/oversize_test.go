package relp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// long returns a batch of short messages in which those with the indices at are 20,000 bytes long.
func long(size int, at ...int) (batch [][]byte) {
	for i := range size {
		text := fmt.Sprintf("<13>1 2026-11-25T12:00:00Z h a - - - %04d %s", i, strings.Repeat("x", 200))
		if slices.Contains(at, i) {
			text += strings.Repeat("é", 10_000)
		}
		batch = append(batch, []byte(text))
	}
	return batch
}

// Real imrelp, with each of its modes: all messages arrive, in order, and only those that are too long are cut.
func TestImrelpOversize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode, size  string
		least, most int // bytes of a long message that arrives
		truncated   uint64
	}{
		{"abort", "4k", 2000, 4096, 3},
		{"abort", "8096", 8090, 8096, 3},
		{"truncate", "4k", 4096, 4096, 0},
		{"accept", "4k", 4096, 30_000, 0},
	} {
		t.Run(c.mode+" "+c.size, func(t *testing.T) {
			t.Parallel()
			server := startLimited(t, t.TempDir(), 0, direct, c.size, fmt.Sprintf(" oversizeMode=%q", c.mode))
			client, logged := newClient(t, Config{Address: server.address})
			batch := long(300, 150, 151, 299)
			got, settled := fates(t, len(batch))
			if err := client.Send(bounded(t), batch, settled); err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(got, func(s string) bool { return s != "ok" }) {
				t.Errorf("fates %q", got)
			}
			lines := server.lines()
			if len(lines) < len(batch) {
				t.Fatalf("%d lines of %d messages", len(lines), len(batch))
			}
			arrived := make(map[string]int)
			for _, line := range lines {
				number := strings.Fields(line)[7]
				arrived[number] = len(line)
			}
			for i, text := range long(300, 150, 151, 299) {
				n, ok := arrived[fmt.Sprintf("%04d", i)]
				if !ok || len(text) < 1000 && n != len(text) || len(text) >= 1000 && (n < c.least || n > c.most) {
					t.Errorf("message %d of %d bytes has arrived with %d", i, len(text), n)
				}
			}
			warned := logged.count("message cut") == 1 && logged.count("size=20242") == 1 && logged.count("maxDataSize") == 1
			if client.Truncated() != c.truncated || warned != (c.truncated > 0) {
				t.Errorf("%d counted as cut; logged:\n%s", client.Truncated(), &logged.buf)
			}
			if repeats := len(lines) - len(batch); c.mode != "abort" && repeats > 0 {
				t.Errorf("%d repeats", repeats)
			}
		})
	}
}

// picky serves messages of up to limit bytes and ends the session at a longer one, which goes to ended.
func picky(limit int, ended chan<- int) func(*peer) {
	return func(p *peer) {
		p.greet()
		for {
			f, ok := p.next()
			switch {
			case !ok:
				return
			case string(f.Command) == "close":
				p.say("%d rsp 0\n", f.Txnr)
				return
			case len(f.Data) > limit:
				ended <- len(f.Data)
				p.say("0 serverclose 0\n")
				return
			}
			ended <- -len(f.Data)
			p.ok(f.Txnr)
		}
	}
}

// away is a server that is not ready yet: it ends the connection without a session.
func away(*peer) {}

// A message at which sessions end is cut only when nothing else can be the cause.
func TestSessionsThatEndAtAMessage(t *testing.T) {
	t.Parallel()
	const none, all = 0, 1 << 20
	for _, c := range []struct {
		name    string
		size    int
		servers []int // their limits, in order; below 0: away
		want    []int // sizes: of messages that are answered, below 0; at which a session has ended, above 0
		cut     uint64
	}{
		{"halved until it fits", 20_000, []int{3000, 3000, 3000, 3000, 3000, 3000, 3000}, []int{20_000, 20_000, 20_000, 10_000, 8096, 4048, -2024}, 1},
		{"one end may have another cause", 20_000, []int{none, all}, []int{20_000, -20_000}, 0},
		{"as may one on each side of an absence", 20_000, []int{none, -1, none, all}, []int{20_000, 20_000, -20_000}, 0},
		{"as may two, of a server that is killed twice", 20_000, []int{none, none, all}, []int{20_000, 20_000, -20_000}, 0},
		{"its size is not the cause", 1000, []int{none, none, none, none, none, all}, []int{1000, 1000, 1000, 500, 480, -1000}, 0},
		{"it is too short to be the cause", 480, []int{none, none, none, none, all}, []int{480, 480, 480, 480, -480}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan int, 100)
			var servers []func(*peer)
			for _, limit := range c.servers {
				if limit < 0 {
					servers = append(servers, away)
				} else {
					servers = append(servers, picky(limit, seen))
				}
			}
			client, logged := newClient(t, Config{Address: fakeServer(t, servers...)})
			got, settled := fates(t, 1)
			batch := [][]byte{[]byte(strings.Repeat("x", c.size))}
			if err := client.Send(bounded(t), batch, settled); err != nil || got[0] != "ok" {
				t.Fatalf("%v, fates %q", err, got)
			}
			var saw []int
			for range c.want {
				saw = append(saw, <-seen)
			}
			if !slices.Equal(saw, c.want) || client.Truncated() != c.cut || logged.count("message cut") != int(c.cut) {
				t.Errorf("%d, want %d; %d counted as cut; logged:\n%s", saw, c.want, client.Truncated(), &logged.buf)
			}
		})
	}
}

// What was learnt spares later messages the end of a session, and is forgotten when the server has been away.
func TestLearntLimit(t *testing.T) {
	t.Parallel()
	seen := make(chan int, 100)
	strict := picky(3000, seen)
	client, _ := newClient(t, Config{Address: fakeServer(t, strict, strict, strict, strict, away, picky(1<<20, seen))})
	send := func(size int, want ...int) {
		t.Helper()
		got, settled := fates(t, 1)
		if err := client.Send(bounded(t), [][]byte{[]byte(strings.Repeat("x", size))}, settled); err != nil || got[0] != "ok" {
			t.Fatalf("%v, fates %q", err, got)
		}
		for _, n := range want {
			if saw := <-seen; saw != n {
				t.Errorf("%d, want %d", saw, n)
			}
		}
	}
	send(5000, 5000, 5000, 5000, -2500)
	send(2900, -2900)
	send(100_000, -2500)
	if client.Truncated() != 2 {
		t.Errorf("%d counted as cut", client.Truncated())
	}
	if err := client.Close(bounded(t)); err != nil {
		t.Fatal(err)
	}
	send(100_000, -100_000)
}

// What was in flight when a session ended is sent one by one, so that the message at which the next session ends is
// known, although imrelp does not answer what it has read together with it.
func TestSuspectsAreSentOneByOne(t *testing.T) {
	t.Parallel()
	one := func(p *peer, size int) {
		if m := p.messages(1); len(m[0]) != size || len(p.in) > 0 {
			t.Errorf("a message of %d bytes, want %d; %d bytes after it", len(m[0]), size, len(p.in))
		}
	}
	rest := make(chan []string, 1)
	client, _ := newClient(t, Config{Address: fakeServer(t,
		func(p *peer) { p.greet(); p.messages(4); p.say("0 serverclose 0\n") },
		func(p *peer) { p.greet(); one(p, 600); p.ok(2); one(p, 5000); p.say("0 serverclose 0\n") },
		func(p *peer) { p.greet(); one(p, 5000); p.say("0 serverclose 0\n") },
		func(p *peer) {
			p.greet()
			one(p, 2500)
			p.ok(2)
			one(p, 610)
			p.ok(3)
			one(p, 620)
			p.ok(4)
			rest <- p.serve()
		},
	)})
	var batch [][]byte
	for _, size := range []int{600, 5000, 610, 620} {
		batch = append(batch, []byte(strings.Repeat("x", size)))
	}
	for range 2 { // the second batch is sent as ever, but for the length
		got, settled := fates(t, 4)
		if err := client.Send(bounded(t), slices.Clone(batch), settled); err != nil || slices.Contains(got, "") {
			t.Fatalf("%v, fates %q", err, got)
		}
	}
	if err := client.Close(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if got := sizesOf(<-rest); !slices.Equal(got, []int{600, 2500, 610, 620}) {
		t.Errorf("then %d", got)
	}
}

func sizesOf(texts []string) (all []int) {
	for _, text := range texts {
		all = append(all, len(text))
	}
	return all
}
