package destination

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
)

// Kind is a kind of destination.
type Kind int

const (
	Improg Kind = iota + 1 // lines to the improg that started this program
	Stdout                 // lines on stdout
	RELP                   // frames to imrelp
	Redis                  // a list, stream or channel
	Kafka                  // a topic
)

// Target is the parsed value of --to. Parse makes it.
type Target struct {
	Kind    Kind
	Address string       // RELP: host:port
	Redis   redis.Target // Redis
	Kafka   kafka.Target // Kafka
}

// String returns the target as Parse reads it.
func (t Target) String() string {
	switch t.Kind {
	case Improg:
		return "improg"
	case Stdout:
		return "-"
	case RELP:
		return "relp://" + t.Address
	case Redis:
		return t.Redis.String()
	case Kafka:
		return t.Kafka.String()
	}
	return ""
}

// Stores reports whether the target is a store, where each write is a round trip over a network.
func (t Target) Stores() bool { return t.Kind == Redis || t.Kind == Kafka }

// Remote reports whether the target is another process, which may be away.
func (t Target) Remote() bool { return t.Stores() || t.Kind == RELP }

// Parse reads the value of --to: improg, -, relp://host:port, or a URL of Redis or Kafka.
func Parse(to string) (Target, error) {
	switch to {
	case "improg":
		return Target{Kind: Improg}, nil
	case "-":
		return Target{Kind: Stdout}, nil
	}
	if redis.IsTarget(to) {
		target, err := redis.ParseTarget(to)
		if err != nil {
			return Target{}, err
		}
		return Target{Kind: Redis, Redis: target}, nil
	}
	if kafka.IsTarget(to) {
		target, err := kafka.ParseTarget(to)
		if err != nil {
			return Target{}, err
		}
		return Target{Kind: Kafka, Kafka: target}, nil
	}
	address, ok := strings.CutPrefix(to, "relp://")
	if !ok && redis.MayHoldPassword(to) {
		to, _, _ = strings.Cut(to, ":")
		to += ":…"
	}
	if !ok {
		return Target{}, fmt.Errorf("destination %q is not known: "+
			"write improg, - (for stdout), relp://host:port, redis://host:port/db?list=KEY or kafka://host:port/TOPIC", to)
	}
	if err := checkAddress(address); err != nil {
		return Target{}, fmt.Errorf("destination %q: %w: "+
			"write relp://host:port, as in relp://127.0.0.1:2514 or relp://[::1]:2514", to, err)
	}
	return Target{Kind: RELP, Address: address}, nil
}

func checkAddress(address string) error {
	if strings.ContainsAny(address, "/?#@ ") {
		return errors.New("it holds more than host and port")
	}
	host, port, err := net.SplitHostPort(address)
	var fault *net.AddrError
	switch {
	case errors.As(err, &fault):
		return errors.New(fault.Err)
	case err != nil:
		return err
	case host == "":
		return errors.New("the host is missing")
	case port == "":
		return errors.New("the port is missing")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is not a port from 1 to 65535", port)
	}
	return nil
}

// Format is the form in which messages are stored.
type Format int

const (
	Raw  Format = iota // the payload; to improg and stdout, as message.AppendLine writes it
	JSON               // one line, as message.AppendJSON writes it
)

// ParseFormat reads the value of --format: raw or json.
func ParseFormat(name string) (Format, error) {
	switch name {
	case "raw":
		return Raw, nil
	case "json":
		return JSON, nil
	}
	return 0, fmt.Errorf("format %q is not known: write raw or json", name)
}
