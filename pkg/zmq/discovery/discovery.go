// Package discovery finds the members of a name in DNS and follows them as they join and leave. Members are the
// addresses of a name, or the targets and ports of its SRV records (RFC 2782), as Kubernetes' headless
// services, Consul and CoreDNS publish them.
//
// DNS is believed with care, because a failing DNS server must not take a working system apart:
//
//   - An answer lists the members. A member that is not in it leaves at once.
//   - No answer (a timeout, SERVFAIL, REFUSED, a server that is away) changes nothing: all members stay.
//   - The answer that there is no such name or record means that there are no members, but only if the next answer
//     is the same: servers that restart give it, too.
//   - An answer with the addresses of one family does not count if the other family's question was not answered.
//
// The same holds for each target of SRV records by itself. A target has as many members as it has addresses.
// Priority and weight are ignored, since all members are wanted. A record with the target "." means that the
// service is not available, at once.
//
// The questions are net.Resolver's: for addresses, /etc/hosts comes before DNS, and a name without a dot at its
// end may have the search list of resolv.conf(5) appended.
package discovery

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// DefaultInterval is the longest time between two lookups of a name.
const DefaultInterval = 5 * time.Second

// Config is what Follow needs to know.
type Config struct {
	Endpoint endpoint.Endpoint // its Lookup is not empty
	Server   string            // host:port of the DNS server to ask, over TCP if possible; "": the system's
	Interval time.Duration     // longest time between two lookups, the shortest is half of it; 0: DefaultInterval
	Logger   *slog.Logger

	// Follow calls these itself, one at a time. A member is a tcp endpoint without Lookup. It joins once before
	// it leaves.
	Join, Leave func(member endpoint.Endpoint)

	// Leads is called after each lookup with the reason why the name has no member, "" if it has one.
	Leads func(reason string)

	resolver resolver // for tests
}

// Follow looks a name up periodically until ctx ends, and calls Join and Leave for each change. At the end no
// member leaves.
func Follow(ctx context.Context, cfg Config) {
	if cfg.Interval <= 0 {
		cfg.Interval = DefaultInterval
	}
	f := &follower{cfg: cfg, question: newQuestion(cfg), log: cfg.Logger.With("endpoint", cfg.Endpoint.String())}
	usual := backoff.Backoff{First: cfg.Interval, Max: cfg.Interval}
	failed := backoff.Backoff{First: cfg.Interval / 16, Max: cfg.Interval}
	for {
		round, err := f.question.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		f.take(round, err)
		wait := &failed
		if fateOf(err) != unanswered {
			failed.Reset()
			wait = &usual
		}
		if !wait.Wait(ctx) {
			return
		}
	}
}

func newQuestion(cfg Config) *question {
	q := &question{resolver: cfg.resolver, timeout: systemTimeout, lookup: cfg.Endpoint.Lookup}
	q.target.host = cfg.Endpoint.Address
	if cfg.Server != "" {
		q.timeout = timeout
	}
	if q.resolver == nil {
		q.resolver = newResolver(cfg.Server)
	}
	if host, port, err := net.SplitHostPort(cfg.Endpoint.Address); err == nil && q.lookup == endpoint.DNS {
		n, _ := strconv.ParseUint(port, 10, 16) // package endpoint has checked it
		q.target = target{host, uint16(n)}
	}
	return q
}

// follower follows one name.
type follower struct {
	cfg      Config
	question *question
	log      *slog.Logger
	members  members
	outage   bool // some question was not answered last time
	nobody   bool // it has been logged that there is no member
	crowded  bool // it has been logged that there are too many
}

// take applies a round, and reports what it has changed. err is what ask has returned with it.
func (f *follower) take(r round, err error) {
	f.logOutage(err)
	joins, leaves, beyond := f.members.apply(r)
	if beyond > 0 && !f.crowded {
		f.crowded = true
		f.log.Warn("the name has more members than are connected to (said once)", "limit", maxMembers, "beyond", beyond)
	}
	for _, member := range joins {
		f.cfg.Join(asEndpoint(member))
	}
	for _, member := range leaves {
		f.cfg.Leave(asEndpoint(member))
	}
	f.logNobody(err)
	if f.cfg.Leads != nil {
		f.cfg.Leads(f.nowhere(err))
	}
}

// nowhere returns why there is no member; "": there is one.
func (f *follower) nowhere(err error) string {
	if len(f.members.joined) > 0 {
		return ""
	}
	if fateOf(err) == unanswered {
		text, _ := reason(err, f.cfg.Server)
		return "no answer from DNS: " + text
	}
	return "DNS knows no member: " + f.missing(err)
}

// logOutage logs once in an outage that a question was not answered, and when the outage is over.
func (f *follower) logOutage(err error) {
	out := fateOf(err) == unanswered
	if !out {
		if f.outage {
			f.log.Info("DNS answers again")
		}
		f.outage = false
		return
	}
	level := slog.LevelDebug
	if !f.outage {
		level = slog.LevelWarn
	}
	f.outage = true
	text, server := reason(err, f.cfg.Server)
	f.log.Log(context.Background(), level, "no answer from DNS; it is asked again, and the members stay as they are",
		"members", len(f.members.joined), "server", server, "reason", text)
}

// logNobody logs once that there is no member although DNS answers.
func (f *follower) logNobody(err error) {
	switch {
	case len(f.members.joined) > 0:
		f.nobody = false
		if fateOf(err) == empty {
			f.log.Debug("DNS no longer knows the members; they leave if its next answer is the same")
		}
	case fateOf(err) != unanswered && !f.nobody:
		f.nobody = true
		_, server := reason(err, f.cfg.Server)
		f.log.Warn("nobody to connect to: DNS knows no member of this name; it is asked again",
			"server", server, "reason", f.missing(err))
	}
}

// missing returns what DNS does not have.
func (f *follower) missing(err error) string {
	switch {
	case err == nil:
		return "its SRV record says that the service is not available"
	case f.question.lookup == endpoint.DNS:
		return "there is no such name, or it has no address; a headless service has addresses while pods are ready"
	case len(f.members.targets) > 0:
		return "the hosts that its SRV records name have no address"
	}
	return "there is no such name, or it has no SRV record; names that do look like _service._tcp.example.net"
}

func asEndpoint(member netip.AddrPort) endpoint.Endpoint {
	return endpoint.Endpoint{Network: "tcp", Address: member.String()}
}
