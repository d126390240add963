package curve

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// FuzzMessage gives both ends of one connection what a fuzzer makes of a MESSAGE: once as it is, which is accepted
// only if it is one of the recorded ones, whole or cut; and once as what is in a genuine box. Whatever is opened, and
// however it is cut, is what golang.org/x/crypto opens.
func FuzzMessage(f *testing.F) {
	all := seeds(f)
	genuine := map[string]bool{}
	for _, r := range all {
		for i, m := range slices.Concat(r.clientMessages, r.serverMessages) {
			f.Add(m, uint64(i), uint16(40), i < len(r.clientMessages))
		}
	}
	for _, m := range all[0].clientMessages {
		genuine["c"+string(m)] = true
	}
	for _, m := range all[0].serverMessages {
		genuine["s"+string(m)] = true
	}
	shared := all[0].shared(f)
	f.Fuzz(func(t *testing.T, raw []byte, counter uint64, cut uint16, fromClient bool) {
		side, prefix := "s", serverMessages
		if fromClient {
			side, prefix = "c", clientMessages
		}
		session := func(last uint64) func() *Session {
			return func() *Session { return newSession(shared, fromClient, 0, last) }
		}
		var last uint64
		if len(raw) >= Overhead {
			last = binary.BigEndian.Uint64(raw[nameSize:]) - 1
		}
		if flags, _, err := openBothWays(t, session(last), raw, int(cut)); (err == nil) != genuine[side+string(raw)] {
			t.Errorf("%x: flags %d, %v", raw, flags, err)
		}
		message := binary.BigEndian.AppendUint64([]byte(messageName), counter)
		message = secretbox.Seal(message, raw, shortNonce(prefix, counter), shared)
		if _, _, err := openBothWays(t, session(counter), message, int(cut)); err == nil {
			t.Errorf("number %d is opened after itself", counter)
		}
		flags, body, err := openBothWays(t, session(counter-1), message, int(cut))
		if honest := counter > 0 && len(raw) > 0; (err == nil) != honest {
			t.Errorf("%x in the box of number %d: %v", raw, counter, err)
		} else if honest && (flags != inside(raw[0]) || !bytes.Equal(body, raw[1:])) {
			t.Errorf("%x in the box: flags %d, %x", raw, flags, body)
		}
	})
}

// openBothWays opens a MESSAGE at once, and another time keeps a beginning of it alone.
func openBothWays(t *testing.T, s func() *Session, message []byte, keep int) (flags byte, body []byte, err error) {
	whole := s()
	flags, body, err = whole.Opener.Open(bytes.Clone(message))
	if err == nil && flags&^(zmtp.More|zmtp.Command) != 0 {
		t.Errorf("flags %#x", flags)
	}
	if _, _, again := whole.Opener.Open(bytes.Clone(message)); again == nil {
		t.Errorf("%x is opened twice", message)
	}
	if keep = min(keep, len(message)); keep < Overhead {
		return flags, body, err
	}
	beginning := bytes.Clone(message[:keep])
	cut := s()
	c, cutErr := cut.Opener.Cut(beginning)
	if cutErr == nil {
		c.Skip(message[keep:])
		var cutFlags byte
		var cutBody []byte
		cutFlags, cutBody, cutErr = c.Open(beginning)
		if cutErr == nil && err == nil && (cutFlags != flags || !bytes.Equal(cutBody, body[:keep-Overhead])) {
			t.Errorf("%x cut to %d bytes: flags %d, %x", message, keep, cutFlags, cutBody)
		}
	}
	if (cutErr == nil) != (err == nil) {
		t.Errorf("%x: %v; cut to %d bytes: %v", message, err, keep, cutErr)
	}
	return flags, body, err
}

// shared returns the key on which a recorded handshake agreed.
func (r *recording) shared(t testing.TB) *[KeySize]byte {
	t.Helper()
	shared, err := agree((*Key)(r.hello[helloKey:]), (*[KeySize]byte)(r.serverRandom))
	if err != nil {
		t.Fatal(err)
	}
	return shared
}
