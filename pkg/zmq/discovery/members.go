package discovery

import (
	"cmp"
	"net/netip"
	"slices"
)

// Bounds of what a name may lead to.
const (
	maxMembers = 1024
	// maxAddresses is how many addresses of all targets of a name are remembered: several targets may have the
	// same one.
	maxAddresses = 4 * maxMembers
)

// fate is the outcome of a question.
type fate uint8

const (
	unanswered fate = iota // what was known stays
	empty                  // there is no such name or record: believed the second time in a row
	answered
)

// target is a host and a port: the name that is looked up, or the content of one of its SRV records.
type target struct {
	host string
	port uint16
}

// addresses is the result of the question for one target's addresses.
type addresses struct {
	fate  fate
	addrs []netip.Addr
}

// round is the result of looking a name up once.
type round struct {
	fate    fate // of the question for the targets; answered if there is no such question
	targets map[target]addresses
	beyond  int // targets that were left out because there are too many
}

// members decides which addresses are members of a name. Its zero value has none.
type members struct {
	targets map[target]known
	empty   bool             // the last answer was that there are no targets
	joined  []netip.AddrPort // sorted
}

// known is what the last answers have said about one target.
type known struct {
	addrs []netip.Addr
	empty bool // the last answer was that there are no addresses
}

// apply applies a round. It returns which members have joined and which have left, both sorted, and how many
// there are beyond the limit.
func (m *members) apply(r round) (joins, leaves []netip.AddrPort, beyond int) {
	switch {
	case r.fate == unanswered:
		m.empty = false
	case r.fate == empty && !m.empty:
		m.empty = true
	case r.fate == empty:
		m.targets = nil
	default:
		m.empty = false
		m.learn(r.targets)
	}
	wanted, beyond := m.wanted()
	joins, leaves = without(wanted, m.joined), without(m.joined, wanted)
	m.joined = wanted
	return joins, leaves, beyond + r.beyond
}

// learn applies the results for the targets' addresses. A target that is not among them is forgotten.
func (m *members) learn(found map[target]addresses) {
	order := make([]target, 0, len(found))
	for t := range found {
		order = append(order, t)
	}
	slices.SortFunc(order, target.compare)
	before := m.targets
	m.targets = make(map[target]known, len(found))
	room := maxAddresses
	for _, t := range order {
		k := before[t].after(found[t])
		k.addrs = k.addrs[:min(len(k.addrs), room)]
		room -= len(k.addrs)
		m.targets[t] = k
	}
}

// after returns what is known once a further result is there.
func (k known) after(a addresses) known {
	switch {
	case a.fate == answered:
		return known{addrs: a.addrs}
	case a.fate == unanswered:
		return known{addrs: k.addrs}
	case k.empty:
		return known{empty: true}
	default:
		return known{addrs: k.addrs, empty: true}
	}
}

// wanted returns the members, sorted. If there are too many, those that have joined stay.
func (m *members) wanted() (wanted []netip.AddrPort, beyond int) {
	for t, k := range m.targets {
		for _, addr := range k.addrs {
			wanted = append(wanted, netip.AddrPortFrom(addr, t.port))
		}
	}
	slices.SortFunc(wanted, netip.AddrPort.Compare)
	wanted = slices.Compact(wanted)
	if beyond = len(wanted) - maxMembers; beyond <= 0 {
		return wanted, 0
	}
	newcomers := without(wanted, m.joined)
	wanted = without(wanted, newcomers)
	wanted = append(wanted, newcomers[:maxMembers-len(wanted)]...)
	slices.SortFunc(wanted, netip.AddrPort.Compare)
	return wanted, beyond
}

// without returns the elements of all that are not in others. Both are sorted, and so is the result.
func without(all, others []netip.AddrPort) (rest []netip.AddrPort) {
	for _, one := range all {
		if _, found := slices.BinarySearchFunc(others, one, netip.AddrPort.Compare); !found {
			rest = append(rest, one)
		}
	}
	return rest
}

func (t target) compare(other target) int {
	return cmp.Or(cmp.Compare(t.host, other.host), cmp.Compare(t.port, other.port))
}

// usable returns the addresses that can be connected to, sorted, each once. Some servers answer 0.0.0.0 or ::
// for a host that they block; connecting to those would reach this very machine. A link-local address of IPv6
// needs an interface, which DNS does not give.
func usable(addrs []netip.Addr) []netip.Addr {
	usable := make([]netip.Addr, 0, len(addrs))
	for _, addr := range addrs {
		addr = addr.Unmap()
		needsZone := addr.Is6() && addr.IsLinkLocalUnicast() && addr.Zone() == ""
		if addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && !needsZone {
			usable = append(usable, addr)
		}
	}
	slices.SortFunc(usable, netip.Addr.Compare)
	return slices.Compact(usable)
}
