package status

import (
	"fmt"
	"time"
)

// What is no problem yet: it may pass by itself.
const (
	graceAway    = 10 * time.Second // an endpoint without a connection
	graceOwed    = 30 * time.Second // a message that is not confirmed
	graceStored  = 10 * time.Second // a destination that stores nothing
	graceRefused = 2 * time.Minute  // how long a refusal counts
	graceDead    = time.Minute      // a journal whose process is dead, which another takes over
)

// judge fills in Problems and Well. lonely is since when no peer has been connected to a program that needs one.
func (r *Report) judge(now, lonely time.Time) {
	for _, e := range r.Endpoints {
		switch {
		case e.Up || now.Sub(e.Since) < graceAway:
		case e.StandsBy && r.Connected > 0:
		case e.Bound:
			r.add(e.Since, "%s is not bound: %s", e.Endpoint, e.Reason)
		case e.Reason == "":
			r.add(e.Since, "%s does not answer", e.Endpoint)
		default:
			r.add(e.Since, "%s is away: %s", e.Endpoint, e.Reason)
		}
	}
	if !lonely.IsZero() && now.Sub(lonely) > graceAway && !r.connects() {
		r.add(lonely, "no receiver has connected")
	}
	if c := r.Refused; c != nil && r.Connected == 0 && now.Sub(c.At) < graceRefused {
		r.add(c.At, "connections are refused, the last one of %s: %s", c.Peer, c.Reason)
	}
	if n := r.NoRoom; n != nil {
		r.add(n.Since, "there is no room for a journal in %s: %s", n.Journal, n.Reason)
	}
	r.judgeOwed(now, r.Owed, "")
	r.judgeOwed(now, r.Orphans, " that an earlier omzmq has left")
	if f := r.Failure; f != nil && f.Lasts && r.Destination == nil {
		r.add(f.Since, "rsyslog was told of a failure: %s", f.Reason)
	}
	r.judgeDestination(now)
	r.Well = len(r.Problems) == 0
}

// judgeJournals names those with messages of a process that has been dead for longer than grace.
func (r *Report) judgeJournals(now time.Time, grace time.Duration) {
	for _, j := range r.Journals {
		switch {
		case j.Problem != "":
			r.add(now, "journal %s: %s", j.File, j.Problem)
		case j.Unconfirmed > 0 && j.Process == 0 && j.Dead >= grace:
			r.add(now.Add(-j.Dead), "journal %s: %d messages of an omzmq that has ended wait for the next one", j.File, j.Unconfirmed)
		}
	}
}

// add adds a problem.
func (r *Report) add(since time.Time, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{fmt.Sprintf(format, args...), since})
}

// connects reports whether the program connects to anything.
func (r *Report) connects() bool {
	for _, e := range r.Endpoints {
		if !e.Bound {
			return true
		}
	}
	return false
}

// judgeOwed looks at what is owed. which says which messages these are.
func (r *Report) judgeOwed(now time.Time, o *Owed, which string) {
	if o == nil {
		return
	}
	oldest := time.Duration(o.Oldest * float64(time.Second))
	if o.Refused > 0 {
		r.add(now.Add(-oldest), "%d messages%s are refused, and sent again: %s", o.Refused, which, o.Reason)
	} else if oldest > graceOwed {
		r.add(now.Add(-oldest), "%d messages%s are not confirmed", o.Unconfirmed, which)
	}
}

func (r *Report) judgeDestination(now time.Time) {
	d := r.Destination
	if d == nil {
		return
	}
	if d.Since != nil && now.Sub(*d.Since) > graceStored {
		if d.Reason == "" {
			r.add(*d.Since, "%s does not answer", d.To)
		} else {
			r.add(*d.Since, "%s stores nothing: %s", d.To, d.Reason)
		}
	}
	if d.Refuses != "" {
		r.add(r.Failure.At, "%s refuses messages: %s", d.To, d.Refuses)
	}
}
