package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// silent is how long nothing is shown before that is explained.
const silent = 5 * time.Second

// mostNamed is how many endpoints or topics an explanation names.
const mostNamed = 5

// mostExplained is how often silence is explained: the reason may change.
const mostExplained = 3

// explainSilence logs why nothing has been shown so far, as far as is known, until something is or ctx ends.
func (v *view) explainSilence(ctx context.Context, socket *zmq.Socket) {
	tick := time.NewTicker(silent)
	defer tick.Stop()
	for last, n := "", 0; n < mostExplained; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := v.summary()
		if s.Printed > 0 || v.options.rate {
			return
		}
		kind, text := v.silence(s, socket)
		if kind == last {
			continue
		}
		last = kind
		n++
		v.logger.Warn(text)
		if s.Seen == 0 && len(v.options.topics) > 0 && n == 1 {
			v.logger.Warn(fmt.Sprintf("only topics that begin with %s are asked for; without --topic, all are shown",
				quotedAll(v.options.topics)))
		}
	}
}

// silence returns why nothing is shown. The same kind of reason is not explained twice.
func (v *view) silence(s terminal.Summary, socket *zmq.Socket) (kind, text string) {
	if s.Seen == 0 {
		text = publishers(socket.Endpoints(), socket.Peers(), v.options.topics)
		return text, fmt.Sprintf("nothing has arrived for %v: %s", silent, text)
	}
	v.mu.Lock()
	top := v.seen.Top(mostNamed)
	v.mu.Unlock()
	return "filtered", fmt.Sprintf("%d messages have arrived, and none of them passes %s; their topics: %s",
		s.Seen, cmp.Or(v.options.filter.names(), "to the output"), topics(top))
}

// connections returns which publishers are connected, and which are not, and why.
func connections(endpoints []zmq.EndpointState, peers int) (up, down []string) {
	for _, e := range endpoints {
		switch {
		case e.Bound && peers == 0:
			down = append(down, "nobody has connected to "+e.Endpoint)
		case e.Bound:
			up = append(up, fmt.Sprintf("%d publishers, which have connected to %s", peers, e.Endpoint))
		case e.Up:
			up = append(up, e.Endpoint+" since "+e.Since.Format(time.TimeOnly))
		default:
			down = append(down, "no connection to "+e.Endpoint+": "+cmp.Or(e.Reason, "no answer yet"))
		}
	}
	return up, down
}

// publishers is connections for somebody who sees nothing of these topics. What else is published, and what the rights
// of a hub's tenants hide, is not known here.
func publishers(endpoints []zmq.EndpointState, peers int, topics []string) string {
	up, down := connections(endpoints, peers)
	if len(up) == 0 {
		return cmp.Or(some(down, "; "), "no connection yet")
	}
	text := "connected to " + some(up, ", ")
	if len(down) > 0 {
		return text + "; " + some(down, "; ")
	}
	if len(topics) > 0 {
		return text + ", and nothing that begins with " + quotedAll(topics) + " has come"
	}
	return text + ", and nothing has come"
}

// some joins the first few of many texts.
func some(texts []string, separator string) string {
	if n := len(texts) - mostNamed; n > 0 {
		texts = append(texts[:mostNamed:mostNamed], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(texts, separator)
}

func topics(top []terminal.TopicCount) string {
	var names []string
	for _, t := range top {
		names = append(names, fmt.Sprintf("%q", t.Topic))
	}
	return strings.Join(names, ", ")
}

func quotedAll(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, fmt.Sprintf("%q", text))
	}
	return some(all, " or ")
}
