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

// ErrNone is what Print returns if there is nobody to ask.
var ErrNone = errors.New("none is running on this host, or only in other containers or network namespaces; " +
	"a program that answers at --metrics elsewhere can be asked by that address")

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
	if len(answers) == 0 && q.Journal == "" {
		return ErrNone
	}
	folder := Report{Journals: journals}
	folder.judgeJournals(time.Now(), 0)
	well := len(folder.Problems) == 0
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
	if err == nil && !well {
		err = ErrNotWell
	}
	return err
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
	if q.Journal != "" {
		fmt.Fprintf(w, "journals in %s\n", q.Journal)
		for _, p := range folder.Problems {
			fmt.Fprintf(w, "  ! %s (for %s)\n", clean(p.What), ago(now, p.Since))
		}
		writeJournals(w, folder.Journals)
	}
}
