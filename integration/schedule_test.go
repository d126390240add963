package integration

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// schedule is the faults that are planned for a stream of messages.
type schedule struct {
	t        *testing.T
	messages int
	seed     uint64
	arrived  func() int // how many messages have

	plans    []*plan
	agenda   []appointment
	happened map[string]int
	missing  *atomic.Int32 // kinds of faults that have not happened yet
}

// newSchedule makes a schedule. With the seed 0, it is another one each time.
func newSchedule(t *testing.T, messages int, seed uint64) schedule {
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	return schedule{t: t, messages: messages, seed: seed, happened: map[string]int{}, missing: new(atomic.Int32)}
}

// plan is a kind of fault, and when it is to happen.
type plan struct {
	kind   string
	at     []int                       // ascending; a fault is due when this many messages have arrived
	strike func(r *rand.Rand) bool     // reports whether it found a victim
	random func(strike int) *rand.Rand // for one strike, always the same
}

// plot plans faults for the given number of random moments, spread over the stream.
func (s *schedule) plot(kind string, times int, strike func(r *rand.Rand) bool) {
	name := fnv.New64a()
	name.Write([]byte(kind))
	plan := &plan{kind: kind, strike: strike}
	plan.random = func(strike int) *rand.Rand { return rand.New(rand.NewPCG(s.seed, name.Sum64()+uint64(strike))) }
	for n := range times {
		part := (float64(n) + plan.random(n).Float64()) / float64(times)
		plan.at = append(plan.at, int(0.9*part*float64(s.messages)))
	}
	s.plans = append(s.plans, plan)
	s.missing.Add(1)
}

// pace is how long the feeder waits before line n: the last tenth comes slowly as long as a kind of fault has not
// happened, since there is little to disturb when all have arrived.
func (s *schedule) pace(n int) time.Duration {
	if n >= s.messages/10*9 && s.missing.Load() > 0 {
		return 50 * time.Millisecond
	}
	return 0
}

// pursue makes appointments for the faults that are due. Each is at a random time from now, so that faults also happen
// while nothing moves. Then it keeps the appointments whose time has come. It returns how many messages have arrived.
func (s *schedule) pursue() (arrived int) {
	arrived = s.arrived()
	for _, plan := range s.plans {
		for len(plan.at) > 0 && plan.at[0] <= arrived {
			plan.at = plan.at[1:]
			left := len(plan.at)
			var try func()
			try = func() {
				switch {
				case s.arrived() == s.messages: // too late: an idle rsyslogd starts no omzmq
				case plan.strike(plan.random(left)):
					if s.happened[plan.kind]++; s.happened[plan.kind] == 1 {
						s.missing.Add(-1)
					}
				default:
					s.later(20*time.Millisecond, try)
				}
			}
			s.later(between(plan.random(left), 0, 500*time.Millisecond), try)
		}
	}
	now := time.Now()
	isDue := func(a appointment) bool { return !a.at.After(now) }
	var due []appointment
	for _, a := range s.agenda {
		if isDue(a) {
			due = append(due, a)
		}
	}
	s.agenda = slices.DeleteFunc(s.agenda, isDue)
	for _, a := range due {
		a.do()
	}
	return arrived
}

// later makes an appointment.
func (s *schedule) later(d time.Duration, do func()) {
	s.agenda = append(s.agenda, appointment{time.Now().Add(d), do})
}

// when makes an appointment for the moment at which a condition holds.
func (s *schedule) when(what string, holds func() bool, do func()) {
	deadline := time.Now().Add(patience)
	var look func()
	look = func() {
		switch {
		case holds():
			do()
		case time.Now().After(deadline):
			s.t.Fatalf("not within %v: %s", patience, what)
		default:
			s.later(10*time.Millisecond, look)
		}
	}
	look()
}

// check fails the test if a planned kind of fault has never happened.
func (s *schedule) check() {
	for _, plan := range s.plans {
		if s.happened[plan.kind] == 0 {
			s.t.Errorf("this never happened: %s", plan.kind)
		}
	}
}

// killOmzmq kills one of rsyslogd's omzmq processes. rsyslogd starts another.
func (r *rsyslogd) killOmzmq(t *testing.T, random *rand.Rand) bool {
	pids := children(t, r.pid(), "omzmq")
	if len(pids) == 0 {
		return false
	}
	err := syscall.Kill(pids[random.IntN(len(pids))], syscall.SIGKILL)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("killing omzmq: %v", err)
	}
	return err == nil
}
