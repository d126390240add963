package tenant

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
)

// poll is the time between two looks at the file. A change in place is read when the file has not changed between two
// looks, since whoever writes it may not be done; another file of that name is read at once.
const poll = 500 * time.Millisecond

// costShare is the part of the budget for what is sent that a list may have.
const costShare = 2

// Config configures a File.
type Config struct {
	Path   string
	Budget *budget.Share // the list's memory is taken out of it; nil: out of none
	// Hangups delivers signals at which Watch looks at the file at once; nil: there are none.
	Hangups <-chan os.Signal
	Logger  *slog.Logger
}

// File is a list of tokens in a file that may change. Any goroutine may use it.
type File struct {
	cfg     Config
	current atomic.Pointer[List]
	poll    time.Duration // poll, unless a test replaces it

	mu      sync.Mutex        // held while the file is read, and of what follows
	read    state             // what the file was when it was last read
	waiting state             // what it was at the last look, if it is being written
	text    [sha256.Size]byte // the SHA-256 of what was last read
	fault   error             // what is wrong with that; nil: it is in use
	trouble string            // the last error that was logged, until the file is usable again
}

// Open reads the file for the first time. It fails if the file is unusable.
func Open(cfg Config) (*File, error) {
	f := &File{cfg: cfg, poll: poll}
	f.current.Store(&List{})
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("--http-tokens %s: %w", cfg.Path, err)
	}
	return f, nil
}

// List returns what the file says at the moment, or said when it was usable last.
func (f *File) List() *List { return f.current.Load() }

// Watch looks at the file twice a second, and at a hangup, until ctx ends.
func (f *File) Watch(ctx context.Context) {
	ticker := time.NewTicker(f.poll)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.look()
		case <-f.cfg.Hangups:
			f.look()
		case <-ctx.Done():
			return
		}
	}
}

// look reads the file if it has changed.
func (f *File) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := stateOf(f.cfg.Path)
	switch {
	case err != nil:
	case now == f.read && !now.new():
		err = f.fault
	case now != f.read && now.sameFile(f.read) && now != f.waiting:
		f.waiting = now
		return
	default:
		err = f.load()
	}
	f.report(err)
}

// report logs an error once.
func (f *File) report(err error) {
	if err == nil {
		f.trouble = ""
	} else if f.trouble != err.Error() {
		f.trouble = err.Error()
		f.cfg.Logger.Error("the file of tokens cannot be used; what it said before stays in use",
			"file", f.cfg.Path, "reason", err)
	}
}

// load reads the file and puts its list into use, if it says anything new. The caller holds mu, or has f alone.
func (f *File) load() error {
	text, found, err := readFile(f.cfg.Path)
	if err != nil {
		return err
	}
	f.charge(len(text))
	defer func() { clear(text); f.charge(-len(text)) }()
	f.read = found
	sum := sha256.Sum256(text)
	if sum == f.text {
		return f.fault
	}
	list, err := Parse(text)
	if err == nil && f.cfg.Budget != nil && list.cost > f.cfg.Budget.Limit()/costShare {
		err = fmt.Errorf("its tokens and prefixes take %d KiB of memory: raise --max-memory", list.cost>>10)
	}
	if f.text, f.fault = sum, err; err == nil {
		f.use(list)
	}
	return err
}

// use puts a list into the current one's place.
func (f *File) use(list *List) {
	old := f.current.Load()
	f.charge(list.cost)
	f.current.Store(list)
	removed, changed := list.replace(old)
	f.charge(-old.cost)
	logger := f.cfg.Logger.With("file", f.cfg.Path)
	logger.Info("tokens read", "tokens", list.Len(), "removed", removed, "changed", changed)
	if list.Len() == 0 {
		logger.Warn("there is no token in the file: no tenant can read the stream")
	}
}

// charge takes bytes out of the budget, or gives them back.
func (f *File) charge(n int) {
	if f.cfg.Budget != nil {
		f.cfg.Budget.Overdraw(n)
	}
}
