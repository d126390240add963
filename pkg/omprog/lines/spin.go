package lines

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	longestBurst = 64 // reads in the spin before the CPU is offered to others
	patience     = 8  // fruitless spins in a row before most are left out
	probe        = 16 // then one wait in that many spins
)

// read reads once. It returns EAGAIN if nothing arrived within spin.
func (r *Reader) read(spin time.Duration) (int, unix.Errno) {
	if !r.nonblocking {
		return r.readBlocking()
	}
	n, errno := r.rawRead()
	if errno != unix.EAGAIN || spin <= 0 || !r.worthSpinning() {
		return n, errno
	}
	n, errno = r.spin(spin)
	r.count(errno != unix.EAGAIN)
	return n, errno
}

func (r *Reader) worthSpinning() bool {
	if r.misses < patience {
		return true
	}
	r.skipped++
	return r.skipped >= probe
}

// count counts a spin.
func (r *Reader) count(fruitful bool) {
	if fruitful {
		r.misses = 0
		return
	}
	r.misses++
	r.skipped = 0
}

// spin is the hot loop: nothing but read(2) between the writer's write and our answer. Offering the CPU to
// others costs as much as a whole wait, and is therefore done only after a burst of reads. Where the writer
// turns out to need this very CPU, the line is there after the first offer: then the next burst is half as
// long, otherwise twice as long.
func (r *Reader) spin(limit time.Duration) (int, unix.Errno) {
	if r.oneCPU {
		yield()
		return r.rawRead()
	}
	began := time.Now()
	for yields := 0; ; yields++ {
		for range r.burst {
			if n, errno := r.rawRead(); errno != unix.EAGAIN {
				r.learn(yields)
				return n, errno
			}
		}
		if r.wake.Woken() || time.Since(began) > limit {
			return -1, unix.EAGAIN
		}
		yield()
	}
}

func (r *Reader) learn(yields int) {
	if yields == 1 {
		r.burst = max(1, r.burst/2)
	} else {
		r.burst = min(longestBurst, 2*r.burst)
	}
}

func yield() { unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// rawRead may bypass the scheduler because fd does not block.
func (r *Reader) rawRead() (int, unix.Errno) {
	p := r.buf[r.end:]
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(r.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// onlyOneCPU reports whether this process and its parent, which feeds it, may run on one and the same CPU
// only. Spinning then holds up the process that it waits for.
func onlyOneCPU() bool {
	var ours, parents unix.CPUSet
	if unix.SchedGetaffinity(0, &ours) != nil || unix.SchedGetaffinity(unix.Getppid(), &parents) != nil {
		return false
	}
	return ours.Count() == 1 && ours == parents
}
