package status

import (
	"context"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Source is what a program lets a Monitor look at. All functions are called from any goroutine; those that are nil are
// not called.
type Source struct {
	Program, Name, Version string
	Metrics                string
	Sockets                []*zmq.Socket
	NeedsPeer              bool // without a peer it can do nothing, also where peers connect to it
	Numbers                *statistics.Set
	Owed, Orphans          func() delivery.State
	UnconfirmedBy          func(*zmq.Peer) int
	Destination            func() *Destination
	Failure                func() *Failure
	Journal                string                              // the folder; "": none
	NoRoom                 func() (since time.Time, why error) // since when this program's journal has no room; nil: it has
}

const (
	// tick is the time between two looks at the program.
	tick = 5 * time.Second
	// span is what rates are of.
	span = time.Minute
	// every is the time between two log lines about what goes on being wrong.
	every = time.Minute
)

// Monitor watches a program.
type Monitor struct {
	source  Source
	logger  *slog.Logger
	user    string
	started time.Time

	mu      sync.Mutex
	samples []sample  // the last minute's, oldest first
	lonely  time.Time // since when there is no peer, but one is needed; zero: there is one, or none is needed
	wrong   time.Time // since when something is wrong, as far as it was logged; zero: nothing is
	said    time.Time // when that was logged last

	journals *journals
}

type sample struct {
	at      time.Time
	numbers map[string]uint64
}

// New makes a monitor.
func New(source Source, logger *slog.Logger) *Monitor {
	m := &Monitor{source: source, logger: logger, started: time.Now(), user: strconv.Itoa(os.Geteuid()), journals: newJournals()}
	if known, err := user.LookupId(m.user); err == nil {
		m.user = known.Username
	}
	m.look(m.started)
	return m
}

// Source returns what is watched.
func (m *Monitor) Source() Source { return m.source }

// Run looks at the program from time to time, and logs what goes on being wrong, until ctx ends.
func (m *Monitor) Run(ctx context.Context) {
	var reading sync.WaitGroup
	defer reading.Wait()
	survey := func(ctx context.Context) ([]spool.Content, error) { return spool.Survey(ctx, m.source.Journal) }
	reading.Go(func() { m.journals.follow(ctx, survey, m.source.Journal) })
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			m.look(now)
			m.log(now, m.report(now))
		case <-ctx.Done():
			return
		}
	}
}

// look takes a sample.
func (m *Monitor) look(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples = append(m.samples, sample{now, m.numbers(true)})
	m.samples = slices.DeleteFunc(m.samples, func(s sample) bool { return now.Sub(s.at) > span+tick/2 })
	switch {
	case !m.source.NeedsPeer || m.peers() > 0:
		m.lonely = time.Time{}
	case m.lonely.IsZero():
		m.lonely = now
	}
}

// log logs once a minute what goes on being wrong, and that it no longer is.
func (m *Monitor) log(now time.Time, r *Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case r.Well && !m.said.IsZero():
		m.logger.Info("all is well again", "after", now.Sub(m.wrong).Round(time.Second))
		m.wrong, m.said = time.Time{}, time.Time{}
	case r.Well:
		m.wrong = time.Time{}
	case m.wrong.IsZero():
		m.wrong = now
	case now.Sub(m.wrong) < every-tick/2 || !m.said.IsZero() && now.Sub(m.said) < every-tick/2:
	default:
		m.said = now
		for _, p := range r.Problems {
			attrs := []any{"what", p.What, "for", now.Sub(p.Since).Round(time.Second)}
			if r.Owed != nil {
				attrs = append(attrs, "unconfirmed", r.Owed.Unconfirmed)
			}
			m.logger.Warn("still wrong", attrs...)
		}
	}
}

func (m *Monitor) peers() (n int) {
	for _, s := range m.source.Sockets {
		n += s.Peers()
	}
	return n
}

// numbers returns the numbers of the set, or those that are counted alone.
func (m *Monitor) numbers(counted bool) map[string]uint64 {
	all := make(map[string]uint64, len(m.source.Numbers.Numbers))
	for i := range m.source.Numbers.Numbers {
		if n := &m.source.Numbers.Numbers[i]; n.Total() || !counted {
			all[n.Name] = n.Value()
		}
	}
	return all
}

// Report returns the state of the program at this moment.
func (m *Monitor) Report(now time.Time) *Report {
	r := m.report(now)
	if m.source.Journal != "" {
		r.Journals = m.journals.contents()
		r.judgeJournals(now, graceDead)
		r.Well = len(r.Problems) == 0
	}
	return r
}

// report is Report without the journals.
func (m *Monitor) report(now time.Time) *Report {
	s := &m.source
	r := &Report{Program: s.Program, Name: s.Name, Version: s.Version, Process: os.Getpid(), User: m.user, Started: m.started,
		Metrics: s.Metrics, Connected: m.peers(), Numbers: m.numbers(false), Problems: []Problem{}, Endpoints: []Endpoint{}, Peers: []Peer{}}
	for _, socket := range s.Sockets {
		if c := socket.LastRefusal(); c != nil && (r.Refused == nil || c.At.After(r.Refused.At)) {
			refused := Refused(*c)
			r.Refused = &refused
		}
		for _, e := range socket.Endpoints() {
			r.Endpoints = append(r.Endpoints, Endpoint(e))
		}
		socket.EachPeer(func(p *zmq.Peer) bool {
			r.Peers = append(r.Peers, m.peer(p))
			return len(r.Peers) < MostPeers
		})
	}
	r.Owed, r.Orphans = owed(s.Owed), owed(s.Orphans)
	if s.NoRoom != nil {
		if since, why := s.NoRoom(); why != nil {
			r.NoRoom = &NoRoom{Journal: s.Journal, Reason: why.Error(), Since: since}
		}
	}
	if s.Destination != nil {
		r.Destination = s.Destination()
	}
	if s.Failure != nil {
		r.Failure = s.Failure()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Rates = rates(m.samples, now, r.Numbers)
	r.judge(now, m.lonely)
	return r
}

func owed(ask func() delivery.State) *Owed {
	if ask == nil {
		return nil
	}
	state := ask()
	return &Owed{Unconfirmed: state.Unconfirmed, Oldest: time.Duration(state.Oldest).Seconds(), Refused: state.Refused, Reason: state.Reason}
}

func (m *Monitor) peer(p *zmq.Peer) Peer {
	peer := Peer{Peer: p.Remote(), User: p.User(), Since: p.Since(), Queued: p.Queued(), Dropped: p.Dropped()}
	if m.source.UnconfirmedBy != nil {
		peer.Unconfirmed = m.source.UnconfirmedBy(p)
	}
	return peer
}

// rates returns how much was counted a second since the oldest sample; 0 for what was taken back.
func rates(samples []sample, now time.Time, numbers map[string]uint64) map[string]float64 {
	rates := make(map[string]float64)
	oldest := samples[0]
	seconds := now.Sub(oldest.at).Seconds()
	for name, before := range oldest.numbers {
		if seconds > 0 {
			rates[name] = float64(max(numbers[name], before)-before) / seconds
		}
	}
	return rates
}
