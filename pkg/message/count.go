package message

import "strconv"

// Count returns a number with what it counts: one has the words for a single message, many for any other number.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
