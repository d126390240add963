package zcert

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// Anybody lets every client in.
type Anybody struct{}

// Admit implements zmq.Clients.
func (Anybody) Admit(curve.Key) (string, bool) { return "", true }

// Folder is the list of the clients that a server lets in: the public certificates below a folder.
//
// As for czmq's zauth, each regular file below it is one, however deep, except names that end in _secret or begin with
// a dot. Links are followed. A file that is no certificate costs only itself, and of two files with the same key the
// first by its path counts (czmq ends its program then). What cannot be read stays as it was when it could be.
type Folder struct {
	path     string
	logger   *slog.Logger
	now      func() time.Time // tests replace it
	limit    int              // maxEntries; tests replace it
	admitted atomic.Pointer[map[curve.Key]string]

	// The following are the reader's.
	files    map[string]*entry // by their paths below the folder
	device   uint64            // that the folder was on
	problems map[string]string // why a file or subfolder does not count; what has been logged
	trouble  string            // why the whole folder cannot be read; what has been logged
}

// entry is a file as it was read last.
type entry struct {
	stamp   stamp
	client  *curve.Named // nil: it is no certificate
	problem string       // what is wrong with it; "": nothing
	settled bool         // a change since then would show in the stamp
}

// OpenFolder reads a folder for the first time. A folder that cannot be read is an error.
func OpenFolder(path string, logger *slog.Logger) (*Folder, error) {
	f := &Folder{path: path, logger: logger, now: time.Now, limit: maxEntries}
	f.admitted.Store(&map[curve.Key]string{})
	files, device, err := f.scan(true)
	if err != nil {
		return nil, err
	}
	f.take(files, device)
	logger.Info("allowed clients", "folder", path, "clients", f.Len())
	f.warnEmpty()
	return f, nil
}

// Admit implements zmq.Clients: it returns the name of the client with this key, and whether it may connect. Any
// goroutine may call it.
func (f *Folder) Admit(key curve.Key) (name string, ok bool) {
	name, ok = (*f.admitted.Load())[key]
	return name, ok
}

// Len returns how many clients may connect.
func (f *Folder) Len() int { return len(*f.admitted.Load()) }

// Reread reads what has changed since the last time, and reports whether the list has. A file that is no certificate
// and has been written to in the last moments may be half written: unless now is set, it has some more time to become
// one. One goroutine may call it at a time.
func (f *Folder) Reread(now bool) (changed bool) {
	files, device, err := f.scan(now)
	if err == nil && len(files) == 0 && f.Len() > 0 && device != f.device {
		err = fmt.Errorf("%s is empty and on another device than before: is something no longer mounted there?", f.path)
	}
	if err != nil {
		if f.trouble != err.Error() {
			f.trouble = err.Error()
			f.logger.Error("the folder of allowed clients cannot be read: the list stays as it was", "reason", err)
		}
		return false
	}
	if f.trouble != "" {
		f.trouble = ""
		f.logger.Info("the folder of allowed clients can be read again", "folder", f.path)
	}
	if maps.Equal(files, f.files) {
		f.device = device
		return false
	}
	added, removed := f.take(files, device)
	if len(added)+len(removed) == 0 {
		return false
	}
	f.logger.Info("allowed clients have changed", "folder", f.path, "clients", f.Len(),
		"added", some(added), "removed", some(removed))
	f.warnEmpty()
	return true
}

func (f *Folder) warnEmpty() {
	if f.Len() == 0 {
		f.logger.Warn("no client is allowed: there is no certificate in the folder; "+
			"put the public certificate of each client there", "folder", f.path)
	}
}

// take makes what a scan has found the list, and returns who is new in it and who no longer. A client that has another
// name than before is both.
func (f *Folder) take(files map[string]*entry, device uint64) (added, removed []string) {
	list := make(map[curve.Key]string, len(files))
	first := make(map[curve.Key]string, len(files)) // its file
	problems := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		e := files[path]
		if e.problem != "" {
			problems[path] = e.problem
		}
		if e.client == nil {
			continue
		}
		if other, twice := first[e.client.Key]; twice {
			problems[path] = cmp.Or(e.problem, "it has the same key as "+other+", which counts")
			continue
		}
		list[e.client.Key], first[e.client.Key] = e.client.Name, path
	}
	before := *f.admitted.Swap(&list)
	f.files, f.device = files, device
	f.report(problems)
	return missing(before, list), missing(list, before)
}

// missing returns the clients of list that are not in from.
func missing(from, list map[curve.Key]string) (users []string) {
	for key, name := range list {
		if was, ok := from[key]; !ok || was != name {
			users = append(users, curve.Named{Key: key, Name: name}.User())
		}
	}
	return users
}

// maxLines is how many lines one reading may log.
const maxLines = 20

// report logs the problems that are new.
func (f *Folder) report(problems map[string]string) {
	var fresh []string
	for path, problem := range problems {
		if f.problems[path] != problem {
			fresh = append(fresh, path)
		}
	}
	f.problems = problems
	slices.Sort(fresh)
	for _, path := range fresh[:min(len(fresh), maxLines)] {
		f.logger.Warn("an allowed client's certificate", "file", f.path+"/"+path, "problem", problems[path])
	}
	if n := len(fresh) - maxLines; n > 0 {
		f.logger.Warn("more certificates have problems", "folder", f.path, "files", n)
	}
}

// some returns a list of users for a line of the log.
func some(users []string) string {
	slices.Sort(users)
	const most = 10
	text := fmt.Sprint(len(users))
	for i, user := range users {
		if i == most {
			return text + ", …"
		}
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + user
	}
	return text
}

// file returns the entry of a file below the folder; nil: there is no such file any more. See Reread for now.
func (f *Folder) file(path string, st stamp, now bool) *entry {
	const settling = 2 * time.Second // the clocks of file systems do not advance all the time, some every other second
	old := f.files[path]
	if old != nil && old.stamp == st && old.settled {
		return old
	}
	e := &entry{stamp: st, settled: f.now().Sub(st.changed()) > settling}
	data, _, err := read(f.path+"/"+path, MaxSize)
	var c *Certificate
	if err == nil {
		c, err = Parse(data)
	}
	var failed *fs.PathError
	switch {
	case err == nil:
		client := c.Named()
		e.client = &client
		if c.Pair != nil {
			e.problem = "it counts, but it holds the client's secret key, which belongs on the client alone"
		}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.As(err, &failed):
		return f.unread(path, err)
	case !now && !e.settled && old != nil:
		e.client, e.problem = old.client, old.problem
	case !now && !e.settled:
	default:
		e.problem = strings.TrimPrefix(err.Error(), f.path+"/"+path+" ")
	}
	return e
}

// unread returns the entry of a file that cannot be read now.
func (f *Folder) unread(path string, err error) *entry {
	e := &entry{problem: err.Error()}
	if old := f.files[path]; old != nil && old.client != nil {
		e.client, e.problem = old.client, e.problem+"; what it was before counts"
	}
	return e
}
