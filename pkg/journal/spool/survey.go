package spool

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// Content is what a journal holds, for people.
type Content struct {
	File        string        `json:"file"`
	Unconfirmed int           `json:"unconfirmed"`       // messages
	Bytes       int64         `json:"bytes"`             // of the file
	Process     int           `json:"process"`           // the omzmq that writes it; 0: none lives
	Dead        time.Duration `json:"-"`                 // how long ago the last one showed that it lives; 0: not known
	Problem     string        `json:"problem,omitempty"` // why it cannot be read
}

// Survey returns what the journals of a folder hold, or an error when ctx ends. It changes nothing, and locks nothing.
func Survey(ctx context.Context, folder string) (contents []Content, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			c := Content{File: filepath.Join(folder, e.Name())}
			err := c.read(ctx)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				c.Problem = err.Error()
			}
			contents = append(contents, c)
		}
	}
	return contents, nil
}

func (c *Content) read(ctx context.Context) error {
	file, err := os.OpenFile(c.File, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return journal.ErrForeign
	}
	c.Bytes = info.Size()
	page := make([]byte, journal.HeaderSize)
	file.ReadAt(page, 0) //nolint:errcheck // what cannot be read is no header
	if _, _, err := journal.ReadHeader(page); err != nil {
		return err
	}
	if w := journal.WriterOf(page); w.Process != 0 && startOf(int(w.Process)) == w.Started {
		c.Process = int(w.Process)
	} else if beat := journal.Beat(page); beat > 0 {
		c.Dead = time.Duration(max(Now()-beat, 0))
	}
	_, c.Unconfirmed, err = journal.Survey(until{ctx, io.NewSectionReader(file, recordsAt, maxSize)})
	return err
}

// until reads until ctx ends.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(b)
}
