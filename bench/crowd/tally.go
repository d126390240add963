package main

import "bytes"

// tally is what one reader has received.
type tally struct {
	received uint64 // messages
	missed   uint64 // messages that the hub reports as dropped for this reader
	gone     uint64 // messages that the hub reports as dropped by publishers
	leftOut  uint64 // numbers that were left out
	disorder uint64 // numbers that were not greater than the one before
	next     uint64 // the next number expected
	last     uint64 // the number of the last message
}

const mark, theEnd = "]: ", "the end "

// message counts a message that begins with payload; end reports whether it was the last one.
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

// leadingNumber returns the number at the beginning of text, 0 if there is none.
func leadingNumber(text []byte) (n uint64) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}
