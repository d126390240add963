package curve

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	nacl "golang.org/x/crypto/nacl/box"
)

// What a MESSAGE's body and its nonce begin with.
const (
	messageStart   = "\x07MESSAGE"
	clientMessages = "CurveZMQMESSAGEC"
	serverMessages = "CurveZMQMESSAGES"
)

func parseSecret(t testing.TB, text string) KeyPair {
	t.Helper()
	p, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parseKey(t testing.TB, text string) Key {
	t.Helper()
	k, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// holds returns what a MESSAGE has in its box.
func holds(message []byte, prefix string, shared *[KeySize]byte) (text []byte, ok bool) {
	if len(message) < len(messageStart)+8+nacl.Overhead+1 || string(message[:len(messageStart)]) != messageStart {
		return nil, false
	}
	nonce := new([24]byte)
	copy(nonce[copy(nonce[:], prefix):], message[len(messageStart):])
	return nacl.OpenAfterPrecomputation(nil, message[len(messageStart)+8:], nonce, shared)
}

// ends are both ends of a handshake.
type ends struct {
	clientKeys, serverKeys KeyPair
	client                 *Client
	server                 *Server
}

// begin returns the ends of a new handshake with new keys.
func begin(t testing.TB, metadata string) *ends {
	t.Helper()
	var e ends
	for _, p := range []*KeyPair{&e.clientKeys, &e.serverKeys} {
		var err error
		if *p, err = GenerateKey(); err != nil {
			t.Fatal(err)
		}
	}
	e.again(t, metadata)
	return &e
}

// again begins another handshake with the same keys.
func (e *ends) again(t testing.TB, metadata string) {
	t.Helper()
	var err error
	if e.client, err = NewClient(&e.clientKeys, e.serverKeys.Public, []byte(metadata)); err != nil {
		t.Fatal(err)
	}
	if e.server, err = NewServer(&e.serverKeys); err != nil {
		t.Fatal(err)
	}
}

// welcome performs the handshake's first half.
func (e *ends) welcome(t testing.TB) (welcome []byte) {
	t.Helper()
	welcome, err := e.server.Welcome(e.client.Hello())
	if err != nil {
		t.Fatal(err)
	}
	return welcome
}

// initiate performs the handshake up to INITIATE.
func (e *ends) initiate(t testing.TB) (initiate []byte) {
	t.Helper()
	initiate, err := e.client.Initiate(e.welcome(t))
	if err != nil {
		t.Fatal(err)
	}
	return initiate
}

// ready performs the handshake up to READY.
func (e *ends) ready(t testing.TB, metadata string) (ready []byte) {
	t.Helper()
	if _, _, err := e.server.Accept(e.initiate(t)); err != nil {
		t.Fatal(err)
	}
	ready, s, err := e.server.Ready([]byte(metadata))
	if err != nil || s == nil {
		t.Fatal(err)
	}
	return ready
}

func TestHandshake(t *testing.T) {
	for _, size := range []int{0, 1, 27, 8000} {
		ours, theirs := strings.Repeat("c", size), strings.Repeat("s", size)
		e := begin(t, ours)
		initiate := e.initiate(t)
		key, metadata, err := e.server.Accept(initiate)
		if err != nil || key != e.clientKeys.Public || string(metadata) != ours {
			t.Fatalf("accepted %v with %d bytes of metadata, %v", key, len(metadata), err)
		}
		if *e.server.shared != *e.client.shared {
			t.Error("the ends share no key")
		}
		ready, s, err := e.server.Ready([]byte(theirs))
		if err != nil || s == nil {
			t.Fatal(err)
		}
		metadata, s, err = e.client.Finish(ready)
		if err != nil || s == nil || string(metadata) != theirs {
			t.Fatalf("%d bytes of metadata, %v", len(metadata), err)
		}
		if len(initiate) != initiateLeast+size || len(ready) != readyLeast+size {
			t.Errorf("INITIATE has %d bytes, READY %d", len(initiate), len(ready))
		}
	}
}

// What is fixed in the commands is as PROTOCOLS and RFC 26 have it.
func TestCommandSizes(t *testing.T) {
	if helloSize != 200 || helloKey != 80 || helloCounter != 112 || helloBox != 120 || welcomeSize != 168 ||
		welcomeBox != 24 || initiateLeast != 257 || initiateCounter != 105 || initiateBox != 113 || readyLeast != 30 ||
		readyBox != 14 || cookieSize != 96 || provenSize != 128 {
		t.Error("a size or offset is not RFC 26's")
	}
}

// The results do not change when the caller uses its buffers again, and have room for nothing that follows them.
func TestResultsAreTheCallers(t *testing.T) {
	e := begin(t, "client's")
	hello := bytes.Clone(e.client.Hello())
	welcome, err := e.server.Welcome(hello)
	if err != nil {
		t.Fatal(err)
	}
	clear(hello)
	initiate, err := e.client.Initiate(welcome)
	if err != nil {
		t.Fatal(err)
	}
	clear(welcome)
	_, fromClient, err := e.server.Accept(initiate)
	if err != nil {
		t.Fatal(err)
	}
	clear(initiate)
	ready, _, err := e.server.Ready([]byte("server's"))
	if err != nil {
		t.Fatal(err)
	}
	fromServer, _, err := e.client.Finish(ready)
	if err != nil {
		t.Fatal(err)
	}
	clear(ready)
	if string(fromClient) != "client's" || string(fromServer) != "server's" {
		t.Errorf("%q %q", fromClient, fromServer)
	}
}

// Each method is called once, in the order of the handshake, and none after an error.
func TestOrder(t *testing.T) {
	e := begin(t, "")
	wrong := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, errOrder) {
			t.Errorf("%s: %v", what, err)
		}
	}
	accept := func(b []byte) error { _, _, err := e.server.Accept(b); return err }
	ready := func() error { _, _, err := e.server.Ready(nil); return err }
	finish := func(b []byte) error { _, _, err := e.client.Finish(b); return err }
	wrong("INITIATE before HELLO", accept(make([]byte, 300)))
	wrong("READY before HELLO", ready())
	wrong("READY before WELCOME", finish(make([]byte, 300)))
	welcome := e.welcome(t)
	_, err := e.server.Welcome(e.client.Hello())
	wrong("a second HELLO", err)
	wrong("READY before INITIATE", ready())
	initiate, err := e.client.Initiate(welcome)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.client.Initiate(welcome)
	wrong("a second WELCOME", err)
	if err := accept(initiate); err != nil {
		t.Fatal(err)
	}
	wrong("a second INITIATE", accept(initiate))
	_, err = e.server.Welcome(e.client.Hello())
	wrong("HELLO after INITIATE", err)
	last, _, err := e.server.Ready(nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong("a second READY", ready())
	if err := finish(last); err != nil {
		t.Fatal(err)
	}
	wrong("a second READY", finish(last))
}

// After an error nothing goes on, even with the genuine command.
func TestNothingFollowsAnError(t *testing.T) {
	e := begin(t, "")
	welcome := e.welcome(t)
	if _, err := e.client.Initiate(altered(welcome, 100)); err == nil {
		t.Fatal("an altered WELCOME was accepted")
	}
	if _, err := e.client.Initiate(welcome); !errors.Is(err, errOrder) {
		t.Errorf("WELCOME after an altered one: %v", err)
	}
	e = begin(t, "")
	initiate := e.initiate(t)
	if _, _, err := e.server.Accept(altered(initiate, 200)); err == nil {
		t.Fatal("an altered INITIATE was accepted")
	}
	if _, _, err := e.server.Accept(initiate); !errors.Is(err, errOrder) {
		t.Errorf("INITIATE after an altered one: %v", err)
	}
	if _, _, err := e.server.Ready(nil); !errors.Is(err, errOrder) {
		t.Errorf("READY after an altered INITIATE: %v", err)
	}
	e = begin(t, "")
	ready := e.ready(t, "")
	if _, _, err := e.client.Finish(altered(ready, 20)); err == nil {
		t.Fatal("an altered READY was accepted")
	}
	if _, _, err := e.client.Finish(ready); !errors.Is(err, errOrder) {
		t.Errorf("READY after an altered one: %v", err)
	}
}

func altered(command []byte, at int) []byte {
	command = bytes.Clone(command)
	command[at] ^= 1
	return command
}

func TestCodecDoesNoIO(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		switch name {
		case "net", "os", "time", "log":
			t.Errorf("the codec imports %s", name)
		}
	}
}
