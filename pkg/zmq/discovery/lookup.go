package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

const (
	// timeout is how long the answer to one question may take.
	timeout = 5 * time.Second
	// systemTimeout is timeout for the system's servers: there are at most three, and each gets 5 s before the
	// next is asked (resolv.conf(5)).
	systemTimeout = 3*timeout + time.Second
	// maxParallel is how many targets are looked up at the same time.
	maxParallel = 8
)

// resolver is the part of net.Resolver that is used.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// newResolver returns a resolver that asks a server, a host:port, or the system's servers if server is "". It
// does not return a part of an answer: if the question for one family's addresses fails, the whole lookup
// fails.
func newResolver(server string) *net.Resolver {
	dialServer := func(ctx context.Context, network, system string) (net.Conn, error) {
		conn, err := dial(ctx, network, cmp.Or(server, system), server != "")
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() }) // the resolver itself would wait for its timeout
		}
		return conn, err
	}
	return &net.Resolver{PreferGo: true, StrictErrors: true, Dial: dialServer}
}

// dial connects to a DNS server; over TCP if possible when preferTCP is set. A server leaves out what has no
// room in a datagram, and not every server says so (Consul only with enable_truncate).
func dial(ctx context.Context, network, server string, preferTCP bool) (net.Conn, error) {
	var dialer net.Dialer
	if preferTCP && network == "udp" {
		if conn, err := dialer.DialContext(ctx, "tcp", server); err == nil {
			return conn, nil
		}
	}
	return dialer.DialContext(ctx, network, server)
}

// question is how a name is looked up.
type question struct {
	resolver resolver
	timeout  time.Duration
	lookup   string // endpoint.DNS or endpoint.SRV
	target   target // its host is the name; it has no port if lookup is endpoint.SRV
}

// ask looks the name up once. The error says why a question was not answered, or that there is no such name; other
// questions may have been answered all the same.
func (q *question) ask(ctx context.Context) (r round, err error) {
	targets := []target{q.target}
	if q.lookup == endpoint.SRV {
		if targets, err = q.askTargets(ctx); err != nil {
			return round{fate: fateOf(err)}, err
		}
		if r.beyond = len(targets) - maxMembers; r.beyond > 0 {
			targets = targets[:maxMembers]
		}
		r.beyond = max(r.beyond, 0)
	}
	r.fate = answered
	r.targets, err = q.askAddresses(ctx, targets)
	return r, err
}

// askTargets looks up SRV records. All of them are wanted, whatever their priority and weight. A record with
// the target "." is an answer: the service is not available (RFC 2782).
func (q *question) askTargets(ctx context.Context) (targets []target, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	_, records, err := q.resolver.LookupSRV(ctx, "", "", q.target.host)
	if err != nil && len(records) == 0 { // with records, err is about others whose targets are invalid
		return nil, err
	}
	if len(records) == 0 {
		return nil, errNone
	}
	for _, r := range records {
		if r.Target != "." && r.Port != 0 {
			targets = append(targets, target{strings.ToLower(r.Target), r.Port})
		}
	}
	slices.SortFunc(targets, target.compare)
	return slices.Compact(targets), nil
}

// askAddresses looks up the addresses of all targets within one timeout. It returns one of the errors, if there
// were any: an unanswered question's rather than that of a name that does not exist.
func (q *question) askAddresses(ctx context.Context, targets []target) (found map[target]addresses, failure error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	limit := maxAddresses
	if len(targets) > 1 {
		limit = maxMembers
	}
	results, errs := make([][]netip.Addr, len(targets)), make([]error, len(targets))
	var work sync.WaitGroup
	var next atomic.Int64
	for range min(maxParallel, len(targets)) {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(targets); i = int(next.Add(1)) - 1 {
				results[i], errs[i] = q.askOne(ctx, targets[i].host, limit)
			}
		})
	}
	work.Wait()
	found = make(map[target]addresses, len(targets))
	for i, t := range targets {
		found[t] = addresses{fateOf(errs[i]), results[i]}
		if fateOf(errs[i]) < fateOf(failure) {
			failure = errs[i]
		}
	}
	return found, failure
}

func (q *question) askOne(ctx context.Context, host string, limit int) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil // the resolver would drop its zone
	}
	addrs, err := q.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if addrs = usable(addrs); len(addrs) == 0 {
		return nil, errNone
	}
	return addrs[:min(len(addrs), limit)], nil
}

var errNone = &net.DNSError{Err: "no usable record", IsNotFound: true}

// fateOf returns what an error means for a question.
func fateOf(err error) fate {
	var dns *net.DNSError
	switch {
	case err == nil:
		return answered
	case errors.As(err, &dns) && dns.IsNotFound:
		return empty
	}
	return unanswered
}

// reason returns what to log about an error: why there was no answer or no member, and which server was asked.
// server is the configured one; the resolver's errors name only the system's.
func reason(err error, server string) (text, asked string) {
	var dns *net.DNSError
	if !errors.As(err, &dns) {
		return fmt.Sprint(err), cmp.Or(server, "the system's")
	}
	text = dns.Err
	switch {
	case dns.IsTimeout:
		text = "no answer in time; is the server's address right, and does a firewall let the question through?"
	case text == "server misbehaving" && dns.IsTemporary:
		text = "the server reports a failure (SERVFAIL); see its own log"
	case text == "server misbehaving":
		text = "the server refuses to answer for this name (REFUSED or another error)"
	case strings.HasSuffix(text, "connection refused"):
		text += "; is a DNS server running there?"
	}
	return text, cmp.Or(server, dns.Server, "the system's")
}
