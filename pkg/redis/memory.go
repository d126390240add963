package redis

import "slices"

// numbersPerField is how many of a sender's numbers one field of its memory in Redis covers. store.lua depends on it
// only in how many fields it allows.
const numbersPerField = 1024

// marks holds the numbers of one field that are to be remembered.
type marks struct {
	field       uint64 // number / numbersPerField
	bits        [numbersPerField / 8]byte
	first, last int // the first and the last byte of bits that is not zero
}

// span returns the bytes from first to last.
func (m *marks) span() []byte { return m.bits[m.first : m.last+1] }

// mark adds a number to the marks of its field, which is mostly the field of the number before.
func mark(all []marks, seq uint64) []marks {
	field, bit := seq/numbersPerField, int(seq%numbersPerField)
	i := len(all) - 1
	for i >= 0 && all[i].field != field {
		i--
	}
	if i < 0 {
		all = slices.Grow(all, 1)[:len(all)+1]
		i = len(all) - 1
		all[i] = marks{field: field, first: bit / 8, last: bit / 8}
	}
	m := &all[i]
	m.bits[bit/8] |= 1 << (bit % 8)
	m.first, m.last = min(m.first, bit/8), max(m.last, bit/8)
	return all
}

// stored reports whether a number is in the bitmap that Redis has for its field.
func stored(bitmap string, seq uint64) bool {
	bit := int(seq % numbersPerField)
	return bit/8 < len(bitmap) && bitmap[bit/8]&(1<<(bit%8)) != 0
}
