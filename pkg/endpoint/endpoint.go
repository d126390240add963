// Package endpoint parses the endpoints of the command lines, in ZeroMQ's notation:
//
//	tcp://host:port    tcp://192.0.2.7:5555, tcp://[2001:db8::7]:5555, tcp://logs.example.net:5555
//	tcp://*:port       every interface, IPv4 and IPv6; to bind only
//	ipc:///path        a Unix domain socket, by its absolute path
//	ipc://@name        a Unix domain socket in Linux's abstract namespace
//
// and two that only these programs know, to connect only:
//
//	dns+tcp://name:port    every address of the name: dns+tcp://imzmq.logging.svc.cluster.local:5555
//	srv+tcp://name         every host and port that the name's SRV records (RFC 2782) give, whatever their priority
//	                       and weight: srv+tcp://_zmq._tcp.example.net
//
// Such a name is looked up periodically (pkg/zmq/discovery). A name that ends with a dot is looked up as it is;
// the system's search list may be appended to one without, as in resolv.conf(5). In dns+tcp an address may take
// the place of the name.
//
// To bind, port 0 or * picks a free port. The package resolves and opens nothing. Source: the man pages
// zmq_tcp(7) and zmq_ipc(7).
package endpoint

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxPath is the longest path of a Unix domain socket: sun_path holds 108 bytes, the last a NUL (unix(7)).
const maxPath = 107

// maxText bounds what is parsed: a host name has at most 253 bytes.
const maxText = 512

// The values of Endpoint.Lookup.
const (
	DNS = "dns" // the addresses of a name
	SRV = "srv" // the SRV records of a name
)

// Endpoint is an address to bind or to connect to, or a name that leads to addresses to connect to.
type Endpoint struct {
	// Network is "tcp" or "unix", as net.Dial and net.Listen take it.
	Network string
	// Address is host:port (an empty host: every interface) or the socket's path, as net.Dial and net.Listen
	// take it. If Lookup is SRV, it is a name without a port.
	Address string
	// Lookup is DNS or SRV if addresses to connect to must be looked up, and empty if Address is one.
	Lookup string
}

// Connect parses an endpoint to connect to.
func Connect(text string) (Endpoint, error) {
	return parse(text, false)
}

// Bind parses an endpoint to bind.
func Bind(text string) (Endpoint, error) {
	return parse(text, true)
}

// String returns the endpoint as a command line takes it.
func (e Endpoint) String() string {
	if e.Network == "unix" {
		return "ipc://" + e.Address
	}
	if e.Lookup != "" {
		return e.Lookup + "+tcp://" + e.Address
	}
	if strings.HasPrefix(e.Address, ":") {
		return "tcp://*" + e.Address
	}
	return "tcp://" + e.Address
}

func parse(text string, bind bool) (Endpoint, error) {
	if len(text) > maxText {
		return Endpoint{}, fmt.Errorf("endpoint of %d bytes: at most %d are allowed", len(text), maxText)
	}
	if mistake := mistaken(text); mistake != "" {
		return Endpoint{}, fmt.Errorf("endpoint %q: %s", text, mistake)
	}
	scheme, rest, _ := strings.Cut(text, "://")
	var e Endpoint
	var err error
	switch scheme {
	case "dns+tcp", "srv+tcp":
		if bind {
			err = fmt.Errorf("%s can only be connected to: bind tcp://*:port, or tcp://address:port", scheme)
			break
		}
		e, err = parseLookup(scheme[:3], rest)
	case "tcp":
		e, err = parseTCP(rest, bind)
	case "ipc":
		e, err = parseIPC(rest)
	default:
		err = fmt.Errorf("unknown transport %q: write tcp://host:port or ipc:///path; to connect, "+
			"also dns+tcp://name:port or srv+tcp://_service._tcp.name", scheme)
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("endpoint %q: %w", text, err)
	}
	return e, nil
}

func parseTCP(rest string, bind bool) (Endpoint, error) {
	colon := strings.LastIndexByte(rest, ':')
	if colon < 0 {
		return Endpoint{}, errors.New("the port is missing: write tcp://host:port")
	}
	host, err := parseHost(rest[:colon], bind)
	if err != nil {
		return Endpoint{}, err
	}
	port, err := parsePort(rest[colon+1:], bind)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{Network: "tcp", Address: host + ":" + port}, nil
}

// parseHost parses the part before the port. An IPv6 address is in brackets; a result without brackets has no
// colon.
func parseHost(host string, bind bool) (string, error) {
	switch {
	case host == "*" && bind:
		return "", nil
	case host == "*":
		return "", errors.New("* means every interface and can only be bound: name the host to connect to")
	case host == "":
		return "", errors.New("the host is missing: write tcp://host:port, or tcp://*:port to bind every interface")
	case strings.HasPrefix(host, "["):
		inner, found := strings.CutSuffix(host[1:], "]")
		addr, err := netip.ParseAddr(inner)
		if !found || err != nil || !addr.Is6() || strings.ContainsAny(inner, "] /\x00") {
			return "", fmt.Errorf("%q is not an IPv6 address in brackets: write tcp://[2001:db8::1]:port", host)
		}
		return host, nil
	case strings.Contains(host, ":"):
		return "", errors.New("an IPv6 address needs brackets: write tcp://[2001:db8::1]:port")
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c == 0x7f || strings.IndexByte("/@;,[]%\\\"'", c) >= 0 {
			return "", fmt.Errorf("%q is not allowed in a host name", c)
		}
	}
	return host, nil
}

func parsePort(port string, bind bool) (string, error) {
	if bind && port == "*" {
		return "0", nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", fmt.Errorf("port %q: write a number from 1 to 65535", port)
	}
	if n == 0 && !bind {
		return "", errors.New("port 0 picks a free port and can only be bound: name the port to connect to")
	}
	return strconv.FormatUint(n, 10), nil
}

func parseIPC(path string) (Endpoint, error) {
	switch {
	case path == "" || path == "/" || path == "@":
		return Endpoint{}, errors.New("the path is missing: write ipc:///path")
	case path[0] != '/' && path[0] != '@':
		return Endpoint{}, errors.New("the path must be absolute: write ipc:///path, with three slashes")
	case strings.IndexByte(path, 0) >= 0:
		return Endpoint{}, errors.New("a path cannot contain NUL")
	case len(path) > maxPath:
		return Endpoint{}, fmt.Errorf("the path has %d bytes: a Unix socket takes at most %d", len(path), maxPath)
	}
	return Endpoint{Network: "unix", Address: path}, nil
}
