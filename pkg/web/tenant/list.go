package tenant

import (
	"crypto/sha256"
	"crypto/subtle"
)

// List is what a file says. It is not changed.
type List struct {
	tenants []*Tenant
	digests [][sha256.Size]byte // of the tokens, in the same order
	cost    int
}

// What a token and each of its prefixes take, roughly, in bytes, in addition to their characters.
const (
	tokenCost  = 320
	prefixCost = 40
)

// add adds a token.
func (l *List) add(t *Tenant) {
	t.ended = make(chan struct{})
	l.tenants, l.digests = append(l.tenants, t), append(l.digests, t.digest)
	l.cost += tokenCost + len(t.Name)
	for _, prefix := range t.prefixes {
		l.cost += prefixCost + len(prefix)
	}
}

// Len returns the number of tokens.
func (l *List) Len() int { return len(l.tenants) }

// Find returns the tenant with this token, nil if there is none. It compares the token's SHA-256 with all, in constant
// time.
func (l *List) Find(token string) *Tenant {
	return l.find(sha256.Sum256([]byte(token)), subtle.ConstantTimeCompare)
}

func (l *List) find(digest [sha256.Size]byte, compare func(a, b []byte) int) *Tenant {
	at := 0
	for i := range l.digests {
		at = subtle.ConstantTimeSelect(compare(l.digests[i][:], digest[:]), i+1, at)
	}
	if at == 0 {
		return nil
	}
	return l.tenants[at-1]
}

// replace puts the list in an old one's place: what has not changed goes on, and the rest of the old list ends.
func (l *List) replace(old *List) (removed, changed int) {
	places := make(map[[sha256.Size]byte]int, len(l.digests))
	for i, digest := range l.digests {
		places[digest] = i
	}
	for _, t := range old.tenants {
		i, found := places[t.digest]
		switch {
		case found && t.same(l.tenants[i]):
			l.tenants[i] = t
			continue
		case found:
			changed++
		default:
			removed++
		}
		defer t.end(!found)
	}
	return removed, changed
}
