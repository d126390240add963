package message

import "fmt"

// Count returns a number with what it counts: one has the words for a single message, many for any other number.
func Count[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
