package zmtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Names of the properties of a READY command. libzmq's comparison is case-sensitive.
const (
	SocketType = "Socket-Type"
	Identity   = "Identity"
)

// AppendProperty appends one property of metadata to dst:
//
//	+--------+------+--------+-------+
//	| length | name | length | value |
//	+--------+------+--------+-------+
//	  1               4
//
// The name has 1 to 255 bytes.
func AppendProperty(dst []byte, name string, value []byte) []byte {
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// ParseMetadata calls property for each property in b, in order. name and value are parts of b. It returns an
// error if b is cut short or a name is empty.
func ParseMetadata(b []byte, property func(name, value []byte)) error {
	for len(b) > 0 {
		nameEnd := 1 + int(b[0])
		if nameEnd == 1 {
			return errors.New("metadata with an empty name")
		}
		if nameEnd+4 > len(b) {
			return errors.New("metadata cut short in a name")
		}
		size := binary.BigEndian.Uint32(b[nameEnd:])
		rest := b[nameEnd+4:]
		if uint64(size) > uint64(len(rest)) {
			return fmt.Errorf("metadata with a value of %d bytes where %d are left", size, len(rest))
		}
		property(b[1:nameEnd], rest[:size:size])
		b = rest[size:]
	}
	return nil
}
