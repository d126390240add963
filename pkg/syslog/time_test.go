package syslog_test

import (
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// A time without a year is in the year that makes it nearest.
func TestYear(t *testing.T) {
	east := time.FixedZone("", 9*3600)
	for _, c := range []struct {
		received   time.Time
		line, want string
	}{
		{time.Date(2027, 1, 1, 0, 0, 5, 0, time.UTC), "Dec 31 23:59:58", "2026-12-31T23:59:58Z"},
		{time.Date(2026, 12, 31, 23, 59, 58, 0, time.UTC), "Jan  1 00:00:02", "2027-01-01T00:00:02Z"},
		{time.Date(2027, 1, 1, 0, 0, 5, 0, east), "Dec 31 23:59:58", "2026-12-31T23:59:58+09:00"},
		{time.Date(2027, 1, 1, 0, 0, 5, 0, east), "Jan  1 00:00:02", "2027-01-01T00:00:02+09:00"},
		{time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC), "Jan  1 12:00:00", "2026-01-01T12:00:00Z"},
		{time.Date(2026, 7, 3, 12, 0, 0, 0, time.UTC), "Jan  1 12:00:00", "2027-01-01T12:00:00Z"},
		{time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC), "Dec 31 12:00:01", "2026-12-31T12:00:01Z"},
		{time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), "Dec 31 12:00:01", "2025-12-31T12:00:01Z"},
		{time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC), "Feb 29 23:00:00", "2028-02-29T23:00:00Z"},
		{time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), "Feb 29 23:00:00", "2028-02-29T23:00:00Z"},
		{time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), "Feb 29 23:00:00", "2024-02-29T23:00:00Z"},
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "Feb 29 23:00:00", "0001-01-01T00:00:00Z"},
		{time.Date(2100, 2, 1, 0, 0, 0, 0, time.UTC), "Feb 29 23:00:00", "0001-01-01T00:00:00Z"},
		{time.Date(2026, 7, 2, 12, 0, 0, 0, east), "2000 Feb 29 23:00:00", "2000-02-29T23:00:00+09:00"},
		{time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC), "Apr 31 23:00:00", "0001-01-01T00:00:00Z"},
		{time.Time{}, "Oct 11 22:14:15", "0001-01-01T00:00:00Z"},
		{time.Time{}, "Oct 11 2026 22:14:15", "2026-10-11T22:14:15Z"},
		{time.Time{}, "2026-10-11T22:14:15+02:00", "2026-10-11T22:14:15+02:00"},
		{time.Date(2026, 7, 2, 12, 0, 0, 0, east), "2026-10-11T22:14:15.000000001Z", "2026-10-11T22:14:15.000000001Z"},
		{time.Date(2026, 7, 2, 12, 0, 0, 0, east), "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
		{time.Date(2026, 7, 2, 12, 0, 0, 0, east), "0000-10-11T22:14:15Z", "0001-01-01T00:00:00Z"},
	} {
		h := syslog.Parse([]byte("<13>"+c.line+" web1 app: text"), c.received)
		if got := h.Time.Format(time.RFC3339Nano); got != c.want {
			t.Errorf("%s, received %v, is %s, want %s", c.line, c.received, got, c.want)
		}
	}
}

// A time with a zone is what time.Date makes of it, on every kind of day.
func TestDays(t *testing.T) {
	day, last := time.Date(1, 1, 1, 23, 59, 59, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for step := 1; day.Before(last); step = step%73 + 1 { // all days of a year, in turn
		for _, zone := range []string{"Z", "+13:45", "-11:00"} {
			written := day.Format("2006-01-02T15:04:05.000000001") + zone
			want, err := time.Parse(time.RFC3339Nano, written)
			if err != nil {
				t.Fatal(err)
			}
			if got := syslog.Parse([]byte("<13>1 "+written+" h a - - - "), time.Time{}).Time; !got.Equal(want) {
				t.Fatalf("%s is %v", written, got)
			}
		}
		day = day.AddDate(0, 0, step)
	}
}
