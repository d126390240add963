package result

// Median returns the middle of values in ascending order, or the mean of the two in the middle; 0 if there are none.
func Median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// MannWhitney returns the two-sided p-value of the Mann-Whitney U test: the probability that values of one kind, dealt
// out at random as x and y, differ as much as these do. It is exact, with equal values too: it counts in how many ways
// the ranks can be dealt out. x and y are in ascending order and have at most a few hundred values.
func MannWhitney(x, y []float64) float64 {
	if len(x) == 0 || len(y) == 0 {
		return 1
	}
	ranks, sum := doubledRanks(x, y)
	most := 0
	for _, r := range ranks {
		most += r
	}
	// ways[k][s] is how many choices of k ranks have the sum s.
	ways := make([][]float64, len(x)+1)
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := len(x); k > 0; k-- {
			for s := most; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	var below, above, all float64
	for s, n := range ways[len(x)] {
		all += n
		if s <= sum {
			below += n
		}
		if s >= sum {
			above += n
		}
	}
	return min(1, 2*min(below, above)/all)
}

// doubledRanks returns twice the rank of each value in x and y together, and the sum of those of x. Equal values share
// their mean rank, whose double is a whole number.
func doubledRanks(x, y []float64) (ranks []int, sum int) {
	for i, j := 0, 0; i < len(x) || j < len(y); {
		value := 0.0
		if j == len(y) || (i < len(x) && x[i] <= y[j]) {
			value = x[i]
		} else {
			value = y[j]
		}
		before, ofX, equal := i+j, 0, 0
		for ; i < len(x) && x[i] == value; i++ {
			ofX, equal = ofX+1, equal+1
		}
		for ; j < len(y) && y[j] == value; j++ {
			equal++
		}
		rank := 2*before + equal + 1
		for range equal {
			ranks = append(ranks, rank)
		}
		sum += ofX * rank
	}
	return ranks, sum
}
