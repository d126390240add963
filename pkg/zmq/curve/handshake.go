package curve

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/curve25519"
	nacl "golang.org/x/crypto/nacl/box"
)

// The four commands of a handshake (RFC 26). C and S are the long-term keys of client and server, C' and S' those of
// this connection; small letters are their secrets. Counters are big-endian. A box is made by the first secret's owner
// for the second key's owner, and is 16 bytes longer than what is in it.
//
//	HELLO     5 HELLO    | version 1.0 (2) | zeros (72) | C' | counter (8) | box(64 zeros)[c' → S]
//	WELCOME   7 WELCOME  | nonce (16) | box(S', cookie)[s → C']
//	cookie    nonce (16) | secret box(C', s'), whose key the server alone knows
//	INITIATE  8 INITIATE | cookie | counter (8) | box(C, vouch, metadata)[c' → S']
//	vouch     nonce (16) | box(C', S)[c → S']
//	READY     5 READY    | counter (8) | box(metadata)[s' → C']
const (
	helloName    = "\x05HELLO"
	welcomeName  = "\x07WELCOME"
	initiateName = "\x08INITIATE"
	readyName    = "\x05READY"

	helloVersion = len(helloName) // where the fields begin
	helloPadding = helloVersion + 2
	helloKey     = helloPadding + 72
	helloCounter = helloKey + KeySize
	helloBox     = helloCounter + 8
	helloSize    = helloBox + signatureSize + nacl.Overhead

	welcomeBox  = len(welcomeName) + nonceSize
	welcomeSize = welcomeBox + KeySize + cookieSize + nacl.Overhead

	initiateCookie  = len(initiateName)
	initiateCounter = initiateCookie + cookieSize
	initiateBox     = initiateCounter + 8
	initiateLeast   = initiateBox + provenSize + nacl.Overhead

	readyCounter = len(readyName)
	readyBox     = readyCounter + 8
	readyLeast   = readyBox + nacl.Overhead

	signatureSize = 64
	nonceSize     = 16                                              // what is sent of a long nonce
	cookieSize    = nonceSize + 2*KeySize + nacl.Overhead           // as large as a vouch
	provenSize    = KeySize + nonceSize + 2*KeySize + nacl.Overhead // C and vouch
)

// What nonces begin with.
const (
	helloNonce    = "CurveZMQHELLO---"
	welcomeNonce  = "WELCOME-"
	cookieNonce   = "COOKIE--"
	vouchNonce    = "VOUCH---"
	initiateNonce = "CurveZMQINITIATE"
	readyNonce    = "CurveZMQREADY---"
)

// Why a handshake fails. The errors of Client and Server wrap one of these, and add which part of which command it was.
var (
	// ErrMalformed: the bytes are no command of this protocol, or not the one that is due.
	ErrMalformed = errors.New("malformed CURVE handshake: is the peer a ZeroMQ socket?")
	// ErrTwoClients: a client has got a HELLO.
	ErrTwoClients = errors.New("both ends are CURVE clients: make one of them the server")
	// ErrVersion: the client's version is not 1.0.
	ErrVersion = errors.New("another version of CurveZMQ than 1.0: use a client that has 1.0")
	// ErrServerKey: the client has made HELLO for another key than the server's.
	ErrServerKey = errors.New("wrong server key: the client knows another one; give it this server's public key")
	// ErrClientKey: the client does not have the secret key of its public key.
	ErrClientKey = errors.New("the client's secret and public key do not belong together: give it both from one certificate")
	// ErrWelcome: the server does not have the secret key of the public key that this client knows.
	ErrWelcome = errors.New("the server does not prove that the key is its own: compare the server's key at both ends")
	// ErrAltered: a command was not made by the peer for this connection, or is repeated.
	ErrAltered = errors.New("altered, or sent again from another connection: look at what is between the two ends")
	// ErrWeakKey: a public key with which everybody knows the secret that two ends share.
	ErrWeakKey = errors.New("a key that protects nothing, such as one of zeros: make a new one")
)

var errOrder = errors.New("curve: a method that was called too early or twice")

// checkCommand returns an error unless command begins with name and has the size, or at least that size.
func checkCommand(command []byte, name string, size int, more bool) error {
	switch {
	case len(command) < len(name) || string(command[:len(name)]) != name:
		return fmt.Errorf("%w: another command where %s is due", ErrMalformed, name[1:])
	case len(command) < size || len(command) > size && !more:
		return fmt.Errorf("%w: %s has %d bytes", ErrMalformed, name[1:], len(command))
	}
	return nil
}

// newSecret returns a random secret key.
func newSecret(random io.Reader) (*[KeySize]byte, error) {
	secret := new([KeySize]byte)
	_, err := io.ReadFull(random, secret[:])
	return secret, err
}

// publicKey returns the public key of a secret.
func publicKey(secret *[KeySize]byte) (public Key, err error) {
	product, err := curve25519.X25519(secret[:], curve25519.Basepoint)
	copy(public[:], product)
	return public, err
}

// agree returns the key that the owners of the two keys share. It refuses weak keys.
func agree(public *Key, secret *[KeySize]byte) (*[KeySize]byte, error) {
	if !public.canonical() {
		return nil, fmt.Errorf("%w: a public key with its last bit set", ErrMalformed)
	}
	shared := new([KeySize]byte)
	nacl.Precompute(shared, (*[KeySize]byte)(public), secret)
	if worthless := worthless(); subtle.ConstantTimeCompare(shared[:], worthless[:]) == 1 {
		return nil, ErrWeakKey
	}
	return shared, nil
}

// worthless is what everybody shares with the owner of a weak key. nacl/box takes such keys; X25519 has made zeros of
// them then, whatever the secret.
var worthless = sync.OnceValue(func() (shared [KeySize]byte) {
	nacl.Precompute(&shared, new([KeySize]byte), &[KeySize]byte{1})
	return shared
})

// shortNonce returns a nonce of a prefix and a counter.
func shortNonce(prefix string, counter uint64) *[24]byte {
	var nonce [24]byte
	copy(nonce[:], prefix)
	binary.BigEndian.PutUint64(nonce[len(prefix):], counter)
	return &nonce
}

// longNonce returns a nonce of a prefix and random bytes.
func longNonce(prefix string, tail []byte) *[24]byte {
	var nonce [24]byte
	copy(nonce[copy(nonce[:], prefix):], tail)
	return &nonce
}

// wipe forgets a secret. What golang.org/x/crypto and the garbage collector have copied is out of reach.
func wipe(secrets ...**[KeySize]byte) {
	for _, secret := range secrets {
		if *secret != nil {
			clear((*secret)[:])
			*secret = nil
		}
	}
}
