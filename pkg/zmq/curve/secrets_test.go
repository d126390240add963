package curve

import (
	"bytes"
	"testing"

	nacl "golang.org/x/crypto/nacl/box"
)

// No nonce and no transient key occurs twice under a key, and nothing in two handshakes is equal but what must be.
func TestNothingRepeats(t *testing.T) {
	e := begin(t, "")
	seen := map[string]string{}
	once := func(what string, b []byte) {
		t.Helper()
		if before, ok := seen[string(b)]; ok {
			t.Errorf("%s is equal to an earlier %s: %x", what, before, b)
		}
		seen[string(b)] = what
	}
	for range 50 {
		e.again(t, "")
		once("C'", e.client.Hello()[helloKey:helloCounter])
		welcome := e.welcome(t)
		once("WELCOME's nonce", welcome[len(welcomeName):welcomeBox])
		once("cookie's key", e.server.cookie[:])
		initiate, err := e.client.Initiate(welcome)
		if err != nil {
			t.Fatal(err)
		}
		once("cookie's nonce", initiate[initiateCookie:][:nonceSize])
		once("shared key", e.client.shared[:])
		text, ok := nacl.OpenAfterPrecomputation(nil, initiate[initiateBox:], shortNonce(initiateNonce, 2), e.client.shared)
		if !ok {
			t.Fatal("INITIATE does not open")
		}
		once("vouch's nonce", text[KeySize:][:nonceSize])
	}
}

// Secrets are overwritten as soon as they are of no use.
func TestSecretsAreWiped(t *testing.T) {
	e := begin(t, "")
	var wiped, kept []*[KeySize]byte
	check := func(when string) {
		t.Helper()
		for i, secret := range wiped {
			if *secret != [KeySize]byte{} {
				t.Errorf("%s: secret %d is still there", when, i)
			}
		}
		for i, secret := range kept {
			if *secret == [KeySize]byte{} {
				t.Errorf("%s: secret %d is gone", when, i)
			}
		}
	}
	transient, hello := e.client.secret, e.client.shared
	kept = []*[KeySize]byte{transient, hello, e.clientKeys.secret.key, e.serverKeys.secret.key}
	welcome := e.welcome(t)
	cookie := e.server.cookie
	kept = append(kept, cookie)
	check("WELCOME")
	initiate, err := e.client.Initiate(welcome)
	if err != nil {
		t.Fatal(err)
	}
	wiped, kept = []*[KeySize]byte{transient, hello}, append(kept[2:], e.client.shared)
	check("INITIATE was made")
	if _, _, err := e.server.Accept(initiate); err != nil {
		t.Fatal(err)
	}
	wiped = append(wiped, cookie)
	kept = []*[KeySize]byte{e.clientKeys.secret.key, e.serverKeys.secret.key, e.client.shared, e.server.shared}
	check("INITIATE was accepted")
	wiped = append(wiped, e.server.shared)
	ready, _, err := e.server.Ready(nil)
	if err != nil {
		t.Fatal(err)
	}
	kept = kept[:3]
	check("READY was made")
	wiped = append(wiped, e.client.shared)
	if _, _, err := e.client.Finish(ready); err != nil {
		t.Fatal(err)
	}
	kept = kept[:2]
	check("READY was accepted")
}

// The same after errors.
func TestSecretsAreWipedAfterErrors(t *testing.T) {
	e := begin(t, "")
	secrets := []*[KeySize]byte{e.client.secret, e.client.shared}
	if _, err := e.client.Initiate(nil); err == nil {
		t.Fatal("nothing was taken for WELCOME")
	}
	e = begin(t, "")
	initiate := e.initiate(t)
	secrets = append(secrets, e.server.cookie, e.client.shared)
	if _, _, err := e.server.Accept(altered(initiate, 250)); err == nil {
		t.Fatal("an altered INITIATE was accepted")
	}
	if _, _, err := e.client.Finish(nil); err == nil {
		t.Fatal("nothing was taken for READY")
	}
	for i, secret := range secrets {
		if *secret != [KeySize]byte{} {
			t.Errorf("secret %d is still there", i)
		}
	}
}

// Without random bytes nothing begins.
func TestRandomnessFails(t *testing.T) {
	e := begin(t, "")
	for size := range KeySize + nonceSize {
		c, err := newClient(&e.clientKeys, e.serverKeys.Public, nil, fixedBytes(size))
		if err == nil {
			welcome := welcomeFor(t, e, c.Hello())
			_, err = c.Initiate(welcome)
		}
		if err == nil {
			t.Errorf("a client with %d random bytes", size)
		}
	}
	for size := range 2*KeySize + 2*nonceSize {
		s, err := newServer(&e.serverKeys, fixedBytes(size))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Welcome(e.client.Hello()); err == nil {
			t.Errorf("a server with %d random bytes", size)
		}
	}
}

func fixedBytes(size int) *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{7}, size)) }

func welcomeFor(t *testing.T, e *ends, hello []byte) []byte {
	t.Helper()
	s, err := NewServer(&e.serverKeys)
	if err != nil {
		t.Fatal(err)
	}
	welcome, err := s.Welcome(hello)
	if err != nil {
		t.Fatal(err)
	}
	return welcome
}
