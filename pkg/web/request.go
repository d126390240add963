package web

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// Limits of what a request may ask for.
const (
	maxTopics = 100
	maxTopic  = 255 // bytes
)

// request is what a reader wants.
type request struct {
	interest tap.Interest
	filter   filter
	events   bool // Server-Sent Events, not plain text
	raw      bool // plain text with the bytes as they are
	stranger bool // its Last-Event-ID is another process's
	who      *tenant.Tenant
}

// parse returns what a tenant asks for, without what it may not read. The error is tenant.ErrForbidden if that is
// all of a topic.
func (s *Server) parse(r *http.Request, who *tenant.Tenant) (request, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // ParseQuery leaves out what it cannot read, perhaps a filter
		return request{}, fmt.Errorf("the query cannot be read: %w; write %%25 for %%, %%26 for &, %%3B for ; and %%2B for +", err)
	}
	if err := known(query); err != nil {
		return request{}, err
	}
	q := request{
		interest: tap.Interest{Topics: query["topic"], Queue: s.cfg.Queue, QueueBytes: queueBytes},
		events:   acceptsEvents(r.Header.Values("Accept")),
		raw:      query.Get("raw") == "1",
		who:      who,
	}
	switch raw := query.Get("raw"); {
	case raw != "" && raw != "0" && raw != "1":
		return q, fmt.Errorf("raw=%.20q: write 1 for the bytes as they are, or 0", raw)
	case q.raw && q.events:
		return q, errors.New("raw=1 is for plain text: events have the bytes in their JSON")
	}
	if len(q.interest.Topics) > maxTopics {
		return q, fmt.Errorf("topic is given more than %d times", maxTopics)
	}
	for _, topic := range q.interest.Topics {
		if len(topic) > maxTopic {
			return q, fmt.Errorf("a topic of more than %d bytes", maxTopic)
		}
	}
	if text := query.Get("grep"); text != "" {
		q.filter.turns = s.turns
		if q.filter.expression, q.filter.cost, err = compile(text); err != nil {
			return q, err
		}
	}
	if text := query.Get("last"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return q, fmt.Errorf("last=%.20q: write a number of messages", text)
		}
		q.interest.Last = int(n)
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" && q.events {
		q.resume(id, s.ids(who))
	}
	q.interest.Topics, err = who.Allow(q.interest.Topics)
	q.interest.Restricted = !who.Everything()
	return q, err
}

// known refuses parameters that are misspelt, or repeated where only one counts: to ignore them would show
// more than was asked for.
func known(query url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case name == "topic":
		case name != "grep" && name != "last" && name != "raw":
			return fmt.Errorf("unknown parameter %.40q: topic, grep, last and raw are known", name)
		case len(query[name]) > 1:
			return fmt.Errorf("%s is given more than once; only topic may be", name)
		}
	}
	return nil
}

// resume continues after one of our events, or with all that is remembered if the event is another process's.
func (q *request) resume(text string, of ids) {
	q.interest.Resume = true
	id, ours := of.parse(text)
	if q.stranger = !ours; ours {
		q.interest.After = id
	}
}

// acceptsEvents reports whether the Accept headers name text/event-stream.
func acceptsEvents(accept []string) bool {
	for _, list := range accept {
		for kind := range strings.SplitSeq(list, ",") {
			kind, _, _ = strings.Cut(kind, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") {
				return true
			}
		}
	}
	return false
}
