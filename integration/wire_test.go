package integration

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// numberFrame is a sequence number as it is on the wire.
func numberFrame(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// delivery is one message as a ROUTER of acknowledged delivery receives it.
type delivery struct {
	sender, topic, payload string
	number                 uint64
}

// receiveDelivery waits for a message at a ROUTER and checks its form.
func receiveDelivery(t *testing.T, router *peer) delivery {
	t.Helper()
	f := router.receive(t)
	if len(f) != 4 || len(f[0]) != 17 || f[0][0] != 1 || len(f[1]) != 8 {
		t.Fatalf("not acknowledged delivery, version 1: %q", f)
	}
	return delivery{sender: f[0], number: binary.BigEndian.Uint64([]byte(f[1])), topic: f[2], payload: f[3]}
}

// A receiver in 20 lines of Python gets every line, numbered from 1. What it had not acknowledged when it was
// killed is sent again with the same number.
func TestPythonRouterStores(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--reconnect-max", "1s", "--topic", "logs", "--connect", endpoint)
	texts := numbered("a", 500)
	d.commits(t, texts...)
	d.begin(t)
	d.accept(t, "<13>in between 1", "<13>in between 2")
	router.kill()
	before := router.rest(t)
	again, _ := startRouter(t, endpoint)
	d.write(t, commit)
	d.expect(t, ok)
	texts = append(texts, "<13>in between 1", "<13>in between 2")
	last := numbered("b", 500)
	d.commits(t, last...)
	texts = append(texts, last...)
	if code := d.finish(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	again.kill()

	numbers := map[string]int{}
	for _, line := range append(before, again.rest(t)...) {
		field := strings.Split(line, "\t")
		n, err := strconv.Atoi(field[0])
		if err != nil || field[1] != "logs" {
			t.Fatalf("received %q", line)
		}
		if old, twice := numbers[field[2]]; twice && old != n {
			t.Errorf("%q has the numbers %d and %d", field[2], old, n)
		}
		numbers[field[2]] = n
	}
	for i, text := range texts {
		if numbers[text] != i+1 {
			t.Errorf("%q has number %d, want %d", text, numbers[text], i+1)
		}
	}
}

// A refusal fails the commit with the receiver's text. rsyslog then sends each line of the batch again, in a
// transaction of its own. The refused line keeps its number and the others are not stored twice.
func TestRefusedMessageFailsItsCommit(t *testing.T) {
	router := startPeer(t, "ROUTER", "--bind", "tcp://127.0.0.1:*")
	d := drive(t, "--connect", router.endpoint)
	d.begin(t)
	d.accept(t, "<13>a", "<13>b", "<13>c")
	d.write(t, commit)
	for i, want := range []string{"<13>a", "<13>b", "<13>c"} {
		got := receiveDelivery(t, router)
		if got.payload != want || got.number != uint64(i+1) || got.topic != "" {
			t.Fatalf("received %+v, want %q", got, want)
		}
		if want == "<13>b" {
			router.send(t, got.sender, numberFrame(got.number), "no room\nfor "+strings.Repeat("ä", 3000))
		} else {
			router.send(t, got.sender, numberFrame(got.number))
		}
	}
	r := d.reply(t)
	if !strings.HasPrefix(r.text, "omzmq: ") || !strings.Contains(r.text, "no room") || len(r.text) > 1000 {
		t.Errorf("the commit was answered %q", r.text)
	}

	stop := acknowledge(t, router)
	for _, text := range []string{"<13>c", "<13>a", "<13>b", "<13>d"} {
		d.commits(t, text)
	}
	if code := d.finish(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for n, payload := range stop() { // they need not have been sent twice
		if want := map[uint64]string{1: "<13>a", 2: "<13>b", 3: "<13>c", 4: "<13>d"}[n]; payload != want {
			t.Errorf("number %d is %q, was %q", n, payload, want)
		}
	}
}

// acknowledge answers everything that arrives at a ROUTER until the returned function is called, which returns
// the payload of each number. A number with two payloads is an error.
func acknowledge(t *testing.T, router *peer) (stop func() map[uint64]string) {
	t.Helper()
	seen, done := map[uint64]string{}, make(chan struct{})
	go func() {
		defer close(done)
		for f := range router.messages {
			if len(f) != 4 || len(f[1]) != 8 {
				t.Errorf("received %q", f)
				continue
			}
			n := binary.BigEndian.Uint64([]byte(f[1]))
			if old, known := seen[n]; known && old != f[3] {
				t.Errorf("number %d is %q and %q", n, old, f[3])
			}
			seen[n] = f[3]
			if err := router.post(f[0], f[1]); err != nil {
				t.Error(err)
			}
		}
	}()
	return func() map[uint64]string {
		t.Helper()
		router.finish(t)
		<-done
		return seen
	}
}

// A receiver that takes everything and acknowledges nothing fails the commit after --send-timeout. Repeated
// lines, in any order, are recognised and keep their numbers, and a late acknowledgement still counts.
func TestFailedCommitKeepsNumbers(t *testing.T) {
	t.Parallel()
	router := startPeer(t, "ROUTER", "--bind", "tcp://127.0.0.1:*")
	d := drive(t, "--send-timeout", "2s", "--connect", router.endpoint)
	if r := d.transaction(t, "<13>a", "<13>b", "<13>b"); !strings.HasPrefix(r.text, "omzmq: ") || r.dots == 0 {
		t.Errorf("the commit was answered %+v", r)
	}
	var sender string
	for n, want := range []string{"<13>a", "<13>b", "<13>b"} {
		got := receiveDelivery(t, router)
		sender = got.sender
		if got.number != uint64(n+1) || got.payload != want {
			t.Fatalf("received %+v", got)
		}
	}
	router.send(t, sender, numberFrame(3))
	stop := acknowledge(t, router)
	d.delivers(t, "<13>b", "<13>a", "<13>b", "<13>c")
	if code := d.finish(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	want := map[uint64]string{1: "<13>a", 2: "<13>b", 3: "<13>b", 4: "<13>c"}
	for n, payload := range stop() {
		if payload != want[n] {
			t.Errorf("number %d is %q, was %q", n, payload, want[n])
		}
	}
}

// A Python sender to imzmq: a repeated number is acknowledged again and stored once.
func TestPythonDealerIsStoredOnce(t *testing.T) {
	r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	endpoint := "tcp://127.0.0.1:" + r.boundPort(t)
	identity := "01" + strings.Repeat("5a", 16)
	dealer := startPeer(t, "DEALER", "--connect", endpoint, "--identity", identity)
	acknowledged := func(n uint64) { // cumulative: a later number may answer this one
		t.Helper()
		for {
			f := dealer.receive(t)
			if len(f) != 1 || len(f[0]) != 8 {
				t.Fatalf("answered %q", f)
			}
			if got := binary.BigEndian.Uint64([]byte(f[0])); got == n {
				return
			} else if got > n {
				t.Fatalf("answered %d, want %d", got, n)
			}
		}
	}
	for n := range uint64(100) {
		dealer.send(t, numberFrame(n+1), "topic", fmt.Sprintf("<13>message %d", n+1))
	}
	acknowledged(100)
	dealer.send(t, numberFrame(100), "topic", "<13>message 100")
	acknowledged(100)

	// On a new connection the same sender repeats what may not have been stored.
	dealer.finish(t)
	dealer = startPeer(t, "DEALER", "--connect", endpoint, "--identity", identity)
	for n := range uint64(51) {
		dealer.send(t, numberFrame(n+51), "topic", fmt.Sprintf("<13>message %d", n+51))
	}
	acknowledged(101)
	// Another sender has numbers of its own.
	other := startPeer(t, "DEALER", "--connect", endpoint, "--identity", "01"+strings.Repeat("5b", 16))
	other.send(t, numberFrame(1), "", "<13>of another")
	other.expect(t, numberFrame(1))

	for n := range 101 {
		r.expect(t, fmt.Sprintf("<13>message %d", n+1))
	}
	r.expect(t, "<13>of another")
	r.stop(t)
	if rest := r.rest(t); len(rest) > 0 {
		t.Errorf("stored twice: %q", rest)
	}
}

// A sender without a version 1 identity gets no acknowledgements, and nothing of it is stored; this is logged.
func TestWrongIdentityIsRefused(t *testing.T) {
	for name, identity := range map[string]string{"none": "", "short": "01aabb", "another version": "02" + strings.Repeat("5a", 16)} {
		t.Run(name, func(t *testing.T) {
			r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
			endpoint := "tcp://127.0.0.1:" + r.boundPort(t)
			flags := []string{"--connect", endpoint}
			if identity != "" {
				flags = append(flags, "--identity", identity)
			}
			wrong := startPeer(t, "DEALER", flags...)
			wrong.send(t, numberFrame(1), "", "<13>from nobody")
			r.logged(t, "identity")

			right := startPeer(t, "DEALER", "--connect", endpoint, "--identity", "01"+hex.EncodeToString(make([]byte, 16)))
			right.send(t, numberFrame(1), "", "<13>from somebody")
			right.expect(t, numberFrame(1))
			r.stop(t)
			if rest := r.rest(t); len(rest) != 1 || rest[0] != "<13>from somebody" {
				t.Errorf("stored %q", rest)
			}
			if len(wrong.messages) > 0 {
				t.Errorf("answered %q", wrong.receive(t))
			}
		})
	}
}
