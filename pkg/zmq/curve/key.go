package curve

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
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

// check returns an error if nobody can have the secret key of k, or everybody shares a secret with its owner.
func (k *Key) check() error {
	if !k.canonical() {
		return errors.New("a public key never has its last bit set, this has; copy it again")
	}
	var probe [KeySize]byte
	probe[0] = 8
	if _, err := curve25519.X25519(probe[:], k[:]); err != nil {
		return ErrWeakKey
	}
	return nil
}

// canonical reports whether the bit that X25519 ignores is clear, so that no key can be written in two ways.
func (k *Key) canonical() bool { return k[KeySize-1]&0x80 == 0 }

// KeyPair is a long-term key. Its secret part is never printed. A copy has the same secret.
type KeyPair struct {
	Public Key
	secret *hidden // nil: none
}

// hidden is a secret key. fmt prints what is in unexported fields of other types without asking Format, and in some
// cases follows a pointer there. It never follows two.
type hidden struct{ key *[KeySize]byte }

// GenerateKey makes a key.
func GenerateKey() (p KeyPair, err error) {
	secret, err := newSecret(rand.Reader)
	if err != nil {
		return p, err
	}
	return newPair(secret)
}

// ParseSecret reads a secret key in Z85, to which the public one follows. It refuses one of zeros, which czmq writes
// where it was built without CURVE. Its errors do not repeat the text.
func ParseSecret(text string) (p KeyPair, err error) {
	data, err := DecodeZ85(text)
	if err == nil && len(data) != KeySize {
		err = fmt.Errorf("a key has %d characters in Z85, this has %d", TextSize, len(text))
	}
	if err != nil {
		return p, fmt.Errorf("not a secret key in Z85: %w", err)
	}
	if zeros(data) {
		return p, ErrWeakKey
	}
	return newPair((*[KeySize]byte)(data))
}

func newPair(secret *[KeySize]byte) (p KeyPair, err error) {
	p.secret = &hidden{secret}
	p.Public, err = publicKey(secret)
	return p, err
}

// SecretText returns the secret key in Z85, for its file; "" if there is none.
func (p *KeyPair) SecretText() string {
	if p.secret == nil {
		return ""
	}
	return EncodeZ85(p.secret.key[:])
}

// String returns the public key.
func (p KeyPair) String() string { return p.Public.String() }

// Format and LogValue keep the secret out of logs: every verb of fmt prints the public key.
func (p KeyPair) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) } //nolint:errcheck // fmt ignores it, too
func (p KeyPair) LogValue() slog.Value       { return slog.StringValue(p.String()) }

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
