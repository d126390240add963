package zcert

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	maxEntries = 100_000 // files and folders below a folder of clients, those that are passed over included
	maxDepth   = 16      // folders in one another
)

// stamp changes when a file does.
type stamp struct {
	device, inode  uint64
	size           int64
	modified, meta syscall.Timespec // the latter cannot be set
}

func (s stamp) changed() time.Time { return time.Unix(s.meta.Unix()) }

// scan is one reading of a folder.
type scan struct {
	folder  *Folder
	now     bool // see Folder.Reread
	files   map[string]*entry
	entries int
}

// scan reads what has changed. It returns all files and the folder's device; an error if nothing can be said about
// them.
func (f *Folder) scan(now bool) (map[string]*entry, uint64, error) {
	st, mode, err := stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("%w; it must be a folder with the public certificate of each client", err)
	}
	if err != nil {
		return nil, 0, explain(f.path, err)
	}
	if !mode.IsDir() {
		return nil, 0, fmt.Errorf("%s is no folder: put the public certificates of the clients into one", f.path)
	}
	s := &scan{folder: f, now: now, files: make(map[string]*entry, len(f.files))}
	if err := s.walk("", []stamp{st}); err != nil {
		return nil, 0, err
	}
	return s.files, st.device, nil
}

// walk reads a folder below the first one. below is empty or ends with a slash; above are the folder and those that it
// is in.
func (s *scan) walk(below string, above []stamp) error {
	names, err := s.names(s.folder.path + "/" + below)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, Suffix) {
			continue
		}
		path := below + name
		st, mode, err := stat(s.folder.path + "/" + path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if _, err := os.Lstat(s.folder.path + "/" + path); err == nil {
				s.files[path] = &entry{problem: "it is a link that leads nowhere"}
			}
		case err != nil:
			s.leave(path, err)
		case mode.IsDir():
			if err := s.descend(path, append(above, st)); err != nil {
				return err
			}
		case mode.IsRegular():
			if e := s.folder.file(path, st, s.now); e != nil {
				s.files[path] = e
			}
		}
	}
	return nil
}

var errTooMany = errors.New("too many files")

// descend reads a folder in a folder. It fails only if there are too many files.
func (s *scan) descend(path string, above []stamp) error {
	this := above[len(above)-1]
	if slices.ContainsFunc(above[:len(above)-1], func(a stamp) bool { return a.device == this.device && a.inode == this.inode }) {
		return nil // a link that leads back
	}
	if len(above) > maxDepth {
		s.files[path] = &entry{problem: fmt.Sprintf("it is not read: it is more than %d folders deep", maxDepth)}
		return nil
	}
	err := s.walk(path+"/", above)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errTooMany):
		return err
	default:
		s.leave(path, err)
	}
	return nil
}

// leave leaves a file, or all below a folder, as it was: it cannot be read.
func (s *scan) leave(path string, err error) {
	e := s.folder.unread(path, err)
	for p, old := range s.folder.files {
		if strings.HasPrefix(p, path+"/") {
			s.files[p] = old
			e.problem = err.Error() + "; what was below it before counts"
		}
	}
	s.files[path] = e
}

// names returns the names in a folder in order.
func (s *scan) names(path string) (names []string, err error) {
	file, err := os.OpenFile(path, syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, explain(path, err)
	}
	defer file.Close()
	for err == nil {
		var more []string
		more, err = file.Readdirnames(1000)
		names = append(names, more...)
		if s.entries += len(more); s.entries > s.folder.limit {
			return nil, fmt.Errorf("%s: %w: more than %d", s.folder.path, errTooMany, s.folder.limit)
		}
	}
	if err != io.EOF {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// stat follows links.
func stat(path string) (stamp, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, 0, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return stamp{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}, info.Mode(), nil
}
