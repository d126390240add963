package kafka

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// network makes the connections to brokers, and keeps what went wrong with them last: franz-go tries again by itself,
// and says so only in its log.
type network struct {
	tls      *tls.Config // nil: in clear
	reach    func(ctx context.Context, kind, address string) (net.Conn, error)
	timeout  time.Duration // of reach, and of the handshake after it
	resolver *net.Resolver // of dns+ and srv+

	mu        sync.Mutex
	fault     error     // of the last connection that failed, unless one has worked since
	answered  time.Time // when a broker has last answered
	throttled time.Time
	pause     time.Duration // by which a broker has delayed its last throttled answer
}

const mostDialTime = 5 * time.Second

func newNetwork(config *Config) (*network, error) {
	trust, err := config.trust()
	if err != nil {
		return nil, err
	}
	timeout := min(config.Timeout, mostDialTime)
	return &network{tls: trust, reach: (&net.Dialer{Timeout: timeout}).DialContext, timeout: timeout,
		resolver: net.DefaultResolver}, nil
}

// dial connects to one of a target's servers, or to a broker that one of them has named.
func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	conn, err := n.connect(ctx, kind, address)
	if err != nil {
		n.failed(err)
		return nil, err
	}
	return conn, nil
}

func (n *network) connect(ctx context.Context, kind, address string) (net.Conn, error) {
	address, name, err := n.lookUp(ctx, address)
	if err != nil {
		return nil, err
	}
	conn, err := n.reach(ctx, kind, address)
	if err != nil || n.tls == nil {
		return conn, err
	}
	config := n.tls.Clone()
	config.ServerName = name
	secure := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &handshakeError{address, err}
	}
	return secure, nil
}

// handshakeError is why a connection could not be secured.
type handshakeError struct {
	address string
	err     error
}

func (e *handshakeError) Error() string { return e.address + ": " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// lookUp returns an address of a server, and the name that its certificate must have. For dns+ and srv+ names it asks
// DNS each time, and picks any of the members: brokers come and go.
func (n *network) lookUp(ctx context.Context, address string) (picked, name string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", err
	}
	if service, ok := strings.CutPrefix(host, "srv+"); ok {
		_, records, err := n.resolver.LookupSRV(ctx, "", "", service)
		if err != nil {
			return "", "", err
		}
		record := records[rand.N(len(records))]
		name = strings.TrimSuffix(record.Target, ".")
		return net.JoinHostPort(name, strconv.Itoa(int(record.Port))), name, nil
	}
	if host, ok := strings.CutPrefix(host, "dns+"); ok {
		addresses, err := n.resolver.LookupHost(ctx, host)
		if err != nil {
			return "", "", err
		}
		return net.JoinHostPort(addresses[rand.N(len(addresses))], port), host, nil
	}
	return address, host, nil
}

func (n *network) failed(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = err
}

// trouble returns what is wrong with the connections; nil: nothing that is known.
func (n *network) trouble() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fault
}

// throttle returns by how long a broker delays its answers, if one has within the last two seconds.
func (n *network) throttle() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.throttled) > 2*time.Second+n.pause {
		return 0
	}
	return n.pause
}

// OnBrokerConnect implements kgo.HookBrokerConnect. A connection has been made, and SASL has been spoken on it, or not.
func (n *network) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, conn net.Conn, err error) {
	if err != nil {
		n.failed(err)
	}
}

// OnBrokerE2E implements kgo.HookBrokerE2E: a request has been answered, or has not.
func (n *network) OnBrokerE2E(_ kgo.BrokerMetadata, _ int16, e2e kgo.BrokerE2E) {
	err := e2e.Err()
	if err != nil {
		n.failed(err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault, n.answered = nil, time.Now()
}

// answers reports whether brokers have answered lately.
func (n *network) answers() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Since(n.answered) < 2*patience
}

// OnBrokerThrottle implements kgo.HookBrokerThrottle.
func (n *network) OnBrokerThrottle(_ kgo.BrokerMetadata, pause time.Duration, _ bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.throttled, n.pause = time.Now(), pause
}
