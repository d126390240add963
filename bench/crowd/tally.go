package main

import "bytes"

// tally is what one reader has got.
type tally struct {
	received uint64 // messages
	missed   uint64 // as many did the hub say to have dropped for it
	gone     uint64 // as many did the hub say to have been dropped by publishers
	leftOut  uint64 // numbers that were left out
	disorder uint64 // numbers that were not greater than the one before
	next     uint64 // the number that should come now
	last     uint64 // the number of the last message
}

const mark, theEnd = "]: ", "the end "

// message counts a message of which payload is the beginning; end: it was the last one.
func (t *tally) message(payload []byte) (end bool) {
	t.received++
	at := bytes.Index(payload, []byte(mark))
	if at < 0 {
		t.disorder++
		return false
	}
	rest := payload[at+len(mark):]
	if count, end := bytes.CutPrefix(rest, []byte(theEnd)); end {
		t.last = leadingNumber(count)
		return true
	}
	number := leadingNumber(rest)
	if number < t.next {
		t.disorder++
		return false
	}
	t.leftOut += number - t.next
	t.next = number + 1
	return false
}

// leadingNumber is the number that text begins with, 0 if there is none.
func leadingNumber(text []byte) (n uint64) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}
