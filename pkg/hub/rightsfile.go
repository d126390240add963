package hub

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub/rights"
)

// RightsFile is a file of rights (see package rights), which is read again when it changes. One goroutine may use it.
type RightsFile struct {
	Path   string
	Logger *slog.Logger

	seen    []byte // the text that is in force, or that was found to be wrong
	latest  []byte // what the file held at the last look, if that is another text; never empty but nil
	trouble string // why it could not be read at the last look
	asked   bool   // somebody has asked for a look, and expects an answer in the log
}

const (
	lookInterval = time.Second            // between two looks at the file
	settleTime   = 100 * time.Millisecond // after a look that has found another text
)

// Read reads the file. The error names it, and says what to do.
func (f *RightsFile) Read() (*rights.Rights, error) {
	text, err := f.text()
	if err != nil {
		return nil, err
	}
	f.seen = text
	r, err := f.parse(text)
	if err == nil {
		f.warn(r)
	}
	return r, err
}

// warn logs that nobody has rights, which is hardly meant: the file may have been emptied by mistake.
func (f *RightsFile) warn(r *rights.Rights) {
	if r.Names() == 0 {
		f.Logger.Warn("--curve-topics lets nobody publish or subscribe: there is no line in the file", "file", f.Path)
	}
}

func (f *RightsFile) parse(text []byte) (*rights.Rights, error) {
	r, err := rights.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s, %w", f.Path, err)
	}
	return r, nil
}

// text returns what is in the file. It reads no more than a file of rights may have, and waits for nothing.
func (f *RightsFile) text() ([]byte, error) {
	file, err := os.OpenFile(f.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", f.Path)
	case info.Mode()&0o002 != 0:
		return nil, fmt.Errorf("everybody on this host may change %s, and thus who may read what: chmod o-w %s", f.Path, f.Path)
	}
	text, err := io.ReadAll(io.LimitReader(file, rights.MaxSize+1))
	if err == nil && len(text) > rights.MaxSize {
		err = fmt.Errorf("%s has more than %d bytes", f.Path, rights.MaxSize)
	}
	return text, err
}

// Follow looks at the file every second until ctx ends, and at once when again receives a value. Whenever it holds
// other rights, Follow calls apply, which returns how many connections it has ended, and logs that. A file that cannot
// be read or is wrong changes nothing, which is logged. After a value from again, it always logs what it has found.
func (f *RightsFile) Follow(ctx context.Context, again <-chan os.Signal, apply func(*rights.Rights) (ended int)) {
	timer := time.NewTimer(lookInterval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-again:
			f.asked = true
		}
		wait := lookInterval
		if f.look(apply) {
			wait = settleTime
		}
		timer.Reset(wait)
	}
}

// look looks at the file once. It reports whether another look should follow soon: another text must be there twice in
// a row, because it may be half of what is being written.
func (f *RightsFile) look(apply func(*rights.Rights) int) (soon bool) {
	text, err := f.text()
	switch {
	case err != nil:
		f.latest = nil
		f.report(err)
		return false
	case !f.asked && bytes.Equal(text, f.seen):
		f.latest, f.trouble = nil, ""
		return false
	case f.latest == nil || !bytes.Equal(text, f.latest):
		f.latest = text
		return true
	}
	f.seen, f.latest, f.trouble = text, nil, ""
	r, err := f.parse(text)
	if err != nil {
		f.report(err)
		return false
	}
	f.asked = false
	f.Logger.Info("--curve-topics read again", "file", f.Path, "names", r.Names(), "connections ended", apply(r))
	f.warn(r)
	return false
}

// report logs an error, once unless somebody has asked again.
func (f *RightsFile) report(err error) {
	if f.asked || f.trouble != err.Error() {
		f.Logger.Error("the rights of --curve-topics stay as they were", "reason", err)
	}
	f.asked, f.trouble = false, err.Error()
}
