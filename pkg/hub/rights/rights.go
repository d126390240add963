// Package rights says who may publish and who may subscribe to what at a hub. It reads the file of --curve-topics. Its
// lines give a certificate the prefixes of topics for one direction:
//
//	# certificate   direction   prefixes; * is everything
//	web1            publish     web.
//	web1            subscribe   web. alerts.
//	"night shift"   subscribe   *
//
// A certificate is its name, or its public key in Z85 if it has none. A name or a prefix with spaces in it, or one that
// begins with #, stands in double quotes, in which \" \\ \t and \xHH mean what they do in Go. Several lines for one
// name and direction add up. A name that is not in the file may do nothing, and neither may one without a line for a
// direction. The file is UTF-8.
//
// Nothing here does I/O.
package rights

import (
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// Limits of a file.
const (
	MaxSize     = 1 << 20 // bytes
	MaxName     = 255     // bytes of a name
	MaxPrefix   = 255     // bytes of a prefix
	MaxPrefixes = 1000    // of one name in one direction
)

// Rights is what a file says. It is never changed after Keep.
type Rights struct{ names map[string]*both }

// both are the rights of a name.
type both struct{ publish, subscribe right }

// right is what a name may do in one direction.
type right struct {
	prefixes []string    // sorted, none twice
	set      *prefix.Set // the same; shared by all connections of the name
}

// nothing is what others may do. It is never changed.
var nothing prefix.Set

// Publish returns what a name may publish. The set is not to be modified.
func (r *Rights) Publish(name string) *prefix.Set {
	if of := r.names[name]; of != nil {
		return of.publish.allowed()
	}
	return &nothing
}

// Subscribe returns what a name may subscribe to. The set is not to be modified.
func (r *Rights) Subscribe(name string) *prefix.Set {
	if of := r.names[name]; of != nil {
		return of.subscribe.allowed()
	}
	return &nothing
}

// Names returns how many names there are.
func (r *Rights) Names() int { return len(r.names) }

// Keep gives r the sets of the rights that have been the same in old. Pointers to sets then show what has changed.
func (r *Rights) Keep(old *Rights) {
	for name, of := range r.names {
		if before := old.names[name]; before != nil {
			of.publish.keep(&before.publish)
			of.subscribe.keep(&before.subscribe)
		}
	}
}

func (r *right) allowed() *prefix.Set {
	if r.set == nil {
		return &nothing
	}
	return r.set
}

func (r *right) keep(old *right) {
	if slices.Equal(r.prefixes, old.prefixes) {
		r.set = old.set
	}
}

// add adds prefixes, of which there are no more than MaxPrefixes together. It reports whether they fit.
func (r *right) add(prefixes []string) bool {
	for _, p := range prefixes {
		if i, known := slices.BinarySearch(r.prefixes, p); !known {
			r.prefixes = slices.Insert(r.prefixes, i, p)
		}
		if len(r.prefixes) > MaxPrefixes {
			return false
		}
	}
	return true
}

// finish makes the set.
func (r *right) finish() {
	if len(r.prefixes) == 0 {
		return
	}
	r.set = new(prefix.Set)
	for _, p := range r.prefixes {
		if !r.set.Match([]byte(p)) { // a shorter one comes before those that it covers
			r.set.Insert([]byte(p))
		}
	}
}
