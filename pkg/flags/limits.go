package flags

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

// limits is what peers and readers can make a program hold.
type limits struct {
	peers  int // 0: as many as there are descriptors and memory for
	memory Memory
	given  func() bool // whether memory was

	budget *budget.Budget
	gate   *listen.Gate
	lanes  *listen.Lanes
}

func (l *limits) add(fs *pflag.FlagSet) {
	Count(fs, &l.peers, "max-peers", 0, 0, MaxCount,
		"most connections that are accepted at once; when no more fit, idle strangers are ended for newcomers; "+
			"0: as many as there are file descriptors for, and memory")
	l.memory = budget.Default
	l.given = func() bool { return fs.Changed("max-memory") }
	fs.Var(&l.memory, "max-memory",
		"most `bytes` that all peers and readers together can make the program hold; more by default if other flags need it; "+
			"suffixes KiB, MiB and GiB")
}

// Limit divides --max-memory, of which the program itself remembers a part. Parse has called it with 0.
func (c *Common) Limit(remembered int) error {
	l := &c.limits
	if !l.given() {
		l.memory = max(budget.Default, Memory(budget.Need(int(c.MaxMessage))+remembered))
	}
	all := int(min(int64(l.memory), math.MaxInt))
	if err := budget.Check(all-remembered, int(c.MaxMessage)); err != nil {
		if remembered > 0 {
			err = fmt.Errorf("%w, in addition to %s that are remembered", err, (*Size)(&remembered))
		}
		return Usage("--max-memory %s and --max-message-size %s: %w", &l.memory, &c.MaxMessage, err)
	}
	l.budget = budget.New(all-remembered, remembered)
	room, limit := listen.Descriptors()
	room = max(1, room-len(c.Connect))
	switch fit := l.budget.Connections(); {
	case l.peers > room:
		return Usage("--max-peers %d: the limit of %d file descriptors leaves room for %d: raise it "+
			"(ulimit -n; LimitNOFILE= of systemd)", l.peers, limit, room)
	case l.peers > fit:
		return Usage("--max-peers %d: --max-memory %s is enough for %d connections", l.peers, &l.memory, fit)
	}
	return nil
}

// Budget returns the program's budget.
func (c *Common) Budget() *budget.Budget { return c.limits.budget }

// Gate returns the program's gate, which is made at the first call.
func (c *Common) Gate(logger *slog.Logger) *listen.Gate {
	l := &c.limits
	if l.gate != nil {
		return l.gate
	}
	room, descriptors := listen.Descriptors()
	room = max(1, room-len(c.Connect))
	fit, advice := l.budget.Connections(), ""
	switch {
	case l.peers > 0:
		fit, advice = l.peers, "raise --max-peers if they are legitimate"
	case room < fit:
		fit = room
		advice = fmt.Sprintf("raise the limit of %d file descriptors (ulimit -n; LimitNOFILE= of systemd) "+
			"if they are legitimate", descriptors)
	default:
		advice = fmt.Sprintf("raise --max-memory, now %s, if they are legitimate", &l.memory)
	}
	l.gate = listen.NewGate(fit, advice, logger)
	return l.gate
}

// Lanes returns the program's lanes, which are made at the first call.
func (c *Common) Lanes() *listen.Lanes {
	if c.limits.lanes == nil {
		c.limits.lanes = listen.NewLanes()
	}
	return c.limits.lanes
}

// Memory is a flag's value: a positive number of bytes, with the suffix KiB, MiB or GiB if there is one, and at most
// 1024 GiB.
type Memory int64

const maxMemory = 1 << 40

// Set implements pflag.Value.
func (m *Memory) Set(text string) error {
	number, unit := text, int64(1)
	for shift, suffix := range map[int]string{10: "KiB", 20: "MiB", 30: "GiB"} {
		if n, found := strings.CutSuffix(text, suffix); found {
			number, unit = n, 1<<shift
		}
	}
	n, err := strconv.ParseUint(number, 10, 62)
	if err != nil {
		return errors.New("write a number of bytes, such as 134217728, 128MiB or 2GiB")
	}
	if n == 0 || n > uint64(maxMemory/unit) {
		return fmt.Errorf("it must lie between 1 byte and %dGiB", maxMemory>>30)
	}
	*m = Memory(int64(n) * unit)
	return nil
}

// String implements pflag.Value.
func (m *Memory) String() string {
	if *m > 0 && *m%(1<<30) == 0 {
		return fmt.Sprintf("%dGiB", *m>>30)
	}
	if *m > maxSize {
		return fmt.Sprintf("%dMiB", *m>>20)
	}
	size := Size(*m)
	return size.String()
}

// Type implements pflag.Value.
func (m *Memory) Type() string { return "bytes" }
