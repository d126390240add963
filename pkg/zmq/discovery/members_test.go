package discovery

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// result turns "1 2" into the addresses 10.0.0.1 and 10.0.0.2, "-" into an empty answer and "?" into none.
func result(text string) addresses {
	switch text {
	case "-":
		return addresses{fate: empty}
	case "?":
		return addresses{fate: unanswered}
	}
	a := addresses{fate: answered}
	for _, n := range strings.Fields(text) {
		a.addrs = append(a.addrs, netip.MustParseAddr("10.0.0."+n))
	}
	return a
}

// names returns members in the form that result takes, with the port if it is not 1.
func names(members []netip.AddrPort) string {
	var text []string
	for _, m := range members {
		text = append(text, strings.TrimSuffix(strings.TrimPrefix(m.String(), "10.0.0."), ":1"))
	}
	return strings.Join(text, " ")
}

func TestOneTarget(t *testing.T) {
	tests := []struct {
		name   string
		rounds []string // an answer, and after the arrow the members
	}{
		{"join and leave", []string{"1 2>1 2", "2 3>2 3", "3>3", "1 3>1 3"}},
		{"no answer", []string{"1 2>1 2", "?>1 2", "?>1 2", "?>1 2", "2>2"}},
		{"no answer at first", []string{"?>", "?>", "1>1"}},
		{"empty once", []string{"1>1", "->1", "1>1", "->1", "1 2>1 2"}},
		{"empty twice", []string{"1>1", "->1", "->", "->", "1>1", "->1", "->"}},
		{"empty, no answer, empty", []string{"1>1", "->1", "?>1", "->1", "->"}},
		{"empty at first", []string{"->", "1>1", "->1"}},
		{"all members replaced", []string{"1 2>1 2", "3 4>3 4"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var m members
			there := make(map[netip.AddrPort]bool)
			for i, text := range test.rounds {
				answer, want, _ := strings.Cut(text, ">")
				found := map[target]addresses{{"host", 1}: result(answer)}
				joins, leaves, _ := m.apply(round{fate: answered, targets: found})
				account(t, there, joins, leaves)
				if got := names(m.joined); got != want {
					t.Errorf("round %d, %q: members %q, want %q", i, answer, got, want)
				}
			}
		})
	}
}

// account checks that each member joins before it leaves.
func account(t *testing.T, there map[netip.AddrPort]bool, joins, leaves []netip.AddrPort) {
	t.Helper()
	for _, m := range joins {
		if there[m] {
			t.Errorf("%v joins twice", m)
		}
		there[m] = true
	}
	for _, m := range leaves {
		if !there[m] {
			t.Errorf("%v leaves and is not there", m)
		}
		delete(there, m)
	}
}

func TestTargets(t *testing.T) {
	type targets = map[target]addresses
	found := func(t targets) round { return round{fate: answered, targets: t} }
	a, b := target{"a", 1}, target{"b", 2}
	var m members
	steps := []struct {
		name string
		round
		want string
	}{
		{"two targets", found(targets{a: result("1 2"), b: result("3")}), "1 2 3:2"},
		{"no answer for one target", found(targets{a: result("?"), b: result("4")}), "1 2 4:2"},
		{"and none at all", round{fate: unanswered}, "1 2 4:2"},
		{"a target is gone", found(targets{b: result("?")}), "4:2"},
		{"and back, but its addresses are not known", found(targets{a: result("?"), b: result("4")}), "4:2"},
		{"both at one address", found(targets{a: result("4"), b: result("4"), {"c", 1}: result("4 5")}), "4 4:2 5"},
		{"one of two that share an address is gone", found(targets{a: result("4"), b: result("4")}), "4 4:2"},
		{"one is empty", found(targets{a: result("-"), b: result("4")}), "4 4:2"},
		{"once more", found(targets{a: result("-"), b: result("4")}), "4:2"},
		{"no records", round{fate: empty}, "4:2"},
		{"no answer", round{fate: unanswered}, "4:2"},
		{"no records", round{fate: empty}, "4:2"},
		{"no records twice", round{fate: empty}, ""},
		{"again", round{fate: empty}, ""},
		{"back", found(targets{a: result("1"), b: result("4")}), "1 4:2"},
		{"the service is not available", round{fate: answered}, ""},
	}
	there := make(map[netip.AddrPort]bool)
	for _, s := range steps {
		joins, leaves, _ := m.apply(s.round)
		account(t, there, joins, leaves)
		if got := names(m.joined); got != s.want {
			t.Errorf("%s: members %q, want %q", s.name, got, s.want)
		}
	}
}

