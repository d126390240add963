package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

const (
	suffix    = ".journal"
	newSuffix = ".new"
	// grace is how long a dead process's journal is left to the worker that may start the next process: rsyslog
	// 8.2302 pauses for a second, and only that process can know what is sent again.
	grace = 3 * time.Second
)

var errStranger = errors.New("it belongs to another user than omzmq runs as: if rsyslogd has changed its user, chown it")

// Folder is a folder of journals. One goroutine uses it. The one exception: a Journal for which there was no room
// on the disk makes its file later, on the conversation's goroutine.
type Folder struct {
	Splits  func() bool // see journal.Successor
	Streams bool        // this process takes lines over connections, which it listens for: see journal.PipesNone

	path    string
	owner   journal.Owner
	writer  journal.Writer // this process
	started int64
	newID   func() [journal.IDSize]byte
	logger  *slog.Logger
	logged  map[string]bool // files that a complaint was logged about
	rest    []string        // of the journals that were last listed, those that Orphans has not looked at
}

// Open opens a folder of journals. It makes the folder if it does not exist, for its owner alone. newID makes the
// sender id of a new journal.
func Open(path string, newID func() [journal.IDSize]byte, logger *slog.Logger) (*Folder, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, explain(path, err)
	}
	folder, err := filepath.EvalSymlinks(path) // what is checked is what is used, even if a link is changed
	if err == nil {
		err = safe(folder, os.Geteuid())
	}
	if err == nil {
		err = probe(unfinished(folder, newID()))
	}
	if err != nil {
		return nil, explain(path, err)
	}
	f := &Folder{path: folder, newID: newID, logger: logger, logged: make(map[string]bool), writer: thisProcess()}
	if f.owner, f.started = Self(os.Args); f.owner.Process == 0 || f.owner.Boot == 0 {
		logger.Warn("/proc does not show which process has started this one: what rsyslog sends again after a kill is not recognised, and is stored twice")
	}
	return f, nil
}

// safe returns an error if users other than ours and root may change what is in a folder.
func safe(path string, us int) error {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 && owner != uint32(us) {
		return fmt.Errorf("it belongs to another user (uid %d), who may change the journals: chown it to the user that omzmq runs as (uid %d), or name a folder that omzmq is to make",
			owner, us)
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("users other than its owner may write to it (%v), and thus to the journals: chmod go-w it, or name a folder that omzmq is to make", info.Mode())
	}
	return nil
}

// probe makes a file and removes it: a name, no block. A full disk is no error.
func probe(name string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if full(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // another process may have swept it away
		return errors.Join(file.Close(), err)
	}
	return file.Close()
}

// explain adds what to do about an error, where something can be done.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	for _, place := range []error{unix.ENOENT, unix.ENOTDIR, unix.EACCES, unix.EPERM, unix.EROFS} {
		if errors.Is(err, place) {
			return fmt.Errorf("--journal %s: %w; it must be a folder that rsyslogd's user may write to (its parent must exist)", path, err)
		}
	}
	return fmt.Errorf("--journal %s: %w", path, err)
}

// full reports whether a file system has no room.
func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// Own returns this process's journal: that of its predecessor, if the same worker of rsyslogd had started one that
// died, else a new one. alone: all workers share this process, and no other process can deliver a dead process's
// journal. commit is the mark with which rsyslog ends a transaction.
//
// A predecessor that rsyslog has given up may still live and hold its journal: see endPredecessor.
func (f *Folder) Own(alone bool, commit string) (*Journal, error) {
	by := journal.Successor{Shared: alone, Started: f.started, Splits: f.Splits, Streams: f.Streams}
	own, left := f.predecessors(alone)
	if own == nil && !f.Streams {
		if unread, ended := f.endPredecessor(alone); ended {
			by.GivenUp, by.Commit = unread != nil, string(unread) == commit+"\n"
			own, left = f.predecessors(alone)
		}
	}
	if alone && left > 0 {
		f.logger.Warn("there are more orphan journals than a process can take over that peers connect to: each restart takes one over",
			"folder", f.path, "left", left)
	}
	if own == nil {
		return f.create()
	}
	by.Same = same(f.owner, own.owner)
	f.take(own, by)
	return own, nil
}

