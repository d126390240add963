package recording

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression is how the lines are compressed.
type Compression string

// The compressions, by the ends of files' names.
const (
	None      Compression = ""
	Gzip      Compression = ".gz"
	Zstandard Compression = ".zst"
)

// CompressionOf returns the compression that a file's name asks for.
func CompressionOf(name string) (Compression, error) {
	switch end := strings.ToLower(filepath.Ext(name)); end {
	case string(Gzip), string(Zstandard):
		return Compression(end), nil
	case ".bz2", ".xz", ".lz4", ".zip", ".z", ".br", ".7z", ".lzma", ".zstd", ".gzip":
		return None, fmt.Errorf("%s: nothing is compressed in this form; a name that ends with .zst or .gz is, any other is not", end)
	}
	return None, nil
}

// maxWindow is how much memory a Zstandard frame may ask for: zstd -20 --ultra does.
const maxWindow = 32 << 20

// compressor compresses a portion of lines into a whole member or frame, appended to dst. It is for one goroutine.
type compressor func(dst, lines []byte) ([]byte, error)

// compressor returns nil for None.
func (c Compression) compressor() (compressor, error) {
	switch c {
	case Gzip:
		z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // a tap must keep up
		return func(dst, lines []byte) ([]byte, error) {
			out := bytes.NewBuffer(dst)
			z.Reset(out)
			if _, err := z.Write(lines); err != nil {
				return nil, err
			}
			err := z.Close()
			return out.Bytes(), err
		}, err
	case Zstandard:
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(true))
		return func(dst, lines []byte) ([]byte, error) { return z.EncodeAll(lines, dst), nil }, err
	}
	return nil, nil
}

// compressionFrom returns the compression that the first four bytes of a file show.
func compressionFrom(magic []byte) Compression {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}): // RFC 1952
		return Gzip
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878
		return Zstandard
	}
	return None
}

// decompressed returns a reader of the lines. The first bytes decide, and not a name: standard input has none. closes
// gives back what the decompression holds.
func decompressed(in io.Reader) (lines *bufio.Reader, closes func(), err error) {
	const buffer = 64 << 10
	buffered := bufio.NewReaderSize(in, buffer)
	magic, _ := buffered.Peek(4) // what is shorter is not compressed
	switch compressionFrom(magic) {
	case Gzip:
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, nil, err
		}
		return bufio.NewReaderSize(z, buffer), func() {}, nil
	case Zstandard:
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return bufio.NewReaderSize(z, buffer), z.Close, nil
	}
	return buffered, func() {}, nil
}
