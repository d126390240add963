package terminal

import "time"

// clock writes times for people. Most messages are of the same second as the one before, and so is their text.
type clock struct {
	zone             *time.Location // that they are shown in; nil: this host's
	second, received int64          // the text's, since 1970
	text             []byte
}

// Layouts of a time: of the day on which the message was received, and of another.
const (
	timeLayout = "15:04:05"
	dateLayout = "2006-01-02"
)

// append appends the time of a message. One that was not logged on the day on which it was received, as with a hub's
// replay or where a clock is wrong, has its date.
func (c *clock) append(dst []byte, t, received time.Time) []byte {
	if t.IsZero() {
		return append(dst, '-')
	}
	if t.Unix() != c.second || received.Unix() != c.received || len(c.text) == 0 {
		c.second, c.received = t.Unix(), received.Unix()
		t = c.in(t)
		layout := timeLayout
		if year, month, day := t.Date(); !received.IsZero() {
			if y, m, d := c.in(received).Date(); y != year || m != month || d != day {
				layout = dateLayout + "T" + timeLayout
			}
		}
		c.text = t.AppendFormat(c.text[:0], layout)
	}
	return append(dst, c.text...)
}

// in returns a time in the zone that it is shown in.
func (c *clock) in(t time.Time) time.Time {
	if c.zone != nil {
		return t.In(c.zone)
	}
	return t.Local()
}
