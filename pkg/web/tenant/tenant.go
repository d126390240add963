// Package tenant decides what each reader of a stream may see. A file lists tokens, and the prefixes of the topics that
// each token's holder, the tenant, may read:
//
//	# NAME  TOKEN or its SHA-256            PREFIX…
//	acme    sha256:9f86d081884c7d65…        acme/ shared/
//	umbrella 4f1c0d6b5a39e2874f1c0d6b5a39e2  umbrella/
//	ops     sha256:60303ae22b998861…        *
//
// The file is read again when it has changed. A token is compared with all in the file, in a time that does not depend
// on which of them it resembles. Errors and log lines have names and the numbers of lines, never a token.
package tenant

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Tenant is who may read what. It is not changed. The zero value may read everything, and has no name.
type Tenant struct {
	Name     string
	prefixes []string // none: everything
	digest   [sha256.Size]byte

	ended   chan struct{} // closed when the token is removed, or may read something else; nil: never
	removed bool          // set before
}

// Everything reports whether the tenant may read all topics.
func (t *Tenant) Everything() bool { return len(t.prefixes) == 0 }

// Prefixes returns the prefixes of the topics that the tenant may read, none for everything. They must not be modified.
func (t *Tenant) Prefixes() []string { return t.prefixes }

// Ended returns a channel that is closed when the token has been removed, or what it may read has changed.
func (t *Tenant) Ended() <-chan struct{} { return t.ended }

// Removed reports which of the two has happened. It may be called once Ended is closed.
func (t *Tenant) Removed() bool { return t.removed }

// ErrForbidden is the error of topics that a tenant may not read. It does not depend on whether there are such topics.
var ErrForbidden = errors.New("not allowed")

// Allow returns what is left for the tenant of a request for all topics with one of these prefixes; none: of all
// topics. Of a prefix that some of the tenant's own begin with, these are left. If it may read nothing with one of the
// prefixes, the error is ErrForbidden, with what it may read.
func (t *Tenant) Allow(topics []string) ([]string, error) {
	if t.Everything() {
		return topics, nil
	}
	if len(topics) == 0 {
		return t.prefixes, nil
	}
	var allowed []string
	for _, topic := range topics {
		within := false
		for _, prefix := range t.prefixes {
			switch {
			case strings.HasPrefix(topic, prefix):
				allowed, within = append(allowed, topic), true
			case strings.HasPrefix(prefix, topic):
				allowed, within = append(allowed, prefix), true
			}
		}
		if !within {
			return nil, fmt.Errorf("%w: %s may read %s, and no other topics", ErrForbidden, t.Name, t.list())
		}
	}
	slices.Sort(allowed)
	return slices.Compact(allowed), nil
}

// mostListed is how many prefixes an error lists.
const mostListed = 10

// list lists the prefixes for people.
func (t *Tenant) list() string {
	text := "what begins with " + strings.Join(t.prefixes[:min(len(t.prefixes), mostListed)], ", ")
	if more := len(t.prefixes) - mostListed; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

// same reports whether nothing has changed for the holder of the token.
func (t *Tenant) same(other *Tenant) bool {
	return t.digest == other.digest && t.Name == other.Name && slices.Equal(t.prefixes, other.prefixes)
}

// end ends what is read with the token.
func (t *Tenant) end(removed bool) {
	t.removed = removed
	close(t.ended)
}
