package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// script is a resolver that answers what the test wants: a host's addresses, a name's records "host:port", or
// an error.
type script struct {
	mu      sync.Mutex
	addrs   map[string]string
	records string
	failure error
	asked   int
	delay   time.Duration
}

func (s *script) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// wait is called without the lock, because a bubble's clock stands still while a goroutine waits for a mutex.
func (s *script) wait(ctx context.Context) error {
	var delay time.Duration
	var failure error
	s.set(func() { s.asked, delay, failure = s.asked+1, s.delay, s.failure })
	select {
	case <-time.After(delay):
		return failure
	case <-ctx.Done():
		return &net.DNSError{Err: "i/o timeout", IsTimeout: true, Server: "192.0.2.53:53"}
	}
}

var notFound = &net.DNSError{Err: "no such host", IsNotFound: true}

func (s *script) LookupNetIP(ctx context.Context, _, host string) (addrs []netip.Addr, err error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addrs[host] == "SERVFAIL" {
		return nil, &net.DNSError{Err: "server misbehaving", IsTemporary: true}
	}
	for _, text := range strings.Fields(s.addrs[host]) {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	if len(addrs) == 0 {
		return nil, notFound
	}
	return addrs, nil
}

func (s *script) LookupSRV(ctx context.Context, _, _, _ string) (_ string, records []*net.SRV, err error) {
	if err := s.wait(ctx); err != nil {
		return "", nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range strings.Fields(s.records) {
		r := &net.SRV{}
		host, port, _ := strings.Cut(text, ":")
		r.Target = host
		fmt.Sscan(port, &r.Port)
		if host == "malformed" {
			err = &net.DNSError{Err: "DNS response contained records which contain invalid names"}
			continue
		}
		records = append(records, r)
	}
	if len(records) == 0 && err == nil {
		return "", nil, notFound
	}
	return "", records, err
}