// many returns count addresses, sorted, the first of them with the number from.
func many(from, count int) (a addresses) {
	a.fate = answered
	for n := from; n < from+count; n++ {
		a.addrs = append(a.addrs, netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}))
	}
	return a
}

// Members that have joined stay if there are too many; others follow when there is room.
func TestTooMany(t *testing.T) {
	one := func(a addresses) round { return round{fate: answered, targets: map[target]addresses{{"a", 1}: a}} }
	var m members
	if joins, _, beyond := m.apply(one(many(1000, maxMembers))); len(joins) != maxMembers || beyond != 0 {
		t.Errorf("%d join, %d beyond", len(joins), beyond)
	}
	joins, leaves, beyond := m.apply(one(many(0, 1000+maxMembers)))
	if len(joins)+len(leaves) != 0 || beyond != 1000 {
		t.Errorf("%d join, %d leave, %d beyond", len(joins), len(leaves), beyond)
	}
	joins, leaves, beyond = m.apply(one(many(0, 1000+maxMembers-10)))
	sorted := slices.IsSortedFunc(m.joined, netip.AddrPort.Compare)
	if len(joins) != 10 || len(leaves) != 10 || beyond != 990 || !sorted {
		t.Errorf("%d join, %d leave, %d beyond", len(joins), len(leaves), beyond)
	}
}

// A hostile server cannot make us remember without bounds.
func TestMemoryIsBounded(t *testing.T) {
	r := round{fate: answered, targets: make(map[target]addresses)}
	for i := range maxMembers {
		r.targets[target{fmt.Sprint(i), 1}] = many(0, maxMembers)
	}
	var m members
	m.apply(r)
	remembered := 0
	for _, k := range m.targets {
		remembered += len(k.addrs)
	}
	if remembered != maxAddresses || len(m.joined) != maxMembers {
		t.Errorf("%d addresses are remembered for %d members", remembered, len(m.joined))
	}
}

func TestUsable(t *testing.T) {
	var addrs []netip.Addr
	for _, text := range []string{"10.0.0.2", "0.0.0.0", "::", "::1", "::ffff:10.0.0.2", "10.0.0.1", "fe80::1",
		"fe80::1%lo", "224.0.0.1", "10.0.0.2"} {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	addrs = append(addrs, netip.Addr{})
	if got := fmt.Sprint(usable(addrs)); got != "[10.0.0.1 10.0.0.2 ::1 fe80::1%lo]" {
		t.Errorf("%s", got)
	}
}

// Whatever the answers, no member leaves for lack of one, and the joins and leaves add up to the members.
func TestAnythingSaid(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var m members
		there := make(map[netip.AddrPort]bool)
		for range 30 {
			r := round{fate: fate(random.IntN(3)), targets: make(map[target]addresses)}
			for range random.IntN(4) {
				r.targets[target{fmt.Sprint(random.IntN(3)), uint16(1 + random.IntN(2))}] =
					result([]string{"?", "-", "1", "2 3", "1 3"}[random.IntN(5)])
			}
			joins, leaves, _ := m.apply(r)
			account(t, there, joins, leaves)
			if r.fate == unanswered && len(joins)+len(leaves) > 0 {
				t.Fatalf("no answer, and %v join and %v leave", joins, leaves)
			}
			var want []netip.AddrPort
			for member := range there {
				want = append(want, member)
			}
			slices.SortFunc(want, netip.AddrPort.Compare)
			if !slices.Equal(want, m.joined) {
				t.Fatalf("members %v, by the reports %v", m.joined, want)
			}
		}
	}
}

func TestWithout(t *testing.T) {
	p := func(texts ...string) (all []netip.AddrPort) {
		for _, text := range texts {
			all = append(all, netip.MustParseAddrPort(text))
		}
		return all
	}
	got := without(p("1.1.1.1:1", "1.1.1.1:2", "[::1]:1"), p("1.1.1.1:2", "[::1]:2"))
	if !reflect.DeepEqual(got, p("1.1.1.1:1", "[::1]:1")) {
		t.Errorf("%v", got)
	}
}
