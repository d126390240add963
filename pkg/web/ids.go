package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// ids writes and reads the IDs of events: the process's instance, and a message's number in the stream. Whoever may not
// read everything would see from the holes in the numbers how many other messages there are. For them a number is
// sealed, which hides it and its order.
type ids struct {
	instance string
	seal     cipher.Block // nil: numbers are written as they are
	block    *[aes.BlockSize]byte
}

// newSeal returns a block cipher with a key of its own.
func newSeal() cipher.Block {
	var key [16]byte
	rand.Read(key[:]) // never fails
	seal, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // it fails only for keys of another length
	}
	return seal
}

// ids returns the IDs for one tenant's reader. They are for one goroutine.
func (s *Server) ids(who *tenant.Tenant) ids {
	if who.Everything() {
		return ids{instance: s.instance}
	}
	return ids{s.instance, s.seal, new([aes.BlockSize]byte)}
}

// append appends a message's ID.
func (i ids) append(dst []byte, number uint64) []byte {
	dst = append(append(dst, i.instance...), '-')
	if i.seal == nil {
		return strconv.AppendUint(dst, number, 10)
	}
	*i.block = [aes.BlockSize]byte{}
	binary.BigEndian.PutUint64(i.block[:], number)
	i.seal.Encrypt(i.block[:], i.block[:])
	return hex.AppendEncode(dst, i.block[:])
}

// parse returns the number in an ID. ours reports whether append has made it, in this process and for such a reader.
func (i ids) parse(id string) (number uint64, ours bool) {
	text, ours := strings.CutPrefix(id, i.instance+"-")
	if i.seal == nil {
		number, err := strconv.ParseUint(text, 10, 64)
		return number, ours && err == nil
	}
	if len(text) != hex.EncodedLen(len(i.block)) {
		return 0, false
	}
	if _, err := hex.Decode(i.block[:], []byte(text)); err != nil {
		return 0, false
	}
	i.seal.Decrypt(i.block[:], i.block[:])
	return binary.BigEndian.Uint64(i.block[:]), ours && binary.BigEndian.Uint64(i.block[8:]) == 0
}
