package tap

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

const (
	// statusPause is the shortest time between two statuses: publishers may come and go all the time.
	statusPause = time.Second
	// statusGrace is how long an endpoint may be without a connection before Status.Away names it.
	statusGrace = 5 * time.Second
	// mostListed is how many endpoints, and how many peers, a status lists.
	mostListed = 50
	// mostAway is how many endpoints Away names.
	mostAway = 3
)

// Status is which publishers a stream has at one moment. It is never changed.
type Status struct {
	Up         bool      // there is a publisher
	Since      time.Time // since when there is one, or none
	Publishers int       // that are connected

	Endpoints []zmq.EndpointState // those that are not up first; at most mostListed
	Peers     []*zmq.Peer         // publishers that have connected to us, the newest first; at most mostListed

	// Away is for people: which endpoints have had no connection for statusGrace or more, on one line; "": none. Peers
	// that connect to us may leave when they are done. That there is none counts only until the first one has come.
	Away string
	away []string // the endpoints

	encode sync.Once
	json   []byte
}

// Upstream watches a socket that receives a stream, and knows its publishers.
type Upstream struct {
	socket *zmq.Socket

	mu      sync.Mutex
	status  *Status
	changed chan struct{} // closed when status is another one
	had     bool          // there has been a publisher
}

// NewUpstream returns what watches a SUB or XSUB.
func NewUpstream(socket *zmq.Socket) *Upstream {
	u := &Upstream{socket: socket, changed: make(chan struct{})}
	u.look(time.Now())
	return u
}

// Status returns the newest status, and a channel that is closed when there is another. Both are nil if u is nil.
func (u *Upstream) Status() (*Status, <-chan struct{}) {
	if u == nil {
		return nil, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.status, u.changed
}

// Watch looks at the socket whenever something has changed, at most once in statusPause, until ctx ends.
func (u *Upstream) Watch(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		progress := u.socket.Progress()
		changed, due := u.look(time.Now())
		if timer.Stop(); due > 0 {
			timer.Reset(due)
		}
		if changed {
			timer.Reset(statusPause)
			progress = nil
		}
		select {
		case <-progress:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// look takes the present status if it is another one. It returns after how long it is another one again, without
// anything else having changed; 0: never.
func (u *Upstream) look(now time.Time) (changed bool, due time.Duration) {
	s := &Status{Since: now, Endpoints: u.socket.Endpoints()}
	dialed := make(map[string]bool)
	u.socket.EachPeer(func(p *zmq.Peer) bool {
		dialed[p.Endpoint()] = true
		if allowed := p.Allowed(); allowed == nil || !allowed.Empty() {
			s.Publishers++
			if p.Endpoint() == "" {
				s.Peers = append(s.Peers, p)
			}
		}
		return true
	})
	between := slices.ContainsFunc(s.Endpoints, func(e zmq.EndpointState) bool {
		return !e.Bound && e.Up != dialed[e.Endpoint]
	})
	slices.Reverse(s.Peers)
	s.Peers = s.Peers[:min(len(s.Peers), mostListed)]
	s.Up = s.Publishers > 0
	u.mu.Lock()
	defer u.mu.Unlock()
	if between && u.status != nil {
		return false, 0 // a connection begins or ends at this moment: its end is progress, too
	}
	u.had = u.had || s.Up
	due = s.setAway(now, u.had)
	slices.SortStableFunc(s.Endpoints, func(a, b zmq.EndpointState) int { return compare(a.Up, b.Up) })
	s.Endpoints = s.Endpoints[:min(len(s.Endpoints), mostListed)]
	if before := u.status; before != nil {
		if s.Up == before.Up {
			s.Since = before.Since
		}
		if slices.Equal(s.away, before.away) {
			s.Away = before.Away // whatever else is said of the reason
		}
		if s.same(before) {
			return false, due
		}
	}
	u.status = s
	close(u.changed)
	u.changed = make(chan struct{})
	return true, due
}

// compare orders false before true.
func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// setAway sets what is away. It returns after how long something else will be; 0: never. had: there has been a
// publisher.
func (s *Status) setAway(now time.Time, had bool) (due time.Duration) {
	var texts []string
	for _, e := range s.Endpoints {
		text := "nobody has connected to " + e.Endpoint
		switch {
		case e.Bound && (had || !e.Up):
			continue
		case !e.Bound && e.Up:
			continue
		case !e.Bound:
			text = "no connection to " + e.Endpoint
			if e.Reason != "" {
				text += " (" + e.Reason + ")"
			}
		}
		if left := statusGrace - now.Sub(e.Since); left > 0 {
			if due == 0 || left < due {
				due = left
			}
			continue
		}
		s.away = append(s.away, e.Endpoint)
		texts = append(texts, text+" since "+e.Since.UTC().Format(time.RFC3339))
	}
	if n := len(texts) - mostAway; n > 0 {
		texts = append(texts[:mostAway], fmt.Sprintf("and %d more", n))
	}
	s.Away = strings.Join(texts, "; ")
	return due
}

func (s *Status) same(other *Status) bool {
	return s.Up == other.Up && s.Publishers == other.Publishers && s.Away == other.Away &&
		slices.Equal(s.Endpoints, other.Endpoints) && slices.Equal(s.Peers, other.Peers)
}

// JSON returns the status as one line of JSON, which must not be modified. It is made once for all readers.
func (s *Status) JSON() []byte {
	s.encode.Do(func() {
		text := statusJSON{Up: s.Up, Since: stamp(s.Since), Publishers: &s.Publishers}
		for _, e := range s.Endpoints {
			text.Endpoints = append(text.Endpoints, endpointJSON{e.Endpoint, e.Bound, e.Up, stamp(e.Since), e.Reason})
		}
		for _, p := range s.Peers {
			text.Peers = append(text.Peers, peerJSON{p.Remote(), p.User(), stamp(p.Since())})
		}
		s.json, _ = json.Marshal(text) // it fails for no value of this type
	})
	return s.json
}

// RestrictedJSON is JSON for readers that must learn nothing of publishers but whether there are any.
func (s *Status) RestrictedJSON() []byte {
	text, _ := json.Marshal(statusJSON{Up: s.Up, Since: stamp(s.Since)}) // it fails for no value of this type
	return text
}

// The form of a status in JSON. Its names are those of package status's report.
type (
	statusJSON struct {
		Up         bool           `json:"up"`
		Since      string         `json:"since"`
		Publishers *int           `json:"publishers,omitempty"` // nil: not to be told
		Endpoints  []endpointJSON `json:"endpoints,omitempty"`
		Peers      []peerJSON     `json:"peers,omitempty"`
	}
	endpointJSON struct {
		Endpoint string `json:"endpoint"`
		Bound    bool   `json:"bound"`
		Up       bool   `json:"up"`
		Since    string `json:"since"`
		Reason   string `json:"reason,omitempty"`
	}
	peerJSON struct {
		Peer  string `json:"peer"`
		User  string `json:"user,omitempty"`
		Since string `json:"since"`
	}
)

func stamp(t time.Time) string { return t.UTC().Format(message.ReceivedLayout) }
