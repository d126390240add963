package curve

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	nacl "golang.org/x/crypto/nacl/box"
)

// sealHello returns a HELLO whose fields may be anything, with a box that its maker can make.
func sealHello(client *Key, shared *[KeySize]byte, counter uint64, text []byte) []byte {
	hello := make([]byte, helloKey)
	copy(hello, helloName+"\x01")
	hello = append(hello, client[:]...)
	hello = binary.BigEndian.AppendUint64(hello, counter)
	return nacl.SealAfterPrecomputation(hello, text, shortNonce(helloNonce, counter), shared)
}

// sealInitiate does the same for an INITIATE, whose box holds text.
func sealInitiate(cookie []byte, shared *[KeySize]byte, counter uint64, text []byte) []byte {
	initiate := append([]byte(initiateName), cookie...)
	initiate = binary.BigEndian.AppendUint64(initiate, counter)
	return nacl.SealAfterPrecomputation(initiate, text, shortNonce(initiateNonce, counter), shared)
}

// vouch returns C and a vouch for any key and server, made by any secret.
func vouch(client, vouched, server, transient Key, secret *[KeySize]byte) []byte {
	tail := make([]byte, nonceSize)
	proof := append(client[:], tail...)
	text := append(vouched[:], server[:]...)
	return nacl.Seal(proof, text, longNonce(vouchNonce, tail), (*[KeySize]byte)(&transient), secret)
}

// hostile is a client that has got WELCOME, and can make any INITIATE.
type hostile struct {
	*ends
	secret    *[KeySize]byte // c'
	transient Key            // S'
	cookie    []byte
	shared    *[KeySize]byte
	honest    []byte // what an honest INITIATE's box holds
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	h := &hostile{ends: begin(t, "")}
	secret := *h.client.secret
	h.secret = &secret
	hello := *h.client.shared
	welcome := h.welcome(t)
	var err error
	if h.transient, h.cookie, err = openWelcome(welcome, &hello); err != nil {
		t.Fatal(err)
	}
	if _, err = h.client.Initiate(welcome); err != nil {
		t.Fatal(err)
	}
	h.shared = h.client.shared
	h.honest = vouch(h.clientKeys.Public, h.client.public, h.serverKeys.Public, h.transient, h.clientKeys.secret.key)
	return h
}

// What a client makes that knows the server's key, but is not whom it claims to be, is refused, and each error is the
// one that the log must have.
func TestForgedInitiate(t *testing.T) {
	other := parseSecret(t, clientSecret)
	tests := map[string]struct {
		forge func(h *hostile) []byte
		want  error
	}{
		"an honest one": {func(h *hostile) []byte { return sealInitiate(h.cookie, h.shared, 2, h.honest) }, nil},
		"a counter that leaves some out": {func(h *hostile) []byte {
			return sealInitiate(h.cookie, h.shared, 1<<63, h.honest)
		}, nil},
		"HELLO's counter": {func(h *hostile) []byte { return sealInitiate(h.cookie, h.shared, 1, h.honest) }, ErrAltered},
		"a lower counter": {func(h *hostile) []byte { return sealInitiate(h.cookie, h.shared, 0, h.honest) }, ErrAltered},
		"an invented cookie": {func(h *hostile) []byte {
			return sealInitiate(make([]byte, cookieSize), h.shared, 2, h.honest)
		}, ErrAltered},
		"another one's public key": {func(h *hostile) []byte {
			text := vouch(other.Public, h.client.public, h.serverKeys.Public, h.transient, h.clientKeys.secret.key)
			return sealInitiate(h.cookie, h.shared, 2, text)
		}, ErrClientKey},
		"a vouch for another transient key": {func(h *hostile) []byte {
			text := vouch(h.clientKeys.Public, other.Public, h.serverKeys.Public, h.transient, h.clientKeys.secret.key)
			return sealInitiate(h.cookie, h.shared, 2, text)
		}, ErrAltered},
		"a vouch for another server": {func(h *hostile) []byte {
			text := vouch(h.clientKeys.Public, h.client.public, other.Public, h.transient, h.clientKeys.secret.key)
			return sealInitiate(h.cookie, h.shared, 2, text)
		}, ErrAltered},
		"a vouch to the long-term key": {func(h *hostile) []byte {
			text := vouch(h.clientKeys.Public, h.client.public, h.serverKeys.Public, h.serverKeys.Public,
				h.clientKeys.secret.key)
			return sealInitiate(h.cookie, h.shared, 2, text)
		}, ErrClientKey},
		"a vouch by the transient key": {func(h *hostile) []byte {
			text := vouch(h.clientKeys.Public, h.client.public, h.serverKeys.Public, h.transient, h.secret)
			return sealInitiate(h.cookie, h.shared, 2, text)
		}, ErrClientKey},
		"no vouch": {func(h *hostile) []byte {
			return sealInitiate(h.cookie, h.shared, 2, make([]byte, provenSize))
		}, ErrWeakKey},
		"a key written in another way": {func(h *hostile) []byte {
			public := h.clientKeys.Public
			public[KeySize-1] |= 0x80
			text := vouch(public, h.client.public, h.serverKeys.Public, h.transient, h.clientKeys.secret.key)
			return sealInitiate(h.cookie, h.shared, 2, text)
		}, ErrMalformed},
	}
	for _, weak := range weakKeys {
		key := hexKey(t, weak)
		tests["the weak key "+weak] = struct {
			forge func(h *hostile) []byte
			want  error
		}{func(h *hostile) []byte {
			text := vouch(key, h.client.public, h.serverKeys.Public, key, &[KeySize]byte{1})
			return sealInitiate(h.cookie, h.shared, 2, text)
		}, ErrWeakKey}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			key, _, err := h.server.Accept(test.forge(h))
			if !errors.Is(err, test.want) || test.want == nil && key != h.clientKeys.Public {
				t.Errorf("%v, %v, want %v", key, err, test.want)
			}
			if _, _, err := h.server.Ready(nil); (err == nil) != (test.want == nil) {
				t.Errorf("READY after it: %v", err)
			}
		})
	}
}