// predecessors claims the journal to go on with; nil: there is none. left is how many others could have been claimed.
func (f *Folder) predecessors(alone bool) (own *Journal, left int) {
	for _, path := range f.list() {
		j := f.claim(path, func(o journal.Owner, _ int64) bool { return alone || f.goesOn(o) })
		if j == nil {
			continue
		}
		if own != nil && f.nearer(own, j) {
			own, j = j, own
		}
		if own == nil {
			own = j
			continue
		}
		j.Release()
		left++
	}
	return own, left
}

// goesOn reports whether this process is the successor of a journal's dead owner. Where lines come over connections,
// that is whoever listens for the same ones.
func (f *Folder) goesOn(o journal.Owner) bool {
	if f.Streams {
		return o.Arguments == f.owner.Arguments
	}
	return same(f.owner, o)
}

// nearer reports whether j is more likely than own to be the one that this process goes on with.
func (f *Folder) nearer(own, j *Journal) bool {
	if ours, theirs := same(f.owner, own.owner), same(f.owner, j.owner); ours != theirs {
		return theirs
	}
	if ours, theirs := own.owner.Thread == f.owner.Thread, j.owner.Thread == f.owner.Thread; ours != theirs {
		return theirs
	}
	return journal.Beat(j.storage.Header()) > journal.Beat(own.storage.Header())
}

// Orphans takes over at most that many journals of dead processes, those that no other process will go on with.
// rsyslog sends nothing again that is in them. The folder is listed only when the journals listed before are used up:
// if as many were found, there may be more.
func (f *Folder) Orphans(most int) (orphans []*Journal) {
	if len(f.rest) == 0 {
		f.rest = f.list()
	}
	for len(f.rest) > 0 && len(orphans) < most {
		path := f.rest[0]
		f.rest = f.rest[1:]
		j := f.claim(path, func(o journal.Owner, beat int64) bool { return orphan(f.owner, o, beat, Now()) })
		if j == nil {
			continue
		}
		f.take(j, journal.Successor{})
		if len(j.Records) > 0 {
			orphans = append(orphans, j)
		} else {
			j.Remove()
		}
	}
	return orphans
}

// take takes a journal over: what is in it is read, and it gets a new owner.
func (f *Folder) take(j *Journal, by journal.Successor) {
	var err error
	if j.Records, err = j.Log.Recover(by); err != nil {
		f.logger.Error("a journal was cut off after its last readable record; what came after it is lost, unless rsyslog sends it again",
			"file", j.Path(), "reason", err, "records", len(j.Records))
	}
	if err != nil || j.owner.Boot == 0 || j.owner.Boot != f.owner.Boot {
		j.Log.Skip()
		j.sync()
	}
	if by.Same || by.Shared || by.Streams {
		journal.SetOwner(j.storage.Header(), f.owner)
	} else { // if this process dies, too, its successor must not go on with this journal
		journal.SetOwner(j.storage.Header(), journal.Owner{})
	}
	journal.SetWriter(j.storage.Header(), f.writer)
	f.settle(j)
	if len(j.Records) > 0 {
		j.busy()
	}
}

// settle gives a journal another sender id if a receiver has refused its own.
func (f *Folder) settle(j *Journal) {
	if !journal.Disputed(j.storage.Header()) {
		return
	}
	before := j.Path()
	if err := j.renew(f.newID()); err != nil {
		f.logger.Error("a journal whose sender id was refused cannot get another one", "file", before, "reason", err)
		return
	}
	f.logger.Warn("a receiver has refused the sender id of a journal; what is in it is delivered under a new one", "file", before, "new", j.Path())
}

func (f *Folder) list() (paths []string) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		f.complain(f.path, "cannot read the folder of journals", err)
	}
	for _, e := range entries {
		path := filepath.Join(f.path, e.Name())
		switch {
		case strings.HasSuffix(e.Name(), suffix):
			paths = append(paths, path)
		case strings.HasSuffix(e.Name(), newSuffix):
			sweep(path)
		}
	}
	return paths
}

// complain logs something about a file, once.
func (f *Folder) complain(path, what string, err error) {
	if !f.logged[path] {
		f.logged[path] = true
		f.logger.Warn(what, "file", path, "reason", err)
	}
}
