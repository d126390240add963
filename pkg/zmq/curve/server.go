package curve

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	nacl "golang.org/x/crypto/nacl/box"
	"golang.org/x/crypto/nacl/secretbox"
)

// Server is the server's side of one handshake. Welcome, Accept and Ready are called in this order, once each. What
// they return is the caller's, and what they are given may change afterwards. After an error the connection is to be
// closed. One goroutine may use it.
//
// Until the client has proved who it is, it costs the server a few bytes: the connection's cookie key and the counter
// of HELLO. The transient key is in the cookie, which the client has. A cookie key serves one connection: an INITIATE
// that is replayed on another one fails. A HELLO takes the server some 0.14 ms of CPU time, a forged one half of that,
// and a malformed one nothing (BenchmarkHello, on an AMD EPYC).
type Server struct {
	own      *KeyPair
	random   io.Reader
	cookie   *[KeySize]byte // the key of the cookie that WELCOME has; nil: of no use
	received uint64         // the client's last counter
	shared   *[KeySize]byte // by C' and s', from INITIATE until READY
}

// NewServer begins a handshake with a client.
func NewServer(own *KeyPair) (*Server, error) { return newServer(own, rand.Reader) }

func newServer(own *KeyPair, random io.Reader) (*Server, error) {
	if own.secret == nil {
		return nil, errNoKey
	}
	return &Server{own: own, random: random}, nil
}

// Welcome returns the WELCOME that answers HELLO. Its errors wrap ErrMalformed, ErrVersion, ErrWeakKey or ErrServerKey.
func (s *Server) Welcome(hello []byte) (welcome []byte, err error) {
	if s.cookie != nil || s.shared != nil {
		return nil, errOrder
	}
	client, shared, err := s.openHello(hello)
	if err != nil {
		return nil, err
	}
	defer wipe(&shared)
	secret, err := newSecret(s.random) // s'
	if err != nil {
		return nil, err
	}
	defer wipe(&secret)
	transient, err := publicKey(secret)
	if err != nil {
		return nil, err
	}
	text, err := s.bake(transient[:], &client, secret)
	if err != nil {
		return nil, err
	}
	var tail [nonceSize]byte
	if _, err := io.ReadFull(s.random, tail[:]); err != nil {
		return nil, err
	}
	welcome = make([]byte, 0, welcomeSize)
	welcome = append(welcome, welcomeName...)
	welcome = append(welcome, tail[:]...)
	return nacl.SealAfterPrecomputation(welcome, text, longNonce(welcomeNonce, tail[:]), shared), nil
}

// openHello checks everything in HELLO, notes its counter, and returns C' and the key that it shares with S.
func (s *Server) openHello(hello []byte) (client Key, shared *[KeySize]byte, err error) {
	if err := checkCommand(hello, helloName, helloSize, false); err != nil {
		return client, nil, err
	}
	if hello[helloVersion] != 1 || hello[helloVersion+1] != 0 {
		return client, nil, fmt.Errorf("%w; its version is %d.%d", ErrVersion, hello[helloVersion], hello[helloVersion+1])
	}
	if !zeros(hello[helloPadding:helloKey]) {
		return client, nil, fmt.Errorf("%w: HELLO's padding is not zeros", ErrMalformed)
	}
	client = Key(hello[helloKey:])
	if shared, err = agree(&client, s.own.secret.key); err != nil {
		return client, nil, fmt.Errorf("the client's transient key: %w", err)
	}
	s.received = binary.BigEndian.Uint64(hello[helloCounter:])
	text, ok := nacl.OpenAfterPrecomputation(nil, hello[helloBox:], shortNonce(helloNonce, s.received), shared)
	switch {
	case !ok:
		err = ErrServerKey
	case !zeros(text):
		err = fmt.Errorf("%w: HELLO's box does not hold zeros", ErrMalformed)
	}
	if err != nil {
		wipe(&shared)
	}
	return client, shared, err
}

