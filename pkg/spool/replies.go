package spool

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/lines"
)

// Replies writes replies to rsyslog, and with each that matters, in the same system call, the journal's mark that it
// is out.
type Replies struct {
	out   *lines.Writer
	log   *journal.Log
	texts *os.File
	plain bool // sendfile(2) does not work here
}

// NewReplies makes a Replies of a Writer, which stays the caller's.
func NewReplies(out *lines.Writer, log *journal.Log) (*Replies, error) {
	fd, err := unix.MemfdCreate("replies", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file of replies in memory: %w", err)
	}
	texts := os.NewFile(uintptr(fd), "replies")
	if _, err := texts.WriteString(journal.Texts); err != nil {
		texts.Close()
		return nil, fmt.Errorf("make a file of replies in memory: %w", err)
	}
	return &Replies{out: out, log: log, texts: texts}, nil
}

// Close gives back what NewReplies took.
func (r *Replies) Close() error { return r.texts.Close() }

// Write writes one reply.
func (r *Replies) Write(reply []byte) (int, error) {
	position, marked := r.log.Place(string(reply))
	if !marked {
		return r.out.Write(reply)
	}
	mark := r.log.Mark()
	*mark = position
	if !r.plain {
		err := r.out.SendFrom(int(r.texts.Fd()), mark, len(reply))
		if err == nil {
			return len(reply), nil
		}
		if *mark != position || !lines.Unsupported(err) {
			return 0, err
		}
		r.plain = true
	}
	// What takes no sendfile is no pipe of rsyslog's: the moment between the two steps is a test's, at most.
	n, err := r.out.Write(reply)
	if err == nil {
		*mark = position + int64(len(reply))
	}
	return n, err
}
