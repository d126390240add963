package curve

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	nacl "golang.org/x/crypto/nacl/box"
)

// What a client's counter is in its two commands, and a server's in READY; the first MESSAGE's follows. libzmq has the
// same.
const (
	helloCount    = 1
	initiateCount = 2
	readyCount    = 1
)

// Client is the client's side of one handshake. Hello, Initiate and Finish are called in this order, once each. What
// they return is the caller's, and what they are given may change afterwards. After an error the connection is to be
// closed. One goroutine may use it.
type Client struct {
	own      *KeyPair
	server   Key
	metadata []byte
	random   io.Reader
	hello    []byte
	public   Key            // C'
	secret   *[KeySize]byte // c'; nil: of no use any more
	shared   *[KeySize]byte // by c' and S until WELCOME, by c' and S' until READY
}

// NewClient begins a handshake with the server that has the given key. metadata is what INITIATE tells it (see
// zmtp.AppendProperty); it is not changed until Initiate has returned.
func NewClient(own *KeyPair, server Key, metadata []byte) (*Client, error) {
	return newClient(own, server, metadata, rand.Reader)
}

func newClient(own *KeyPair, server Key, metadata []byte, random io.Reader) (*Client, error) {
	if own.secret == nil {
		return nil, errNoKey
	}
	c := &Client{own: own, server: server, metadata: metadata, random: random}
	var err error
	if c.secret, err = newSecret(random); err != nil {
		return nil, err
	}
	if c.public, err = publicKey(c.secret); err != nil {
		return nil, err
	}
	if c.shared, err = agree(&server, c.secret); err != nil {
		return nil, fmt.Errorf("the server's key: %w", err)
	}
	c.hello = make([]byte, helloKey, helloSize)
	copy(c.hello, helloName)
	c.hello[helloVersion] = 1
	c.hello = append(c.hello, c.public[:]...)
	c.hello = binary.BigEndian.AppendUint64(c.hello, helloCount)
	nonce := shortNonce(helloNonce, helloCount)
	c.hello = nacl.SealAfterPrecomputation(c.hello, make([]byte, signatureSize), nonce, c.shared)
	return c, nil
}

// Hello returns HELLO.
func (c *Client) Hello() []byte { return c.hello }

// Initiate returns the INITIATE that answers WELCOME. Its errors wrap ErrMalformed, ErrTwoClients, ErrWelcome or
// ErrWeakKey.
func (c *Client) Initiate(welcome []byte) (initiate []byte, err error) {
	if c.secret == nil {
		return nil, errOrder
	}
	defer wipe(&c.secret)
	hello := c.shared
	defer wipe(&hello)
	c.shared = nil
	transient, cookie, err := openWelcome(welcome, hello)
	if err != nil {
		return nil, err
	}
	shared, err := agree(&transient, c.secret)
	if err != nil {
		return nil, fmt.Errorf("the server's transient key: %w", err)
	}
	proof, err := c.proof(&transient)
	if err != nil {
		return nil, err
	}
	initiate = make([]byte, 0, initiateLeast+len(c.metadata))
	initiate = append(initiate, initiateName...)
	initiate = append(initiate, cookie...)
	initiate = binary.BigEndian.AppendUint64(initiate, initiateCount)
	nonce := shortNonce(initiateNonce, initiateCount)
	c.shared = shared
	return nacl.SealAfterPrecomputation(initiate, append(proof, c.metadata...), nonce, shared), nil
}

// openWelcome returns what WELCOME holds: S' and the cookie.
func openWelcome(welcome []byte, shared *[KeySize]byte) (transient Key, cookie []byte, err error) {
	err = checkCommand(welcome, welcomeName, welcomeSize, false)
	if checkCommand(welcome, helloName, helloSize, false) == nil {
		err = ErrTwoClients
	}
	if err != nil {
		return transient, nil, err
	}
	nonce := longNonce(welcomeNonce, welcome[len(welcomeName):welcomeBox])
	text, ok := nacl.OpenAfterPrecomputation(nil, welcome[welcomeBox:], nonce, shared)
	if !ok {
		return transient, nil, ErrWelcome
	}
	return Key(text[:KeySize]), text[KeySize:], nil
}

// proof returns C and the vouch for C', with room for the metadata.
func (c *Client) proof(transient *Key) ([]byte, error) {
	shared, err := agree(transient, c.own.secret.key)
	if err != nil {
		return nil, fmt.Errorf("the server's transient key: %w", err)
	}
	defer wipe(&shared)
	var tail [nonceSize]byte
	if _, err := io.ReadFull(c.random, tail[:]); err != nil {
		return nil, err
	}
	proof := make([]byte, 0, provenSize+len(c.metadata))
	proof = append(proof, c.own.Public[:]...)
	proof = append(proof, tail[:]...)
	vouched := slices.Concat(c.public[:], c.server[:])
	return nacl.SealAfterPrecomputation(proof, vouched, longNonce(vouchNonce, tail[:]), shared), nil
}

// Finish returns what READY holds, the server's metadata, and the session that has begun. Its errors wrap ErrMalformed
// or ErrAltered.
func (c *Client) Finish(ready []byte) (metadata []byte, s *Session, err error) {
	if c.secret != nil || c.shared == nil {
		return nil, nil, errOrder
	}
	defer wipe(&c.shared)
	if err := checkCommand(ready, readyName, readyLeast, true); err != nil {
		return nil, nil, err
	}
	counter := binary.BigEndian.Uint64(ready[readyCounter:])
	metadata, ok := nacl.OpenAfterPrecomputation(nil, ready[readyBox:], shortNonce(readyNonce, counter), c.shared)
	if !ok {
		return nil, nil, fmt.Errorf("READY: %w", ErrAltered)
	}
	return metadata, newSession(c.shared, false, initiateCount, counter), nil
}

var errNoKey = errors.New("curve: a key pair without keys")
