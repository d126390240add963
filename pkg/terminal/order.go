package terminal

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Column is a column of the rates.
type Column int

const (
	ByRate Column = iota
	ByBytes
	ByTotal
	ByName
)

// Columns is the number of Column's values.
const Columns = 4

// Order is an order of rows: the greatest first, or the first name; Reverse turns that round.
type Order struct {
	By      Column
	Reverse bool
}

// Sort sorts rows. Rates are smoothed over some seconds, and a row's place follows its rate only when that has
// changed by more than chance would: rows that are about equally busy do not change places every second. anew
// forgets the places that rows have.
func (o Order) Sort(rows []*Row, anew bool) {
	for _, r := range rows {
		if value := o.value(r); anew || value == 0 || o.By == ByTotal || math.Abs(value-r.rank) > r.slack()*max(value, r.rank) {
			r.rank = value
		}
	}
	slices.SortFunc(rows, func(a, b *Row) int {
		c := o.compare(a, b)
		if o.Reverse {
			return -c
		}
		return c
	})
}

// slack returns how much of a smoothed rate, as a part of 1, may be chance: a quarter, or two standard deviations if
// messages come at random (Poisson), which is more where there are few. It is less than 1, so that a row that wakes up
// gets its place.
func (r *Row) slack() float64 {
	deviation := math.Sqrt(weight / (2 - weight) / r.smooth)
	return min(max(0.25, 2*deviation), 0.9)
}

func (o Order) value(r *Row) float64 {
	value := 0.
	switch o.By {
	case ByRate:
		value = r.smooth
	case ByBytes:
		value = r.smoothBytes
	case ByTotal:
		value = float64(r.Total)
	}
	if value < 1e-3 {
		return 0 // nothing for a while
	}
	return value
}

func (o Order) compare(a, b *Row) int {
	if o.By == ByName || a.rank == b.rank && (a.rank > 0 || a.Total == b.Total) {
		if a.Rest != b.Rest {
			return cmp.Compare(a.number(), b.number())
		}
		return strings.Compare(a.Key, b.Key)
	}
	return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(b.Total, a.Total))
}

func (r *Row) number() int {
	if r.Rest {
		return 1
	}
	return 0
}

// busier orders rows by their rates, then by their totals.
func busier(a, b *Row) int {
	if a.Rate != b.Rate {
		return cmp.Compare(b.Rate, a.Rate)
	}
	return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Key, b.Key))
}
