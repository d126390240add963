package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status/running"
)

// Question is what an operator wants to know.
type Question struct {
	Program   string   // omzmq, imzmq or zmqtap
	Addresses []string // --metrics addresses to ask; none: all running programs of this host
	Journal   string   // a folder of journals to look into, in addition; "": none
	JSON      bool
}

// ErrNotWell is what Print returns if not all is well. It has printed why.
var ErrNotWell = errors.New("not all is well")

// ErrNone is among the errors of Print if there is nobody to ask.
var ErrNone = errors.New("none is running on this host, or only in other containers or network namespaces; " +
	"a program that answers at --metrics elsewhere can be asked by that address")

// unstarted says where the reason stands if a program cannot start: it does not run, and nobody can ask it.
func unstarted(program string) string {
	if program == "omzmq" {
		return "if rsyslog cannot start it, the reason is in the file of output= in the action"
	}
	return "if its service cannot start, journalctl -u SERVICE has the reason"
}

// Print asks, and prints the answers. It returns nil if all is well.
func (q Question) Print(ctx context.Context, stdout io.Writer) error {
	answers, err := Ask(ctx, q.Program, q.Addresses)
	if err != nil {
		return err
	}
	var journals []spool.Content
	if q.Journal != "" {
		if journals, err = spool.Survey(ctx, q.Journal); err != nil {
			return fmt.Errorf("--journal: %w", err)
		}
	}
	nobody := len(answers) == 0 && q.Journal == ""
	folder := Report{Journals: journals}
	folder.judgeJournals(time.Now(), 0)
	well := len(folder.Problems) == 0 && !nobody
	reports := []*Report{}
	for _, a := range answers {
		if a.Report != nil {
			reports = append(reports, a.Report)
		}
		well = well && a.Report != nil && a.Report.Well
	}
	if q.JSON {
		err = json.NewEncoder(stdout).Encode(struct {
			Well     bool            `json:"well"`
			Programs []*Report       `json:"programs"`
			Unasked  []string        `json:"unasked"`
			Journals []spool.Content `json:"journals,omitempty"`
		}{well, reports, unasked(answers), journals})
	} else {
		q.print(stdout, answers, folder)
	}
	switch {
	case err != nil:
		return err
	case nobody:
		return fmt.Errorf("%w; %s", ErrNone, unstarted(q.Program))
	case !well:
		return ErrNotWell
	}
	return nil
}

func unasked(answers []Answer) []string {
	why := []string{}
	for _, a := range answers {
		if a.Err != nil {
			why = append(why, fmt.Sprintf("%s: %v", a.From, a.Err))
		}
	}
	return why
}

func (q Question) print(w io.Writer, answers []Answer, folder Report) {
	now := time.Now()
	for i, a := range answers {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if a.Report != nil {
			a.Report.Write(w, now)
			continue
		}
		from := a.From
		if n, ok := running.Parse(from); ok {
			from = fmt.Sprintf("%s of uid %d", n.Program, n.User)
		}
		fmt.Fprintf(w, "%s: NOT WELL\n  ! it cannot be asked: %v\n", from, a.Err)
	}
	if q.Journal == "" {
		return
	}
	if len(answers) == 0 {
		fmt.Fprintf(w, "no %s is running here: %s\n", q.Program, unstarted(q.Program))
	}
	fmt.Fprintf(w, "journals in %s\n", clean(q.Journal))
	if len(folder.Journals) == 0 {
		fmt.Fprintln(w, "  none: omzmq makes one when it starts, if there is room, and removes it at its end when all is confirmed")
	}
	for _, p := range folder.Problems {
		fmt.Fprintf(w, "  ! %s (for %s)\n", clean(p.What), ago(now, p.Since))
	}
	writeJournals(w, folder.Journals)
}
