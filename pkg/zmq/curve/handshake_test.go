package curve

import (
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
