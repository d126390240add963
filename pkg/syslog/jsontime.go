package syslog

import "time"

// jsonTime reads the time in a member of a JSON object: a string with a time of RFC 3339 or RFC 3164, or with the
// variants of RFC 3339 that loggers write, or the time since 1970 as a number or a string. It returns the zero time for
// anything else.
func jsonTime(value []byte, received time.Time) time.Time {
	if value[0] == '"' {
		value = value[1 : len(value)-1]
	}
	if len(value) == 0 {
		return time.Time{}
	}
	if t := epoch(value); !t.IsZero() {
		return t.In(received.Location())
	}
	s, n := variant(value)
	if n == 0 {
		s, n = rfc3164(value)
	}
	if n == 0 || n != len(value) {
		return time.Time{}
	}
	return s.time(received)
}

// variant reads a time of RFC 3339, in which the T may be a space, the point a comma, the zone "+0200", "+02" or
// missing, and any letter small.
func variant(b []byte) (s stamp, n int) {
	n = s.date(b)
	if n == 0 || n >= len(b) || b[n] != ' ' && b[n]|0x20 != 't' {
		return s, 0
	}
	at := n + 1
	if n = s.clock(b, at, '.'); n < len(b) && b[n] == ',' {
		n = s.clock(b, at, ',')
	}
	if n == 0 || n == len(b) {
		return s, n
	}
	if end := s.zone(b, n); end != 0 {
		return s, end
	}
	if b[n] == 'z' {
		s.zoned = true
		return s, n + 1
	}
	return s, s.shortZone(b, n)
}

// shortZone reads "+0200" or "+02" at i and returns the position after it, or 0.
func (s *stamp) shortZone(b []byte, i int) int {
	if b[i] != '+' && b[i] != '-' {
		return 0
	}
	hours, hoursEnd := digits(b, i+1, 2)
	minutes, end := digits(b, hoursEnd, 2)
	if hoursEnd != i+3 || end != i+3 && end != i+5 || hours > 23 || minutes > 59 {
		return 0
	}
	s.setZone(b[i], hours, minutes)
	return end
}

// epoch reads the time since 1970, in a unit that the number of digits tells: 9 to 11 are seconds (since 1973), 12 to
// 14 milliseconds, 15 to 17 microseconds, 18 and 19 nanoseconds. A fraction may follow.
func epoch(b []byte) time.Time {
	end := 0
	n := int64(0)
	for ; end < len(b) && end < 19 && '0' <= b[end] && b[end] <= '9'; end++ {
		n = 10*n + int64(b[end]-'0') // negative if it is too large
	}
	unit := int64(0)
	switch {
	case end < 9 || n < 0:
		return time.Time{}
	case end < 12:
		unit = 1_000_000_000
	case end < 15:
		unit = 1_000_000
	case end < 18:
		unit = 1000
	default:
		unit = 1
	}
	nanoseconds := n % (1_000_000_000 / unit) * unit
	if end < len(b) && b[end] == '.' {
		var billionths int
		billionths, end = fraction(b, end+1)
		nanoseconds += int64(billionths) * unit / 1_000_000_000
	}
	if end != len(b) {
		return time.Time{}
	}
	return time.Unix(n/(1_000_000_000/unit), nanoseconds)
}
