package zmq

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// EndpointState is what has become of an endpoint that a socket binds or connects to, for people.
type EndpointState struct {
	Endpoint string
	Bound    bool      // the socket binds it; otherwise it connects to it
	Up       bool      // it listens, or has a connection
	Since    time.Time // since when it is up, or not
	Reason   string    // if it is not up: why, as far as is known
	StandsBy bool      // it is not up because another peer serves what we have: see Config.Serves
}

// endpoints are the states of a socket's endpoints. Its methods may be called from any goroutine.
type endpoints struct {
	changed func() // called after each change

	mu     sync.Mutex
	states []*EndpointState // in the order in which they came
}

// set notes that an endpoint is up, or why it is not. It returns the state before; the zero state if there was none.
func (e *endpoints) set(name string, bound, up bool, reason error) (before EndpointState) {
	defer e.changed()
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.states, func(s *EndpointState) bool { return s.Endpoint == name })
	if i < 0 {
		i = len(e.states)
		e.states = append(e.states, &EndpointState{Endpoint: name, Bound: bound, Since: time.Now()})
	}
	state := e.states[i]
	before = *state
	state.Reason, state.StandsBy = "", errors.Is(reason, errElsewhere)
	if reason != nil {
		state.Reason = why(reason)
	}
	if state.Up != up {
		state.Up, state.Since = up, time.Now()
	}
	return before
}

// forget removes an endpoint to which nothing leads any more.
func (e *endpoints) forget(name string) {
	defer e.changed()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.states = slices.DeleteFunc(e.states, func(s *EndpointState) bool { return s.Endpoint == name })
}

// Endpoints returns the states of the socket's endpoints. A name that is looked up is not among them while it has
// members, which are.
func (s *Socket) Endpoints() []EndpointState {
	s.endpoints.mu.Lock()
	defer s.endpoints.mu.Unlock()
	all := make([]EndpointState, len(s.endpoints.states))
	for i, state := range s.endpoints.states {
		all[i] = *state
	}
	return all
}

// maxTroubles is how many endpoints Trouble names.
const maxTroubles = 3

// Trouble returns which endpoints are not up and why, on one line; "": all are.
func (s *Socket) Trouble() string {
	var down []string
	waiting := ""
	for _, state := range s.Endpoints() {
		switch {
		case !state.Up:
			down = append(down, state.Endpoint+": "+cmp.Or(state.Reason, "no answer yet"))
		case state.Bound:
			waiting = state.Endpoint
		}
	}
	if n := len(down) - maxTroubles; n > 0 {
		down = append(down[:maxTroubles], fmt.Sprintf("and %d more", n))
	}
	if len(down) == 0 && waiting != "" && s.Peers() == 0 {
		return "nobody has connected to " + waiting
	}
	return strings.Join(down, "; ")
}

// leads notes that a name that is looked up leads nowhere, and why; "": it has members.
func (s *Socket) leads(name endpoint.Endpoint, reason string) {
	if reason == "" {
		s.endpoints.forget(name.String())
	} else {
		s.endpoints.set(name.String(), false, false, errors.New(reason))
	}
}

// why returns an error for people who know the endpoint: without its address, and without the names of system calls.
func why(err error) string {
	if err == io.EOF {
		return "the peer has closed the connection"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err.Error()
	}
	return err.Error()
}

// EachPeer calls do for each live connection, in the order in which they came, until it returns false.
func (s *Socket) EachPeer(do func(*Peer) bool) {
	s.mu.Lock()
	peers := slices.Clone(s.peers)
	s.mu.Unlock()
	for _, p := range peers {
		if !do(p) {
			return
		}
	}
}

// Since returns when the connection began.
func (p *Peer) Since() time.Time { return p.began }

// Queued returns how many messages wait for the kernel to take them for this peer.
func (p *Peer) Queued() int {
	p.outbox.mu.Lock()
	defer p.outbox.mu.Unlock()
	return p.outbox.queued
}
