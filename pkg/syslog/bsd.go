package syslog

import "time"

// rfc3164 reads "Oct 11 22:14:15" at the beginning of b and returns its length, 0 if there is none. As rsyslog does, it
// accepts what devices add: a year before or after the date, a fraction, a colon at the end, a day of one digit.
//
//	[2026 ]Oct 11[ 2026] 22:14:15[.003][:]
func rfc3164(b []byte) (s stamp, n int) {
	if year, end := digits(b, 0, 4); end == 4 && plausible(year) && end < len(b) && b[end] == ' ' {
		s.year, n = year, end+1
	}
	if len(b)-n < len("Oct 1 22:14:15") || b[n+3] != ' ' {
		return s, 0
	}
	if s.month = monthOf(b[n], b[n+1], b[n+2]); s.month == 0 {
		return s, 0
	}
	n += 4
	if b[n] == ' ' {
		n++
	}
	s.day, n = digits(b, n, 2)
	if s.day < 1 || s.day > 31 || n >= len(b) || b[n] != ' ' {
		return s, 0
	}
	n++
	if year, end := digits(b, n, 4); s.year == 0 && end == n+4 && plausible(year) && end < len(b) && b[end] == ' ' {
		s.year, n = year, end+1
	}
	if n = s.clock(b, n, '.'); n == 0 {
		return s, 0
	}
	if n < len(b) && b[n] == ':' {
		n++
	}
	return s, n
}

// plausible reports whether a number may be a year, and not a part of a host's name.
func plausible(year int) bool { return 1970 <= year && year < 2100 }

// monthOf returns the month with this abbreviation, in upper or lower case; 0 if there is none.
func monthOf(a, b, c byte) time.Month {
	switch uint32(a|0x20)<<16 | uint32(b|0x20)<<8 | uint32(c|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return time.January
	case 'f'<<16 | 'e'<<8 | 'b':
		return time.February
	case 'm'<<16 | 'a'<<8 | 'r':
		return time.March
	case 'a'<<16 | 'p'<<8 | 'r':
		return time.April
	case 'm'<<16 | 'a'<<8 | 'y':
		return time.May
	case 'j'<<16 | 'u'<<8 | 'n':
		return time.June
	case 'j'<<16 | 'u'<<8 | 'l':
		return time.July
	case 'a'<<16 | 'u'<<8 | 'g':
		return time.August
	case 's'<<16 | 'e'<<8 | 'p':
		return time.September
	case 'o'<<16 | 'c'<<8 | 't':
		return time.October
	case 'n'<<16 | 'o'<<8 | 'v':
		return time.November
	case 'd'<<16 | 'e'<<8 | 'c':
		return time.December
	}
	return 0
}