// bake appends a cookie with C' and s' to dst, and keeps its key.
func (s *Server) bake(dst []byte, client *Key, secret *[KeySize]byte) ([]byte, error) {
	var tail [nonceSize]byte
	if _, err := io.ReadFull(s.random, tail[:]); err != nil {
		return nil, err
	}
	key, err := newSecret(s.random)
	if err != nil {
		return nil, err
	}
	s.cookie = key
	var text [2 * KeySize]byte
	defer clear(text[:])
	copy(text[copy(text[:], client[:]):], secret[:])
	return secretbox.Seal(append(dst, tail[:]...), text[:], longNonce(cookieNonce, tail[:]), key), nil
}

// Accept opens INITIATE, and returns the client's key, which it has proved to own, and its metadata. Whether the client
// may connect is for the caller to decide. Its errors wrap ErrMalformed, ErrAltered, ErrClientKey or ErrWeakKey.
func (s *Server) Accept(initiate []byte) (client Key, metadata []byte, err error) {
	if s.cookie == nil {
		return client, nil, errOrder
	}
	defer wipe(&s.cookie)
	if err := checkCommand(initiate, initiateName, initiateLeast, true); err != nil {
		return client, nil, err
	}
	counter := binary.BigEndian.Uint64(initiate[initiateCounter:])
	if counter <= s.received {
		return client, nil, fmt.Errorf("INITIATE's counter of %d after HELLO's of %d: %w", counter, s.received, ErrAltered)
	}
	cookie := initiate[initiateCookie:initiateCounter]
	nonce := longNonce(cookieNonce, cookie[:nonceSize])
	keys, ok := secretbox.Open(nil, cookie[nonceSize:], nonce, s.cookie) // C' and s'
	if !ok {
		return client, nil, fmt.Errorf("INITIATE's cookie: %w", ErrAltered)
	}
	secret := (*[KeySize]byte)(keys[KeySize:])
	defer wipe(&secret)
	transient := Key(keys[:KeySize])
	shared, err := agree(&transient, secret)
	if err != nil {
		return client, nil, err
	}
	text, ok := nacl.OpenAfterPrecomputation(nil, initiate[initiateBox:], shortNonce(initiateNonce, counter), shared)
	if !ok {
		wipe(&shared)
		return client, nil, fmt.Errorf("INITIATE: %w", ErrAltered)
	}
	client = Key(text[:KeySize])
	if err := s.checkVouch(&client, text[KeySize:provenSize], &transient, secret); err != nil {
		wipe(&shared)
		return Key{}, nil, err
	}
	s.shared, s.received = shared, counter
	return client, text[provenSize:], nil
}

// checkVouch returns an error unless the owner of client has made the vouch, for this connection and this server.
func (s *Server) checkVouch(client *Key, vouch []byte, transient *Key, secret *[KeySize]byte) error {
	shared, err := agree(client, secret)
	if err != nil {
		return fmt.Errorf("the client's key: %w", err)
	}
	defer wipe(&shared)
	nonce := longNonce(vouchNonce, vouch[:nonceSize])
	text, ok := nacl.OpenAfterPrecomputation(nil, vouch[nonceSize:], nonce, shared)
	if !ok {
		return ErrClientKey
	}
	vouched, server := Key(text), Key(text[KeySize:])
	if !vouched.Equal(*transient) || !server.Equal(s.own.Public) {
		return fmt.Errorf("INITIATE's vouch: %w", ErrAltered)
	}
	return nil
}

// Ready returns READY, which tells the client the server's metadata (see zmtp.AppendProperty), and the session that
// begins with it.
func (s *Server) Ready(metadata []byte) (ready []byte, session *Session, err error) {
	if s.shared == nil {
		return nil, nil, errOrder
	}
	defer wipe(&s.shared)
	ready = make([]byte, 0, readyLeast+len(metadata))
	ready = append(ready, readyName...)
	ready = binary.BigEndian.AppendUint64(ready, readyCount)
	ready = nacl.SealAfterPrecomputation(ready, metadata, shortNonce(readyNonce, readyCount), s.shared)
	return ready, newSession(s.shared, true, readyCount, s.received), nil
}

// zeros reports whether b holds zeros alone.
func zeros(b []byte) bool {
	var none [helloSize]byte
	return subtle.ConstantTimeCompare(b, none[:len(b)]) == 1
}
