package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/discovery"
)

const (
	// maxProbes is how many members of a name are tried.
	maxProbes = 64
	// maxParallel is how many of them are tried at the same time.
	maxParallel = 16
)

// Socket is a socket that a program would open.
type Socket struct {
	Config        zmq.Config
	Connect, Bind []string
	Only          zmq.Type // which type its peers must have; "": any that fits

	ConnectFlag, BindFlag string // of the command line; "": --connect and --bind
	Program               string // its name, by which it is recognized where it runs already
}

// Try reaches all peers, and tries all addresses.
func (s *Socket) Try(ctx context.Context, r *Report) {
	if s.ConnectFlag == "" {
		s.ConnectFlag, s.BindFlag = "--connect", "--bind"
	}
	s.Config.HandshakeTimeout = stepTime
	for _, text := range s.Bind {
		e, err := endpoint.Bind(text)
		if err != nil {
			continue // the command line was refused
		}
		Bind(ctx, r, s.Program, s.BindFlag+" "+text, text, e.Network, e.Address)
	}
	for _, text := range s.Connect {
		e, err := endpoint.Connect(text)
		if err != nil || ctx.Err() != nil {
			continue
		}
		s.reach(ctx, r, s.ConnectFlag+" "+text, e)
	}
}

// reach looks a name up, and tries the peers that it leads to.
func (s *Socket) reach(ctx context.Context, r *Report, what string, e endpoint.Endpoint) {
	if e.Lookup == "" {
		if e.Network == "tcp" && !resolve(ctx, r, what, e) {
			return
		}
		s.judge(r, what, e, s.probe(ctx, e))
		return
	}
	asking, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	members, err := discovery.Lookup(asking, discovery.Config{Endpoint: e, Server: s.Config.DNSServer})
	if err != nil {
		k := NoAddress
		if errors.Is(err, discovery.ErrUnanswered) {
			k = NoDNS
		}
		r.Wrong(k, what, "%v", err)
		return
	}
	r.OK("%s: the name leads to %s", what, list(members))
	if len(members) > maxProbes {
		r.Note("%s: only the first %d of them are tried", what, maxProbes)
		members = members[:maxProbes]
	}
	results, free := make([]probed, len(members)), make(chan struct{}, maxParallel)
	var work sync.WaitGroup
	for i, member := range members {
		free <- struct{}{}
		work.Go(func() {
			results[i] = s.probe(ctx, member)
			<-free
		})
	}
	work.Wait()
	for i, member := range members {
		s.judge(r, what, member, results[i])
	}
}

// resolve says which addresses a host's name leads to.
func resolve(ctx context.Context, r *Report, what string, e endpoint.Endpoint) bool {
	host, _, err := net.SplitHostPort(e.Address)
	if err != nil || net.ParseIP(strings.SplitN(host, "%", 2)[0]) != nil {
		return true
	}
	asking, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(asking, host)
	if err != nil {
		r.Wrong(dialKind(err), what, "%v", err)
		return false
	}
	r.OK("%s: the name leads to %s", what, strings.Join(found, ", "))
	return true
}

func list(members []endpoint.Endpoint) string {
	const shown = 8
	var texts []string
	for _, m := range members[:min(len(members), shown)] {
		texts = append(texts, m.Address)
	}
	if len(members) > shown {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

// probed is the result of one probe.
type probed struct {
	zmq.Probed
	err error
}

func (s *Socket) probe(ctx context.Context, e endpoint.Endpoint) (p probed) {
	p.Probed, p.err = zmq.Probe(ctx, s.Config, e)
	return p
}

// judge says what a probe has found.
func (s *Socket) judge(r *Report, what string, e endpoint.Endpoint, p probed) {
	at := e.Address
	if p.Remote != "" && p.Remote != at {
		at += " (" + p.Remote + ")"
	}
	switch {
	case p.err != nil && p.Remote == "":
		r.Wrong(dialKind(p.err), what, "%v", p.err)
	case p.err != nil:
		r.Wrong(handshakeKind(p.err), what, "%s: %v", at, p.err)
	case p.Elsewhere:
		r.OK("%s: %s answers, and stands by: another receiver serves this sender", what, at)
	case p.Partly:
		r.OK("%s: %s answers%s", what, at, s.secured(p))
		r.Note("%s: the handshake was not finished, so that the peer sends no message here that would be lost: whether it lets "+
			"this program in, and its socket type, are not known", what)
	case s.Only != "" && p.Type != s.Only:
		r.Wrong(WrongType, what, "%s is a %s, and confirmation needs a %s, such as imzmq --socket router", at, p.Type, s.Only)
	default:
		r.OK("%s: %s answers: %s%s", what, at, p.Type, s.secured(p))
	}
}

// secured says how a connection is protected.
func (s *Socket) secured(p probed) string {
	switch c := s.Config.Security; {
	case c.Curve != nil && p.User != "":
		return ", encrypted (CURVE); it has proved to be " + p.User
	case c.Curve != nil:
		return ", encrypted (CURVE)"
	case c.Plain != nil:
		return ", with a password, in clear (PLAIN)"
	}
	return ", in clear"
}

// dialKind is the kind of an error from before there was a connection.
func dialKind(err error) Kind {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return NoAddress
	case errors.As(err, &dns):
		return NoDNS
	case errors.Is(err, syscall.ECONNREFUSED), strings.Contains(err.Error(), "nothing listens there"):
		return NobodyListens
	case errors.Is(err, syscall.ENOENT):
		return NoSocket
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return NotPermitted
	case errors.As(err, &timeout) && timeout.Timeout():
		return Unreachable
	}
	return Unreachable
}

// handshakeKind is the kind of an error of a handshake. The texts are package zmq's, which docs/security.md lists.
func handshakeKind(err error) Kind {
	text := fmt.Sprint(err)
	for _, k := range []struct {
		part string
		kind Kind
	}{
		{"security mismatch", MechanismMismatch},
		{"wrong server key", WrongServerKey},
		{"client refused", ClientRefused},
		{"wrong user or password", WrongPassword},
		{"socket cannot talk to", WrongType},
		{"socket types probably do not fit", WrongType},
		{"is it a ZeroMQ socket?", NotZeroMQ},
		{"ZMTP 2.0", OldPeer},
	} {
		if strings.Contains(text, k.part) {
			return k.kind
		}
	}
	return HandshakeFails
}
