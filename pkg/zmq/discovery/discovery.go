// Package discovery finds the members of a name in DNS and follows them as they join and leave: the addresses of a name, or
// the targets and ports of its SRV records (RFC 2782). So Kubernetes' headless services, Consul and CoreDNS tell who is there.
//
// What DNS says is believed with care, for a failing DNS server must not take a working system apart:
//
//   - an answer says who is a member; whoever is not in it leaves at once;
//   - no answer (a timeout, SERVFAIL, REFUSED, a server that is away) says nothing: everybody stays;
//   - that there is no such name, or no such record, says that nobody is a member if the next answer says so, too:
//     servers that restart say this;
//   - an answer with the addresses of one family, while those of the other cannot be had, is none.
//
// The same holds for each target of SRV records by itself. A target has as many members as it has addresses. Priority and weight
// are ignored: everybody is wanted. A record with the target "." says that the service is not available, at once.
//
// The questions are net.Resolver's: /etc/hosts comes before DNS for addresses, and a name without a dot at its end may have
// the search list of resolv.conf(5) appended.
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
	Endpoint endpoint.Endpoint // whose Lookup is not empty
	Server   string            // host:port of the DNS server to ask, by TCP if it can; "": the system's
	Interval time.Duration     // longest time between two lookups, the shortest is half of it; 0: DefaultInterval
	Logger   *slog.Logger

	// Called by Follow itself, one at a time. Each member is a tcp endpoint without Lookup that joins once before it leaves.
	Join, Leave func(member endpoint.Endpoint)

	resolver resolver // for tests
}

// Follow looks a name up, again and again, and tells who joins and who leaves, until ctx ends. Those who are members then do
// not leave.
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
	q := &question{resolver: cfg.resolver, timeout: systemTimeout, lookup: cfg.Endpoint.Lookup, target: target{host: cfg.Endpoint.Address}}
	if cfg.Server != "" {
		q.timeout = timeout
	}
	if q.resolver == nil {
		q.resolver = newResolver(cfg.Server)
	}
	if host, port, err := net.SplitHostPort(cfg.Endpoint.Address); err == nil && q.lookup == endpoint.DNS {
		n, _ := strconv.ParseUint(port, 10, 16) // it has been parsed before
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
	outage   bool // something was not answered last time
	nobody   bool // it was said that there is no member
	crowded  bool // it was said that there are too many
}

// take tells what a round has changed. err is what ask has returned beside it.
func (f *follower) take(r round, err error) {
	f.sayOutage(err)
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
	f.sayNobody(err)
}

// sayOutage says once in an outage that not everything is answered, and when it is over.
func (f *follower) sayOutage(err error) {
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

// sayNobody says once that nobody is a member although DNS answers.
func (f *follower) sayNobody(err error) {
	switch {
	case len(f.members.joined) > 0:
		f.nobody = false
		if fateOf(err) == empty {
			f.log.Debug("DNS knows no member, or not all of them any more; they leave if it says so again")
		}
	case fateOf(err) != unanswered && !f.nobody:
		f.nobody = true
		_, server := reason(err, f.cfg.Server)
		f.log.Warn("nobody to connect to: DNS knows no member of this name; it is asked again", "server", server, "reason", f.missing(err))
	}
}

// missing says what there is not.
func (f *follower) missing(err error) string {
	switch {
	case err == nil:
		return "its SRV record says that the service is not available"
	case f.question.lookup == endpoint.DNS:
		return "there is no such name, or it has no address; a headless service has addresses while pods are ready"
	case len(f.members.targets) > 0:
		return "the hosts that its SRV records name have no address"
	}
	return "there is no such name, or it has no SRV record; they stand at names such as _service._tcp.example.net"
}

func asEndpoint(member netip.AddrPort) endpoint.Endpoint {
	return endpoint.Endpoint{Network: "tcp", Address: member.String()}
}
