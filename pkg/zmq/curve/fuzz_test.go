package curve

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"testing"

	nacl "golang.org/x/crypto/nacl/box"
)

// Each of these targets gives one end of a recorded connection what a fuzzer makes of a command: once as it is, and
// once as what is in the command's box, which then is genuine. The first is accepted only if it is the recorded one.

// seeds returns the recordings, of which the first is what the targets replay.
func seeds(f *testing.F) (all []*recording) {
	paths, err := filepath.Glob(filepath.Join(recordings, "*.txt"))
	if err != nil || len(paths) < 6 {
		f.Fatalf("%d recordings, %v", len(paths), err)
	}
	for _, path := range paths {
		all = append(all, recorded(f, path))
	}
	return all
}

func clone(secret *[KeySize]byte) *[KeySize]byte {
	other := *secret
	return &other
}

func FuzzHello(f *testing.F) {
	all := seeds(f)
	r, genuine := all[0], map[string]bool{}
	for _, r := range all {
		f.Add(r.hello, make([]byte, signatureSize), uint64(1))
		genuine[string(r.hello)] = true
	}
	f.Add([]byte(helloName+"\x01\x00"), []byte("not zeros"), uint64(0))
	c := r.newClient(f)
	f.Fuzz(func(t *testing.T, raw, text []byte, counter uint64) {
		welcome, err := r.newServer(t).Welcome(raw)
		if (err == nil) != genuine[string(raw)] || err == nil && len(welcome) != welcomeSize || err != nil && welcome != nil {
			t.Errorf("%x: a WELCOME of %d bytes, %v", raw, len(welcome), err)
		}
		_, err = r.newServer(t).Welcome(sealHello(&c.public, c.shared, counter, text))
		if honest := len(text) == signatureSize && zeros(text); (err == nil) != honest {
			t.Errorf("%x in the box: %v", text, err)
		}
	})
}

func FuzzWelcome(f *testing.F) {
	all := seeds(f)
	r := all[0]
	before := r.newClient(f)
	nonce := longNonce(welcomeNonce, r.welcome[len(welcomeName):welcomeBox])
	inside, ok := nacl.OpenAfterPrecomputation(nil, r.welcome[welcomeBox:], nonce, before.shared)
	if !ok {
		f.Fatal("the recorded WELCOME does not open")
	}
	for _, r := range all {
		f.Add(r.welcome, inside)
	}
	f.Add(r.hello, make([]byte, len(inside)))
	initiate := func(t *testing.T, welcome []byte) ([]byte, error) {
		c := *before
		c.random = bytes.NewReader(r.clientRandom[KeySize:])
		c.secret, c.shared = clone(before.secret), clone(before.shared)
		initiate, err := c.Initiate(welcome)
		if (err == nil) != (len(initiate) == initiateLeast+len(r.clientMetadata)) || err != nil && initiate != nil {
			t.Errorf("%x: an INITIATE of %d bytes, %v", welcome, len(initiate), err)
		}
		return initiate, err
	}
	f.Fuzz(func(t *testing.T, raw, text []byte) {
		if _, err := initiate(t, raw); (err == nil) != bytes.Equal(raw, r.welcome) {
			t.Errorf("%x: %v", raw, err)
		}
		got, err := initiate(t, sealWelcome(before.shared, text))
		if err == nil && !bytes.Equal(got[initiateCookie:initiateCounter], text[KeySize:]) || len(text) != len(inside) && err == nil {
			t.Errorf("%x in the box: %x, %v", text, got, err)
		}
	})
}

func FuzzInitiate(f *testing.F) {
	all := seeds(f)
	r := all[0]
	before, shared := r.newServer(f), (*[KeySize]byte)(nil)
	if _, err := before.Welcome(r.hello); err != nil {
		f.Fatal(err)
	}
	var err error
	if shared, err = agree((*Key)(r.hello[helloKey:]), (*[KeySize]byte)(r.serverRandom)); err != nil {
		f.Fatal(err)
	}
	inside, ok := nacl.OpenAfterPrecomputation(nil, r.initiate[initiateBox:], shortNonce(initiateNonce, 2), shared)
	if !ok {
		f.Fatal("the recorded INITIATE does not open")
	}
	for _, r := range all {
		f.Add(r.initiate, inside, uint64(2))
	}
	f.Add(r.initiate[:initiateLeast], inside[:provenSize], uint64(1))
	accept := func(t *testing.T, initiate []byte) ([]byte, error) {
		s := *before
		s.cookie = clone(before.cookie)
		key, metadata, err := s.Accept(initiate)
		if (err == nil) != (key == r.client.Public) || err != nil && metadata != nil || len(metadata) > len(initiate) {
			t.Errorf("%x: the key %v, metadata of %d bytes, %v", initiate, key, len(metadata), err)
		}
		return metadata, err
	}
	cookie := r.initiate[initiateCookie:initiateCounter]
	f.Fuzz(func(t *testing.T, raw, text []byte, counter uint64) {
		if _, err := accept(t, raw); (err == nil) != bytes.Equal(raw, r.initiate) {
			t.Errorf("%x: %v", raw, err)
		}
		metadata, err := accept(t, sealInitiate(cookie, shared, counter, text))
		if honest := counter > 1 && bytes.HasPrefix(text, inside[:provenSize]); (err == nil) != honest ||
			honest && !bytes.Equal(metadata, text[provenSize:]) {
			t.Errorf("%x in the box: %q, %v", text, metadata, err)
		}
	})
}

func FuzzReady(f *testing.F) {
	all := seeds(f)
	r := all[0]
	before := r.newClient(f)
	if _, err := before.Initiate(r.welcome); err != nil {
		f.Fatal(err)
	}
	for _, r := range all {
		f.Add(r.ready, r.serverMetadata, uint64(1))
	}
	f.Add(r.ready[:readyLeast], []byte{}, uint64(0))
	finish := func(t *testing.T, ready []byte) ([]byte, error) {
		c := *before
		c.shared = clone(before.shared)
		metadata, s, err := c.Finish(ready)
		if (err == nil) != (s != nil) || err != nil && metadata != nil || len(metadata) > len(ready) {
			t.Errorf("%x: metadata of %d bytes, a session: %v, %v", ready, len(metadata), s != nil, err)
		}
		return metadata, err
	}
	f.Fuzz(func(t *testing.T, raw, text []byte, counter uint64) {
		if _, err := finish(t, raw); (err == nil) != bytes.Equal(raw, r.ready) {
			t.Errorf("%x: %v", raw, err)
		}
		ready := binary.BigEndian.AppendUint64([]byte(readyName), counter)
		ready = nacl.SealAfterPrecomputation(ready, text, shortNonce(readyNonce, counter), before.shared)
		if metadata, err := finish(t, ready); err != nil || !bytes.Equal(metadata, text) {
			t.Errorf("%q in the box: %q, %v", text, metadata, err)
		}
	})
}
