package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// Survey counts the records of a journal, and of these those that are not confirmed. records reads what the file holds
// after its header. Nothing is changed, and the writer may live: what it changes meanwhile may be counted or not.
func Survey(records io.Reader) (lines, unconfirmed int, err error) {
	in := bufio.NewReaderSize(records, 64<<10)
	for {
		start, err := in.Peek(8)
		if errors.Is(err, io.EOF) {
			return lines, unconfirmed, nil
		}
		if err != nil {
			return lines, unconfirmed, err
		}
		kind, length := binary.NativeEndian.Uint32(start), int(binary.NativeEndian.Uint32(start[4:]))
		size := length
		switch {
		case kind == kindEnd:
			return lines, unconfirmed, nil
		case kind == kindLine && length >= 0:
			head, err := in.Peek(headSize)
			if err != nil {
				return lines, unconfirmed, ErrDamaged
			}
			lines++
			if binary.NativeEndian.Uint64(head[stateAt:])&flagConfirmed == 0 {
				unconfirmed++
			}
			size = recordSize(length)
		case kind != kindFiller || length <= 0:
			return lines, unconfirmed, ErrDamaged
		}
		if _, err := in.Discard(size); err != nil {
			return lines, unconfirmed, ErrDamaged
		}
	}
}
