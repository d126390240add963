package prefix

// Map holds one value for each of many keys, and returns the values in the order of their keys. The zero value is
// empty. Its owner guards it.
type Map[V any] struct{ root node[held[V]] }

// held is the value of a key, or what a node without one has.
type held[V any] struct {
	value V
	set   bool
}

func (h held[V]) vacant() bool { return !h.set }

// Set gives key, which is copied, a value.
func (m *Map[V]) Set(key []byte, value V) { m.root.grow(key).value = held[V]{value, true} }

// Delete removes key, if it is there.
func (m *Map[V]) Delete(key []byte) {
	if n := m.root.find(key); n != nil {
		n.value = held[V]{}
		m.root.prune(key)
	}
}

// From returns the value of the first key that is not less than key. Repeated calls find all keys with a prefix: begin
// with the prefix, and go on from each key found, with a zero byte appended, for as long as the keys have the prefix.
func (m *Map[V]) From(key []byte) (value V, found bool) {
	n := m.root.seek(key)
	if n == nil {
		return value, false
	}
	return n.value.value, true
}
