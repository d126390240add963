package syslog

import (
	"sync/atomic"
	"time"
)

// stamp is a time as it is written.
type stamp struct {
	year                 int // 0: none
	month                time.Month
	day                  int
	hour, minute, second int // a second may be the 60th
	nanosecond           int
	zoned                bool
	offset               time.Duration // of its zone, east of UTC
}

// time returns the time that s means, in its zone or, if it has none, in the location of received; the zero time if
// there is no such day.
func (s *stamp) time(received time.Time) time.Time {
	switch {
	case s.year != 0:
		if t, ok := s.in(s.year, received.Location()); ok && !t.IsZero() {
			return t
		}
		return time.Time{} // Go programs write it for a time that they do not know
	case received.IsZero():
		return time.Time{}
	}
	var nearest time.Time
	distance := time.Duration(-1)
	this := received.Year()
	for _, year := range [...]int{this, this - 1, this + 1} {
		t, ok := s.in(year, received.Location())
		if !ok {
			continue
		}
		if d := t.Sub(received).Abs(); distance < 0 || d < distance {
			nearest, distance = t, d
		}
		if distance < 180*24*time.Hour {
			break
		}
	}
	return nearest
}

// in returns the time in a year.
func (s *stamp) in(year int, location *time.Location) (time.Time, bool) {
	if s.day > 28 && s.day > daysIn(s.month, year) {
		return time.Time{}, false
	}
	if s.zoned { // time.Date would look for the offset twice in the location
		clock := time.Duration(s.hour)*time.Hour + time.Duration(s.minute)*time.Minute + time.Duration(s.second)*time.Second
		seconds := daysSince1970(year, s.month, s.day)*secondsOfDay + int64((clock-s.offset)/time.Second)
		return time.Unix(seconds, int64(s.nanosecond)).In(zone(s.offset)), true
	}
	return time.Date(year, s.month, s.day, s.hour, s.minute, s.second, s.nanosecond, location), true
}

const (
	minutesOfDay = 24 * 60
	secondsOfDay = minutesOfDay * 60
)

// daysBefore are the days of a year before each month, if February has 28.
var daysBefore = [...]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// daysSince1970 returns the number of a day, in the years from 0 on; of 1 January 1970, that is 0.
func daysSince1970(year int, month time.Month, day int) int64 {
	leaps := year // of the years whose leap day has passed
	if month <= time.February {
		leaps--
	}
	const leapsBefore1970, daysBefore1970 = 1969/4 - 1969/100 + 1969/400, 1970 * 365
	return int64(365*year - daysBefore1970 + leaps/4 - leaps/100 + leaps/400 - leapsBefore1970 + daysBefore[month-1] + day - 1)
}

// zones are the locations of the offsets that have occurred, by the minute.
var zones [2 * minutesOfDay]atomic.Pointer[time.Location]

// zone returns the location with an offset of less than a day.
func zone(offset time.Duration) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	known := &zones[minutesOfDay+offset/time.Minute]
	if known.Load() == nil {
		known.Store(time.FixedZone("", int(offset/time.Second)))
	}
	return known.Load()
}

func daysIn(month time.Month, year int) int {
	switch month {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// headerTime reads the time that a header begins with, and the space after it. rsyslog accepts a space before one of
// RFC 3164, too.
func headerTime(b []byte) (s stamp, rest []byte, ok bool) {
	if len(b) == 0 {
		return s, nil, false
	}
	n := 0
	if '0' <= b[0] && b[0] <= '9' {
		s, n = rfc3339(b)
	}
	if n == 0 {
		if b[0] == ' ' {
			b = b[1:]
		}
		s, n = rfc3164(b)
	}
	if n == 0 || n < len(b) && b[n] != ' ' {
		return s, nil, false
	}
	return s, b[min(n+1, len(b)):], true
}

// rfc3339 reads "2026-10-11T22:14:15.003+02:00" (RFC 3339, RFC 5424) at the beginning of b and returns its length, 0 if
// there is none.
func rfc3339(b []byte) (s stamp, n int) {
	n = s.date(b)
	if n == 0 || n >= len(b) || b[n] != 'T' {
		return s, 0
	}
	if n = s.clock(b, n+1, '.'); n == 0 {
		return s, 0
	}
	return s, s.zone(b, n)
}

// date reads "2026-10-11" at the beginning of b and returns the position after it, or 0.
func (s *stamp) date(b []byte) int {
	const length = len("2026-10-11")
	if len(b) < length || b[4] != '-' || b[7] != '-' {
		return 0
	}
	century, year, month, day := two(b, 0), two(b, 2), two(b, 5), two(b, 8)
	if century|year|month|day < 0 || century|year == 0 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0
	}
	s.year, s.month, s.day = 100*century+year, time.Month(month), day
	return length
}

// clock reads "22:14:15.003" at i and returns the position after it, or 0. Fractions are cut off after the nanosecond.
func (s *stamp) clock(b []byte, i int, point byte) int {
	const length = len("22:14:15")
	if len(b)-i < length || b[i+2] != ':' || b[i+5] != ':' {
		return 0
	}
	s.hour, s.minute, s.second = two(b, i), two(b, i+3), two(b, i+6)
	if s.hour|s.minute|s.second < 0 || s.hour > 23 || s.minute > 59 || s.second > 60 {
		return 0
	}
	end := i + length
	if end < len(b) && b[end] == point {
		s.nanosecond, end = fraction(b, end+1)
	}
	return end
}

// zone reads "Z" or "+02:00" at i and returns the position after it, or 0.
func (s *stamp) zone(b []byte, i int) int {
	const length = len("+02:00")
	if i < len(b) && b[i] == 'Z' {
		s.zoned = true
		return i + 1
	}
	if len(b)-i < length || b[i] != '+' && b[i] != '-' || b[i+3] != ':' {
		return 0
	}
	hours, minutes := two(b, i+1), two(b, i+4)
	if hours|minutes < 0 || hours > 23 || minutes > 59 {
		return 0
	}
	s.setZone(b[i], hours, minutes)
	return i + length
}

func (s *stamp) setZone(sign byte, hours, minutes int) {
	s.zoned, s.offset = true, time.Duration(hours)*time.Hour+time.Duration(minutes)*time.Minute
	if sign == '-' {
		s.offset = -s.offset
	}
}

// two reads two digits at i, and returns -1 for anything else.
func two(b []byte, i int) int {
	tens, ones := b[i]-'0', b[i+1]-'0'
	if tens > 9 || ones > 9 {
		return -1
	}
	return 10*int(tens) + int(ones)
}

// digits reads at most that many digits at i and returns the position after them.
func digits(b []byte, i, most int) (n, end int) {
	for end = i; end < len(b) && end-i < most && '0' <= b[end] && b[end] <= '9'; end++ {
		n = 10*n + int(b[end]-'0')
	}
	return n, end
}

// fraction reads digits after a decimal point, as billionths.
func fraction(b []byte, i int) (n, end int) {
	const most = 9
	n, end = digits(b, i, most)
	for places := end - i; places < most; places++ {
		n *= 10
	}
	for end < len(b) && '0' <= b[end] && b[end] <= '9' {
		end++
	}
	return n, end
}
