package curve

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/curve25519"
)

// KeySize is how many bytes a key has; TextSize is how many characters it has in Z85.
const (
	KeySize  = 32
	TextSize = 40
)

// Key is a public key.
type Key [KeySize]byte

// String returns the key in Z85.
func (k Key) String() string { return EncodeZ85(k[:]) }

// Equal compares in constant time.
func (k Key) Equal(other Key) bool { return subtle.ConstantTimeCompare(k[:], other[:]) == 1 }

// ParseKey reads a public key in Z85. It refuses a key that is no point of large order, such as all zeros, which czmq
// writes where it was built without CURVE: everybody knows the secret that two ends share under such a key.
func ParseKey(text string) (k Key, err error) {
	if len(text) != TextSize {
		return k, fmt.Errorf("a key has %d characters in Z85, this has %d", TextSize, len(text))
	}
	data, err := DecodeZ85(text)
	if err != nil {
		return k, fmt.Errorf("not a key in Z85: %w", err)
	}
	copy(k[:], data)
	return k, k.check()
}

var errWeak = errors.New("a key that protects nothing, such as one of zeros")

// check returns an error if the key is of low order.
func (k *Key) check() error {
	var probe [KeySize]byte
	probe[0] = 8
	if _, err := curve25519.X25519(probe[:], k[:]); err != nil {
		return errWeak
	}
	return nil
}

// KeyPair is a long-term key. Its secret part is never printed.
type KeyPair struct {
	Public Key
	secret [KeySize]byte
}

// GenerateKey makes a key.
func GenerateKey() (p KeyPair, err error) {
	if _, err := rand.Read(p.secret[:]); err != nil {
		return p, err
	}
	return p, p.derive()
}

// ParseSecret reads a secret key in Z85, to which the public one follows.
func ParseSecret(text string) (p KeyPair, err error) {
	data, err := DecodeZ85(text)
	if err == nil && len(data) != KeySize {
		err = fmt.Errorf("a key has %d characters in Z85, this has %d", TextSize, len(text))
	}
	if err != nil {
		return p, fmt.Errorf("not a secret key in Z85: %w", err)
	}
	copy(p.secret[:], data)
	return p, p.derive()
}

// SecretText returns the secret key in Z85, for its file.
func (p *KeyPair) SecretText() string { return EncodeZ85(p.secret[:]) }

// String returns the public key.
func (p KeyPair) String() string { return p.Public.String() }

// GoString and LogValue keep the secret out of logs.
func (p KeyPair) GoString() string     { return p.String() }
func (p KeyPair) LogValue() slog.Value { return slog.StringValue(p.String()) }

func (p *KeyPair) derive() error {
	public, err := curve25519.X25519(p.secret[:], curve25519.Basepoint)
	copy(p.Public[:], public)
	return err
}

// Named is another program's public key, and the name that its certificate gives it; "": none.
type Named struct {
	Key  Key
	Name string
}

// User is the name, or the key in Z85 if there is none.
func (n Named) User() string {
	if n.Name != "" {
		return n.Name
	}
	return n.Key.String()
}
