package zcert

import (
	"context"
	"os"
	"time"
)

const (
	interval = time.Second // between two looks at a folder
	rest     = 50          // times what a look takes is the least time to the next: a long list costs 2 % of a CPU
)

// Watch reads the folder again when it has changed, for which it looks every second, and at once after a signal from
// hangups. Each time that the list has changed it calls changed. It returns when ctx ends.
func (f *Folder) Watch(ctx context.Context, hangups <-chan os.Signal, changed func()) {
	next := time.NewTimer(interval)
	defer next.Stop()
	for {
		now := false
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			now = true
		case <-next.C:
		}
		began := time.Now()
		if f.Reread(now) {
			changed()
		}
		if now {
			f.logger.Info("allowed clients read again", "folder", f.path, "clients", f.Len())
		}
		next.Reset(max(interval, rest*time.Since(began)))
	}
}
