// Package log bounds what a log costs the programs that write it: a log that nobody reads makes no program wait, and
// strangers cannot fill it.
package log

import (
	"bytes"
	"os"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

const (
	// room is how many bytes of lines wait for the file.
	room = 256 << 10
	// pieceSize is how many bytes of whole lines are written at once. A pipe takes that many at once or not at all
	// (PIPE_BUF, pipe(7)): the lines of processes that share it stay whole.
	pieceSize = 4 << 10
	// stall is how long Close waits for a file that takes nothing.
	stall = time.Second
)

// Writer writes lines to a file that may take none at the moment, such as a pipe that nobody reads. Write never waits:
// the lines that wait are bounded, and those beyond are dropped and counted. A goroutine of the Writer's own waits in
// write(2), because O_NONBLOCK would hold for all processes that share the open file.
type Writer struct {
	file     *os.File
	progress chan struct{} // holds a value after each write
	ended    chan struct{} // closed: all is written

	mu      sync.Mutex
	changed sync.Cond // lines or closing has changed
	lines   []byte    // that wait
	closing bool
	dropped int // lines that are not reported yet
	failing bool
	report  func(lines int)
	mark    []byte
}

// NewWriter returns a Writer to file, which stays the caller's.
func NewWriter(file *os.File) *Writer {
	w := &Writer{file: file, progress: make(chan struct{}, 1), ended: make(chan struct{})}
	w.changed.L = &w.mu
	go w.run()
	return w
}

// File returns what is written to.
func (w *Writer) File() *os.File { return w.file }

// OnDropped makes the Writer call report, which may write, with the number of lines that were dropped, once there is
// room again.
func (w *Writer) OnDropped(report func(lines int)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report = report
}

// Mark makes Write begin each line with a text, from now on.
func (w *Writer) Mark(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mark = []byte(text)
}

// Write takes whole lines, or drops them. It does not wait and does not retain b. It always succeeds.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := b
	if len(w.mark) > 0 {
		lines = nil
		for line := range bytes.Lines(b) {
			lines = append(append(lines, w.mark...), line...)
		}
	}
	if len(w.lines)+len(lines) > room {
		w.drop(lines)
	} else {
		w.add(lines)
	}
	return len(b), nil
}

// Close writes the last words, for which there is always room, and what else waits. It gives up when the file takes
// nothing for a second.
func (w *Writer) Close(last string) {
	w.mu.Lock()
	w.closing = true
	w.add([]byte(last))
	w.mu.Unlock()
	patience := time.NewTimer(stall)
	defer patience.Stop()
	for {
		select {
		case <-w.ended:
			return
		case <-w.progress:
			patience.Reset(stall)
		case <-patience.C:
			return
		}
	}
}

// add appends to what waits. The caller holds mu.
func (w *Writer) add(b []byte) {
	w.lines = append(w.lines, b...)
	w.changed.Signal()
}

// drop counts lines that are lost. The caller holds mu.
func (w *Writer) drop(b []byte) { w.dropped += bytes.Count(b, []byte("\n")) }

// run writes what waits until the Writer is closed and nothing does.
func (w *Writer) run() {
	defer close(w.ended)
	for {
		lines, report := w.take()
		if len(lines) == 0 {
			return
		}
		report()
		for len(lines) > 0 {
			n := piece(lines)
			w.write(lines[:n])
			lines = lines[n:]
		}
	}
}

// take waits for lines and takes all of them; none: the Writer is closed. report, which must be called without mu,
// reports those that were dropped: after what is taken, for which they found no room.
func (w *Writer) take() (lines []byte, report func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.lines) == 0 && !w.closing {
		w.changed.Wait()
	}
	lines, w.lines = w.lines, nil
	if w.dropped == 0 || w.failing || w.report == nil {
		return lines, func() {}
	}
	n, tell := w.dropped, w.report
	w.dropped = 0
	return lines, func() { tell(n) }
}

// write writes a piece, however long that takes.
func (w *Writer) write(b []byte) {
	err := descriptor.Control(w.file, func(fd int) error {
		_, err := descriptor.Write(fd, b, descriptor.Forever)
		return err
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing = err != nil; w.failing { // a full disk, or a reader that is gone
		w.drop(b)
	}
	select {
	case w.progress <- struct{}{}:
	default:
	}
}

// piece returns how many bytes of lines are written at once: as many whole lines as fit, or one that is longer.
func piece(lines []byte) int {
	if len(lines) <= pieceSize {
		return len(lines)
	}
	if n := bytes.LastIndexByte(lines[:pieceSize], '\n'); n >= 0 {
		return n + 1
	}
	if n := bytes.IndexByte(lines, '\n'); n >= 0 {
		return n + 1
	}
	return len(lines)
}
