package recording

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// CutOffError is returned in place of io.EOF after the last whole line if the recording ends within a line or a
// compressed portion: the program or the machine that recorded it was killed, or it is still being written.
type CutOffError struct{ Line uint64 } // the last whole line

func (e *CutOffError) Error() string { return fmt.Sprintf("it is cut off after line %d", e.Line) }

// LineError is a line that is not one of a recording, or that could not be read.
type LineError struct {
	Line uint64 // 1 is the first
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Bounds of a line. In JSON, a byte of a message takes at most six.
const (
	byteInJSON = 6
	lineKeys   = 64 << 10
)

// Reader reads a recording, compressed or not. It is for one goroutine.
type Reader struct {
	lines  *bufio.Reader
	closes func()
	most   int // bytes of a message
	line   uint64
	long   []byte // a line that did not fit into the buffer
	err    error  // the end, whatever it is
}

// NewReader returns a reader of messages of at most this many bytes. It takes a few times as much memory. Close ends
// it, and in stays the caller's.
func NewReader(in io.Reader, mostBytes int) (*Reader, error) {
	lines, closes, err := decompressed(in)
	switch {
	case err == nil:
		return &Reader{lines: lines, closes: closes, most: mostBytes}, nil
	case cutOff(err):
		return &Reader{closes: func() {}, err: &CutOffError{}}, nil
	}
	return nil, err
}

// Close gives back what the decompression holds.
func (r *Reader) Close() { r.closes() }

// Line returns the number of the line that Next has returned.
func (r *Reader) Line() uint64 { return r.line }

// Next returns the next entry, which stays valid. The error is io.EOF, *CutOffError or *LineError, and then always the
// same one. It skips empty lines.
func (r *Reader) Next() (Entry, error) {
	for r.err == nil {
		text, failed := r.read()
		if len(bytes.TrimSpace(text)) == 0 {
			if failed != nil {
				r.err = r.end(failed)
			} else {
				r.line++
			}
			continue
		}
		e, err := Parse(text, r.most)
		switch {
		case err == nil: // its line feed may be missing
			if r.line++; failed != nil {
				r.err = r.end(failed)
			}
			return e, nil
		case failed == nil:
			r.err = &LineError{r.line + 1, err}
		case failed == io.EOF:
			r.err = &CutOffError{r.line}
		default:
			r.err = r.end(failed)
		}
	}
	return Entry{}, r.err
}

// end returns what an error from reading means.
func (r *Reader) end(err error) error {
	switch {
	case err == io.EOF:
		return err
	case cutOff(err):
		return &CutOffError{r.line}
	}
	return &LineError{r.line + 1, err}
}

// cutOff reports whether a decompressor's input has ended too early.
func cutOff(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) }

// read returns a line without its line feed, valid until the next call. With an error it returns what there is of the
// line.
func (r *Reader) read() ([]byte, error) {
	r.long = r.long[:0]
	for {
		part, err := r.lines.ReadSlice('\n')
		switch {
		case len(r.long)+len(part) > byteInJSON*r.most+lineKeys:
			return nil, fmt.Errorf("it is too long for a message of %d bytes: --max-message-size", r.most)
		case err == bufio.ErrBufferFull:
			r.long = append(r.long, part...)
			continue
		case len(r.long) > 0:
			r.long = append(r.long, part...)
			part = r.long
		}
		return bytes.TrimSuffix(part, []byte("\n")), err
	}
}
