package curve

import (
	"bytes"
	"errors"
	"testing"
)

// where is what each byte of a command belongs to, and the error, or one of two, that is due if it is altered.
type where struct {
	end     int // of the bytes
	err, or error
}

// due reports whether an error is what an altered byte must lead to.
func due(fields []where, at int, err error) bool {
	for _, f := range fields {
		if at < f.end {
			return err != nil && (errors.Is(err, f.err) || f.or != nil && errors.Is(err, f.or))
		}
	}
	return false
}

// refusing gives a command to accept: genuine at first, then altered in each byte, cut short, and with more after it.
func refusing(t *testing.T, name string, genuine []byte, fields []where, accept func([]byte) error) {
	t.Helper()
	if err := accept(genuine); err != nil {
		t.Fatalf("the genuine %s: %v", name, err)
	}
	for at := range genuine {
		for _, bits := range []byte{0x01, 0x10, 0x80, 0xff} {
			command := bytes.Clone(genuine)
			command[at] ^= bits
			if err := accept(command); !due(fields, at, err) {
				t.Errorf("%s with %#x in byte %d: %v", name, bits, at, err)
			}
		}
	}
	for size := range genuine {
		if err := accept(genuine[:size]); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrAltered) {
			t.Errorf("%s cut to %d bytes: %v", name, size, err)
		}
		if err := accept(genuine[len(genuine)-size:]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s's last %d bytes: %v", name, size, err)
		}
	}
	for _, more := range [][]byte{{0}, {1}, make([]byte, 16), genuine, make([]byte, 8<<10)} {
		err := accept(append(bytes.Clone(genuine), more...))
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrAltered) {
			t.Errorf("%s with %d bytes more: %v", name, len(more), err)
		}
	}
}

func TestAlteredHello(t *testing.T) {
	r := recorded(t, recordings+"/push-pull.txt")
	fields := []where{{6, ErrMalformed, nil}, {8, ErrVersion, nil}, {helloKey, ErrMalformed, nil},
		{helloCounter - 1, ErrServerKey, nil}, {helloCounter, ErrServerKey, ErrMalformed}, {helloSize, ErrServerKey, nil}}
	refusing(t, "HELLO", r.hello, fields, func(hello []byte) error {
		welcome, err := r.newServer(t).Welcome(hello)
		if err != nil && welcome != nil {
			t.Error("an error and a WELCOME")
		}
		return err
	})
}

func TestAlteredWelcome(t *testing.T) {
	r := recorded(t, recordings+"/push-pull.txt")
	fields := []where{{8, ErrMalformed, nil}, {welcomeSize, ErrWelcome, nil}}
	refusing(t, "WELCOME", r.welcome, fields, func(welcome []byte) error {
		_, err := r.newClient(t).Initiate(welcome)
		return err
	})
}

func TestAlteredInitiate(t *testing.T) {
	r := recorded(t, recordings+"/push-pull.txt")
	fields := []where{{9, ErrMalformed, nil}, {len(r.initiate), ErrAltered, nil}}
	refusing(t, "INITIATE", r.initiate, fields, func(initiate []byte) error {
		s := r.newServer(t)
		if _, err := s.Welcome(r.hello); err != nil {
			t.Fatal(err)
		}
		key, metadata, err := s.Accept(initiate)
		if err != nil && (key != Key{} || metadata != nil) {
			t.Error("an error and a key")
		}
		return err
	})
}

func TestAlteredReady(t *testing.T) {
	r := recorded(t, recordings+"/push-pull.txt")
	fields := []where{{6, ErrMalformed, nil}, {len(r.ready), ErrAltered, nil}}
	refusing(t, "READY", r.ready, fields, func(ready []byte) error {
		c := r.newClient(t)
		if _, err := c.Initiate(r.welcome); err != nil {
			t.Fatal(err)
		}
		metadata, s, err := c.Finish(ready)
		if err != nil && (metadata != nil || s != nil) {
			t.Error("an error and a session")
		}
		return err
	})
}

// What was recorded on one connection is good for no other, although all keys are the same but the transient ones.
func TestReplayed(t *testing.T) {
	var all []*recording
	each(t, func(_ *testing.T, r *recording) { all = append(all, r) })
	for i, r := range all {
		for j, other := range all {
			if i == j {
				continue
			}
			s := r.newServer(t)
			if _, err := s.Welcome(r.hello); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Accept(other.initiate); !errors.Is(err, ErrAltered) {
				t.Errorf("%d: another connection's INITIATE: %v", i, err)
			}
			if _, err := r.newClient(t).Initiate(other.welcome); !errors.Is(err, ErrWelcome) {
				t.Errorf("%d: another connection's WELCOME: %v", i, err)
			}
			c := r.newClient(t)
			if _, err := c.Initiate(r.welcome); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Finish(other.ready); !errors.Is(err, ErrAltered) {
				t.Errorf("%d: another connection's READY: %v", i, err)
			}
		}
	}
}

// A whole connection that is played again to the same server gets no further than WELCOME: HELLO is good for ever, but
// each connection has a cookie key of its own.
func TestReplayedToTheSameServer(t *testing.T) {
	e := begin(t, "")
	hello := e.client.Hello()
	initiate := e.initiate(t)
	if _, _, err := e.server.Accept(initiate); err != nil {
		t.Fatal(err)
	}
	again, err := NewServer(&e.serverKeys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Welcome(hello); err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Accept(initiate); !errors.Is(err, ErrAltered) {
		t.Errorf("a replayed INITIATE: %v", err)
	}
}
