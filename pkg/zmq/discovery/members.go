package discovery

import (
	"cmp"
	"net/netip"
	"slices"
)

// Bounds of what a name may lead to.
const (
	maxMembers = 1024
	// maxAddresses is how many addresses are kept of all targets of a name together: two targets may have the same one.
	maxAddresses = 4 * maxMembers
)

// fate is what has become of a question.
type fate uint8

const (
	unanswered fate = iota // nobody said anything: what was known stays
	empty                  // there is no such name, or no such record of it: believed the second time in a row
	answered
)

// target is a host and a port: the name that is looked up, or what one of its SRV records gives.
type target struct {
	host string
	port uint16
}

// addresses is what the question for one target's addresses has given.
type addresses struct {
	fate  fate
	addrs []netip.Addr
}

// round is what looking a name up once has given.
type round struct {
	fate    fate // of the question for the targets; answered where none is asked
	targets map[target]addresses
	beyond  int // targets that were left out: there are too many
}

// members decides who is a member of a name. Its zero value knows of nobody.
type members struct {
	targets map[target]known
	empty   bool             // the last answer to the question for the targets was that there are none
	joined  []netip.AddrPort // in order
}

// known is what is believed about one target.
type known struct {
	addrs []netip.Addr
	empty bool // the last answer was that there are none
}

// apply takes what a round has given. It returns who has joined and who has left by it, each in order, and how many members
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

// learn takes what the questions for the targets' addresses have given. A target that is not among them is one no more.
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

// wanted is everybody who is believed in, in order. When they are too many, those who have joined stay.
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

// without returns those of all, in order, that are not among others, which are in order, too.
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

// usable returns the addresses that can be connected to, in order and each once. 0.0.0.0 and :: stand for nobody, whom some
// servers name in place of a host that they block; to connect to them would reach this very machine. A link-local address
// of IPv6 says nothing without its interface, which DNS cannot tell.
func usable(addrs []netip.Addr) []netip.Addr {
	usable := make([]netip.Addr, 0, len(addrs))
	for _, addr := range addrs {
		addr = addr.Unmap()
		lost := addr.Is6() && addr.IsLinkLocalUnicast() && addr.Zone() == ""
		if addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && !lost {
			usable = append(usable, addr)
		}
	}
	slices.SortFunc(usable, netip.Addr.Compare)
	return slices.Compact(usable)
}
