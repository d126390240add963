package status

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

// mostRows is how many peers, and how many journals, a table shows.
const mostRows = 20

// Write writes a report for people. now is the time there.
func (r *Report) Write(w io.Writer, now time.Time) {
	title := fmt.Sprintf("%s, pid %d", clean(r.Program), r.Process)
	if r.Name != "" {
		title = fmt.Sprintf("%s %q, pid %d", clean(r.Program), r.Name, r.Process)
	}
	verdict := "WELL"
	if !r.Well {
		verdict = "NOT WELL"
	}
	fmt.Fprintf(w, "%s, user %s, version %s, up for %s: %s\n", title, clean(r.User), clean(r.Version), ago(now, r.Started), verdict)
	for _, p := range r.Problems {
		fmt.Fprintf(w, "  ! %s (for %s)\n", clean(p.What), ago(now, p.Since))
	}
	for _, e := range r.Endpoints {
		fmt.Fprintf(w, "  %-12s %s  %s\n", role(e), clean(e.Endpoint), r.state(e, now))
	}
	if c := r.Refused; c != nil {
		fmt.Fprintf(w, "  %-12s %s, %s ago%s\n", "refused", clean(c.Peer), ago(now, c.At), r.because(c.Reason))
	}
	r.writePeers(w, now)
	if o := r.Owed; o != nil && o.Unconfirmed > 0 {
		fmt.Fprintf(w, "  %-12s %s, the oldest for %s\n", "unconfirmed", count(o.Unconfirmed), lasting(o.Oldest))
	} else if o != nil {
		fmt.Fprintf(w, "  %-12s nothing\n", "unconfirmed")
	}
	if d := r.Destination; d != nil {
		at := "stored nothing yet"
		if d.Stored != nil {
			at = "stored last " + ago(now, *d.Stored) + " ago"
		}
		if d.Since != nil {
			at += "; away for " + ago(now, *d.Since) + r.because(d.Reason)
		}
		fmt.Fprintf(w, "  %-12s %s  %s\n", "to", clean(d.To), at)
	}
	r.writeNumbers(w)
	if f := r.Failure; f != nil {
		fmt.Fprintf(w, "  %-12s %s ago%s\n", "last failure", ago(now, f.At), r.because(f.Reason))
	}
	writeJournals(w, r.Journals)
}

func role(e Endpoint) string {
	if e.Bound {
		return "listens at"
	}
	return "connects to"
}

// because returns a colon and a reason; nothing if a problem has told it.
func (r *Report) because(reason string) string {
	if reason == "" || slices.ContainsFunc(r.Problems, func(p Problem) bool { return strings.Contains(p.What, reason) }) {
		return ""
	}
	return ": " + clean(reason)
}

func (r *Report) state(e Endpoint, now time.Time) string {
	switch {
	case e.Up:
		return "up for " + ago(now, e.Since)
	case e.StandsBy:
		return "stands by"
	case e.Reason == "":
		return "no answer yet, for " + ago(now, e.Since)
	}
	return "away for " + ago(now, e.Since) + r.because(e.Reason)
}

// writePeers writes the peers, those with the most unconfirmed, dropped and queued messages first.
func (r *Report) writePeers(w io.Writer, now time.Time) {
	peers := slices.Clone(r.Peers)
	slices.SortStableFunc(peers, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(b.Unconfirmed, a.Unconfirmed), cmp.Compare(b.Dropped, a.Dropped), cmp.Compare(b.Queued, a.Queued))
	})
	for _, p := range peers[:min(len(peers), mostRows)] {
		var more []string
		if p.User != "" {
			more = append(more, "user "+clean(p.User))
		}
		for _, n := range []struct {
			n    int
			what string
		}{{p.Unconfirmed, "unconfirmed"}, {p.Queued, "queued"}, {int(p.Dropped), "dropped"}} {
			if n.n > 0 {
				more = append(more, count(n.n)+" "+n.what)
			}
		}
		line := fmt.Sprintf("  %-12s %s  for %s  %s", "peer", clean(p.Peer), ago(now, p.Since), strings.Join(more, ", "))
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	if more := r.Connected - min(len(peers), mostRows); more > 0 {
		fmt.Fprintf(w, "  %-12s and %s more\n", "", count(more))
	}
}

// writeNumbers writes what was counted, and how much a second in the last minute, a line.
func (r *Report) writeNumbers(w io.Writer) {
	names := make([]string, 0, len(r.Rates))
	for name := range r.Rates {
		if r.Numbers[name] > 0 && !strings.Contains(name, "milliseconds") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(r.Numbers[b], r.Numbers[a]), cmp.Compare(a, b)) })
	for _, name := range names {
		what := strings.ReplaceAll(strings.TrimSuffix(clean(name), "_total"), "_", " ")
		fmt.Fprintf(w, "  %-12s %s (%s a second)\n", what, count(int(r.Numbers[name])), rate(r.Rates[name]))
	}
}

func writeJournals(w io.Writer, journals []spool.Content) {
	for i, j := range journals {
		if i == mostRows {
			fmt.Fprintf(w, "  %-12s and %s more\n", "", count(len(journals)-mostRows))
			return
		}
		owner := "of pid " + strconv.Itoa(j.Process)
		if j.Process == 0 {
			owner = "of an omzmq that has ended"
		}
		if j.Problem != "" {
			owner = clean(j.Problem)
		}
		fmt.Fprintf(w, "  %-12s %s  %s unconfirmed, %s\n", "journal", clean(j.File), count(j.Unconfirmed), owner)
	}
}

// ago returns how long ago a moment was, with two units at most.
func ago(now, then time.Time) string { return lasting(now.Sub(then).Seconds()) }

func lasting(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}

// count returns a number with commas.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func rate(perSecond float64) string {
	if perSecond < 10 {
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return count(int(perSecond + 0.5))
}

// clean takes out what a terminal would obey: some texts are a peer's, and a whole report may be another user's.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
