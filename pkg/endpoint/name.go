package endpoint

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Bytes of a name and of one of its labels in their text form (RFC 1035, section 2.3.4).
const (
	maxName  = 253 // without a dot at its end
	maxLabel = 63
)

// parseLookup parses what follows dns+tcp:// or srv+tcp://.
func parseLookup(lookup, rest string) (Endpoint, error) {
	if lookup == SRV {
		if strings.Contains(rest, ":") {
			return Endpoint{}, errors.New("the SRV records give the port: " +
				"write srv+tcp://_service._tcp.name, without one")
		}
		return Endpoint{Network: "tcp", Address: rest, Lookup: SRV}, checkName(rest)
	}
	if !strings.Contains(rest, ":") {
		return Endpoint{}, errors.New("the port is missing: write dns+tcp://name:port")
	}
	e, err := parseTCP(rest, false)
	if err != nil {
		return Endpoint{}, err
	}
	host := e.Address[:strings.LastIndexByte(e.Address, ':')]
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil { // parseTCP has checked addresses
		if err := checkName(host); err != nil {
			return Endpoint{}, err
		}
	}
	e.Lookup = DNS
	return e, nil
}

// checkName accepts names that a DNS server can be asked for. Service names have underscores; host names have none.
func checkName(name string) error {
	if name == "" {
		return errors.New("the name is missing")
	}
	labels := strings.TrimSuffix(name, ".")
	if len(labels) > maxName {
		return fmt.Errorf("the name has %d bytes: at most %d are allowed", len(labels), maxName)
	}
	numeric := true
	for label := range strings.SplitSeq(labels, ".") {
		switch {
		case label == "":
			return fmt.Errorf("%q has an empty part: between two dots, or before the first", name)
		case len(label) > maxLabel:
			return fmt.Errorf("%q has %d bytes: at most %d are allowed between two dots", label, len(label), maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return fmt.Errorf("%q begins or ends with a hyphen", label)
		}
		for i := range len(label) {
			switch c := label[i]; {
			case c >= 0x80:
				return errors.New("a name must be ASCII: write the xn-- form of an international one")
			case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_', c == '-':
				numeric = false
			case c < '0' || c > '9':
				return fmt.Errorf("%q is not allowed in a name", c)
			}
		}
	}
	if numeric {
		return fmt.Errorf("%q is neither a name nor an IPv4 address", name)
	}
	return nil
}
