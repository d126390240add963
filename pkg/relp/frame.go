package relp

import (
	"errors"
	"fmt"
	"strconv"
)

// Limits of a frame's header, as librelp 1.11 enforces them.
const (
	MaxTxnr    = 999_999_999 // nine digits
	maxDigits  = 9
	maxCommand = 32
)

// ErrShort means that Parse was given only the beginning of a frame.
var ErrShort = errors.New("relp: the frame is not complete")

// FrameError names the malformed field of a frame. The stream cannot be read any further.
type FrameError struct {
	Field   string // "transaction number", "command", "data length", "trailer" or "answer"
	Problem string
}

func (e *FrameError) Error() string { return "relp: malformed frame: " + e.Field + " " + e.Problem }

// SizeError means that a frame announces more data than the caller accepts.
type SizeError struct {
	Size, Max int // bytes of data
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("relp: a frame of %d bytes of data: at most %d are accepted", e.Size, e.Max)
}

// Frame is one RELP frame, which is on the wire
//
//	┌──────┬────┬─────────┬────┬─────────┬───────────────┬────┐
//	│ TXNR │ SP │ COMMAND │ SP │ DATALEN │ [ SP   DATA ] │ LF │
//	└──────┴────┴─────────┴────┴─────────┴───────────────┴────┘
//	TXNR     1–9 decimal digits; 0 is a hint outside any transaction
//	COMMAND  1–32 ASCII letters
//	DATALEN  1–9 decimal digits, the bytes of DATA
//	DATA     any bytes; with DATALEN 0, the SP before it is absent too
//
// Source: librelp's "RELP - The Reliable Event Logging Protocol" and what librelp 1.11 enforces.
type Frame struct {
	Txnr    int
	Command []byte
	Data    []byte
}

// AppendFrame appends one frame. The caller keeps the limits: txnr from 0 to MaxTxnr, a command of
// 1 to 32 letters, and less than 10^9 bytes of data.
func AppendFrame(dst []byte, txnr int, command string, data []byte) []byte {
	dst = strconv.AppendInt(dst, int64(txnr), 10)
	dst = append(append(append(dst, ' '), command...), ' ')
	dst = strconv.AppendInt(dst, int64(len(data)), 10)
	if len(data) > 0 {
		dst = append(append(dst, ' '), data...)
	}
	return append(dst, '\n')
}

// Parse reads the frame at the beginning of b and returns it with its length n in bytes. The frame
// borrows from b. Parse allocates nothing, whatever length the frame claims.
//
// When b holds only a part of a frame, err is ErrShort, and calling Parse again is of no use before b
// has n bytes. Any other error is returned as soon as the byte that causes it is in b: a *FrameError
// or, for more than maxData bytes of data, a *SizeError.
func Parse(b []byte, maxData int) (f Frame, n int, err error) {
	i := 0
	if f.Txnr, i, err = parseNumber(b, i, "transaction number"); err != nil {
		return Frame{}, i, err
	}
	if b[i] != ' ' {
		return Frame{}, 0, &FrameError{"transaction number", "is not followed by a space"}
	}
	begin := i + 1
	if i, err = parseCommand(b, begin); err != nil {
		return Frame{}, i, err
	}
	f.Command = b[begin:i]
	size, i, err := parseNumber(b, i+1, "data length")
	switch {
	case err != nil:
		return Frame{}, i, err
	case size > maxData:
		return Frame{}, 0, &SizeError{Size: size, Max: maxData}
	case size > 0 && b[i] != ' ':
		return Frame{}, 0, &FrameError{"data length", "is not followed by a space"}
	case size > 0:
		begin = i + 1
		i = begin + size
	}
	if len(b) <= i {
		return Frame{}, i + 1, ErrShort
	}
	if b[i] != '\n' {
		return Frame{}, 0, &FrameError{"trailer", "is not a line feed"}
	}
	if size > 0 {
		f.Data = b[begin:i]
	}
	return f, i + 1, nil
}

// parseNumber reads the digits from b[i] on and returns the index of the byte after them.
func parseNumber(b []byte, i int, field string) (number, end int, err error) {
	for begin := i; i < len(b); i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			if i-begin == maxDigits {
				return 0, 0, &FrameError{field, "has more than nine digits"}
			}
			number = number*10 + int(c-'0')
		case i == begin:
			return 0, 0, &FrameError{field, fmt.Sprintf("begins with %q", c)}
		default:
			return number, i, nil
		}
	}
	return 0, i + 1, ErrShort
}

// parseCommand reads the letters from b[i] on and returns the index of the space after them.
func parseCommand(b []byte, i int) (end int, err error) {
	for begin := i; i < len(b); i++ {
		switch c := b[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			if i-begin == maxCommand {
				return 0, &FrameError{"command", "has more than 32 letters"}
			}
		case c == ' ' && i > begin:
			return i, nil
		default:
			return 0, &FrameError{"command", fmt.Sprintf("has the byte %q", c)}
		}
	}
	return i + 1, ErrShort
}
