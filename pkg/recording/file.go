package recording

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Existing is what becomes of a file that is there already.
type Existing int

// The choices.
const (
	Refuse    Existing = iota
	Overwrite          // its content is lost
	Append             // the recording goes on after its last whole line
)

// File is a recording that is being written. It ends with a whole portion after each Write, also if the disk was full.
type File struct {
	file *os.File
	size int64
}

// Create opens a file for recording. No other process can record into it meanwhile. A new file may be read by its owner
// and the owner's group: log messages are not for everyone.
func Create(name string, existing Existing) (*File, error) {
	flags := os.O_RDWR | os.O_CREATE
	if existing == Refuse {
		flags |= os.O_EXCL
	}
	if there, err := os.Stat(name); err == nil && existing != Refuse && !there.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file; - is standard output", name)
	}
	file, err := os.OpenFile(name, flags, 0o640)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already: take another name, or --append to go on with it, or --force to overwrite it", name)
	}
	if err != nil {
		return nil, err
	}
	f := &File{file: file}
	if err := f.begin(existing); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// begin locks the file and finds its end.
func (f *File) begin(existing Existing) (err error) {
	if err := unix.Flock(int(f.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return errors.New("another process records into it")
		}
		return fmt.Errorf("cannot lock it: %w", err)
	}
	if existing == Append {
		if f.size, err = wholeEnd(f.file); err != nil {
			return err
		}
	}
	return f.file.Truncate(f.size)
}

// wholeEnd returns where a recording's last whole line ends.
func wholeEnd(file *os.File) (int64, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return 0, err
	}
	magic := make([]byte, 4)
	n, err := file.ReadAt(magic, 0)
	if err != nil && err != io.EOF {
		return 0, err
	}
	c, _ := CompressionOf(file.Name())
	if is := compressionFrom(magic[:n]); is != c {
		return 0, fmt.Errorf("its name and its content do not have the same compression")
	}
	if c == None {
		return lastLineEnd(file, size)
	}
	return size, wholePortions(file)
}

// wholePortions returns an error if a compressed file does not end with a whole portion: nothing that is appended could
// be read.
func wholePortions(file *os.File) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines, closes, err := decompressed(file)
	if err == nil {
		defer closes()
		_, err = io.Copy(io.Discard, lines)
	}
	switch {
	case err == nil:
		return nil
	case cutOff(err):
		return errors.New("it is cut off, and nothing can be appended to its last compressed portion; record into another file " +
			"(zmqtap replay --json reads what is there)")
	}
	return err
}

// lastLineEnd returns the position after the last line feed.
func lastLineEnd(file io.ReaderAt, size int64) (int64, error) {
	buffer := make([]byte, 64<<10)
	for end := size; end > 0; {
		from := max(0, end-int64(len(buffer)))
		part := buffer[:end-from]
		if _, err := file.ReadAt(part, from); err != nil {
			return 0, err
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] == '\n' {
				return from + int64(i) + 1, nil
			}
		}
		end = from
	}
	return 0, nil
}

// Size returns how many bytes the file has.
func (f *File) Size() int64 { return f.size }

// Write writes all of b, or nothing: what a full disk has taken of it is removed.
func (f *File) Write(b []byte) (int, error) {
	if _, err := f.file.WriteAt(b, f.size); err != nil {
		if undo := f.file.Truncate(f.size); undo != nil {
			err = fmt.Errorf("%w, and its last lines may be cut off: %w", err, undo)
		}
		return 0, err
	}
	f.size += int64(len(b))
	return len(b), nil
}

// noRoom reports whether an error from writing says that less may be written: a full disk, a quota, a limit on files.
func noRoom(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// Close waits until the disk has everything. It is an error if the file has been removed.
func (f *File) Close() error {
	var is unix.Stat_t
	var gone error
	if err := unix.Fstat(int(f.file.Fd()), &is); err == nil && is.Nlink == 0 {
		gone = fmt.Errorf("%s was removed meanwhile: what was recorded is lost", f.file.Name())
	}
	return errors.Join(gone, f.file.Sync(), f.file.Close())
}
