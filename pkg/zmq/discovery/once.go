package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// ErrUnanswered is among the errors of Lookup if DNS has not answered.
var ErrUnanswered = errors.New("no answer")

// Lookup looks cfg.Endpoint up once and returns its members, sorted, of which Follow would connect to as many. It needs
// no functions of cfg, and no logger. The error names the server that was asked, and says what is wrong.
func Lookup(ctx context.Context, cfg Config) ([]endpoint.Endpoint, error) {
	round, err := newQuestion(cfg).ask(ctx)
	var found []endpoint.Endpoint
	for t, addresses := range round.targets {
		for _, addr := range addresses.addrs {
			found = append(found, asEndpoint(netip.AddrPortFrom(addr, t.port)))
		}
	}
	slices.SortFunc(found, func(a, b endpoint.Endpoint) int { return strings.Compare(a.Address, b.Address) })
	found = slices.Compact(found)
	if len(found) > 0 {
		return found[:min(len(found), maxMembers)], nil
	}
	if err == nil {
		err = errNone
	}
	text, server := reason(err, cfg.Server)
	if fateOf(err) == unanswered {
		return nil, fmt.Errorf("%w: %s (DNS server: %s)", ErrUnanswered, text, server)
	}
	return nil, fmt.Errorf("%s (DNS server: %s)", text, server)
}
