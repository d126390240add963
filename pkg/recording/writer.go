package recording

import (
	"bytes"
	"errors"
	"io"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// ErrFull is returned when the recording has as many bytes as it may have.
var ErrFull = errors.New("the recording has reached its limit")

// Bounds of a portion of lines, in bytes.
const (
	portion           = 64 << 10
	compressedPortion = 1 << 20
)

// Writer collects lines and writes them in portions, each with one Write. It is for one goroutine.
type Writer struct {
	out      io.Writer
	compress compressor // nil: the lines are written as they are
	room     int64      // bytes that may still be written
	undoes   bool       // out is a File: after an error, nothing of the portion is there

	lines    []byte
	messages uint64 // in lines
	packed   []byte
	written  uint64 // messages
	bytes    uint64
}

// NewWriter returns a writer of at most limit bytes.
func NewWriter(out io.Writer, c Compression, limit int64) (*Writer, error) {
	compress, err := c.compressor()
	_, undoes := out.(*File)
	return &Writer{out: out, compress: compress, room: limit, undoes: undoes}, err
}

// Compresses reports whether portions are compressed: then few and large ones take less room.
func (w *Writer) Compresses() bool { return w.compress != nil }

// Message collects a message.
func (w *Writer) Message(m *message.Message) {
	w.lines = AppendMessage(w.lines, m)
	w.messages++
}

// Gap collects a gap.
func (w *Writer) Gap(g *Gap) { w.lines = AppendGap(w.lines, g) }

// Waiting returns the number of messages that are collected.
func (w *Writer) Waiting() uint64 { return w.messages }

// Empty reports whether nothing is collected.
func (w *Writer) Empty() bool { return len(w.lines) == 0 }

// Large reports whether a portion is collected.
func (w *Writer) Large() bool {
	if w.compress != nil {
		return len(w.lines) >= compressedPortion
	}
	return len(w.lines) >= portion
}

// Flush writes what is collected. At the limit, or if a File's disk is full, it writes the lines that fit, and returns
// ErrFull or the disk's error. After any error the writer must not be used any more.
func (w *Writer) Flush() (full error) {
	for len(w.lines) > 0 {
		packed, err := w.pack(w.lines)
		switch {
		case err != nil:
			return err
		case int64(len(packed)) > w.room:
			err = ErrFull
		default:
			_, err = w.out.Write(packed)
		}
		switch {
		case err == nil:
			w.room -= int64(len(packed))
			w.bytes += uint64(len(packed))
			w.written += w.messages
			w.lines, w.messages = w.lines[:0], 0
		case errors.Is(err, ErrFull), w.undoes && noRoom(err):
			full = err
			w.shorten()
		default:
			return err
		}
	}
	return full
}

// pack returns lines as they are written. They are valid until the next call.
func (w *Writer) pack(lines []byte) (packed []byte, err error) {
	if w.compress == nil {
		return lines, nil
	}
	w.packed, err = w.compress(w.packed[:0], lines)
	return w.packed, err
}

// shorten leaves out the last lines: those that do not fit or, where that is not known, half of all.
func (w *Writer) shorten() {
	fit := int64(len(w.lines)) / 2
	if w.compress == nil && w.room < int64(len(w.lines)) {
		fit = w.room
	}
	w.lines = w.lines[:bytes.LastIndexByte(w.lines[:fit], '\n')+1]
	w.messages = 0
	for line := range bytes.Lines(w.lines) {
		if !bytes.HasPrefix(line, []byte(gapStart)) {
			w.messages++
		}
	}
}

// gapStart is what a gap's line begins with, and a message's does not.
const gapStart = `{"gap":`

// Written returns how many messages were written, and bytes.
func (w *Writer) Written() (messages, bytes uint64) { return w.written, w.bytes }