// The last byte of text is INITIATE's metadata: nothing of what precedes it can be left out.
func TestInitiateBoxTooShort(t *testing.T) {
	for size := range provenSize {
		h := newHostile(t)
		if _, _, err := h.server.Accept(sealInitiate(h.cookie, h.shared, 2, h.honest[:size])); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes in the box: %v", size, err)
		}
	}
}

func TestForgedHello(t *testing.T) {
	e := begin(t, "")
	shared, public := e.client.shared, &e.client.public
	text := make([]byte, signatureSize)
	for _, counter := range []uint64{0, 1, 2, 1 << 63, 1<<64 - 1} {
		s, err := NewServer(&e.serverKeys)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Welcome(sealHello(public, shared, counter, text)); err != nil || s.received != counter {
			t.Errorf("the counter %d: %d, %v", counter, s.received, err)
		}
	}
	for i := range text {
		text[i] = 1
		if _, err := e.server.Welcome(sealHello(public, shared, 1, text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("byte %d in the box: %v", i, err)
		}
		text[i] = 0
	}
	for _, weak := range weakKeys {
		key := hexKey(t, weak)
		shared := worthless()
		if _, err := e.server.Welcome(sealHello(&key, &shared, 1, text)); !errors.Is(err, ErrWeakKey) {
			t.Errorf("the weak key %s: %v", weak, err)
		}
	}
	if e.server.cookie != nil {
		t.Error("a refused HELLO has got a cookie")
	}
}

// After a HELLO with the highest counter there is no INITIATE.
func TestHighestCounter(t *testing.T) {
	e := begin(t, "")
	hello := sealHello(&e.client.public, e.client.shared, 1<<64-1, make([]byte, signatureSize))
	welcome, err := e.server.Welcome(hello)
	if err != nil {
		t.Fatal(err)
	}
	initiate, err := e.client.Initiate(welcome)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.server.Accept(initiate); !errors.Is(err, ErrAltered) {
		t.Error(err)
	}
}

// A server whose own key is good can still not make a client agree on a key that everybody knows.
func TestForgedWelcome(t *testing.T) {
	e := begin(t, "")
	for _, weak := range weakKeys {
		e.again(t, "")
		key := hexKey(t, weak)
		welcome := sealWelcome(e.client.shared, append(key[:], make([]byte, cookieSize)...))
		if _, err := e.client.Initiate(welcome); !errors.Is(err, ErrWeakKey) {
			t.Errorf("the weak key %s: %v", weak, err)
		}
	}
}

func sealWelcome(shared *[KeySize]byte, text []byte) []byte {
	tail := make([]byte, nonceSize)
	welcome := append([]byte(welcomeName), tail...)
	return nacl.SealAfterPrecomputation(welcome, text, longNonce(welcomeNonce, tail), shared)
}

// The keys that a client is given for its server are checked, too.
func TestWeakServerKey(t *testing.T) {
	own := parseSecret(t, clientSecret)
	for _, weak := range weakKeys {
		if _, err := NewClient(&own, hexKey(t, weak), nil); !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: %v", weak, err)
		}
	}
}

// The mistakes that operators make have errors of their own.
func TestMistakes(t *testing.T) {
	e := begin(t, "")
	stranger, err := NewClient(&e.clientKeys, parseKey(t, serverPublic), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.server.Welcome(stranger.Hello()); !errors.Is(err, ErrServerKey) {
		t.Errorf("a client that knows another server: %v", err)
	}
	if _, err := e.client.Initiate(stranger.Hello()); !errors.Is(err, ErrTwoClients) {
		t.Errorf("two clients: %v", err)
	}
	e.again(t, "")
	e.clientKeys.Public = parseKey(t, clientPublic)
	if _, _, err := e.server.Accept(e.initiate(t)); !errors.Is(err, ErrClientKey) {
		t.Errorf("a client with the public key of another certificate: %v", err)
	}
	e = begin(t, "")
	hello := e.client.Hello()
	hello[helloVersion], hello[helloVersion+1] = 2, 7
	if _, err := e.server.Welcome(hello); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "2.7") {
		t.Errorf("version 2.7: %v", err)
	}
}

// agree is nacl/box's key agreement, for keys that are not weak.
func TestAgree(t *testing.T) {
	for range 20 {
		a, b := begin(t, "").clientKeys, begin(t, "").clientKeys
		var want [KeySize]byte
		nacl.Precompute(&want, (*[KeySize]byte)(&a.Public), b.secret.key)
		for _, pair := range [][2]KeyPair{{a, b}, {b, a}} {
			if got, err := agree(&pair[0].Public, pair[1].secret.key); err != nil || *got != want {
				t.Errorf("%x, want %x, %v", got, want, err)
			}
		}
		for _, weak := range weakKeys {
			key := hexKey(t, weak)
			if _, err := agree(&key, a.secret.key); !errors.Is(err, ErrWeakKey) {
				t.Errorf("%s: %v", weak, err)
			}
		}
	}
}
