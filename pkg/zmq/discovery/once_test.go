package discovery

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

func TestLookup(t *testing.T) {
	dns, srv := endpoint.Endpoint{Network: "tcp", Address: "a:1", Lookup: endpoint.DNS}, endpoint.Endpoint{Network: "tcp", Address: "s", Lookup: endpoint.SRV}
	for _, test := range []struct {
		e     endpoint.Endpoint
		s     *script
		want  string // the addresses
		wrong string
	}{
		{dns, &script{addrs: map[string]string{"a": "192.0.2.2 192.0.2.1 192.0.2.2"}}, "192.0.2.1:1 192.0.2.2:1", ""},
		{srv, &script{addrs: map[string]string{"a": "192.0.2.1", "b": "192.0.2.2"}, records: "a:5 b:6"}, "192.0.2.1:5 192.0.2.2:6", ""},
		{srv, &script{addrs: map[string]string{"a": "192.0.2.1"}, records: "a:5 gone:6"}, "192.0.2.1:5", ""},
		{dns, &script{}, "", "no such host (DNS server: the system's)"},
		{dns, &script{addrs: map[string]string{"a": "SERVFAIL"}}, "", "SERVFAIL"},
	} {
		members, err := Lookup(t.Context(), Config{Endpoint: test.e, resolver: test.s})
		var got []string
		for _, m := range members {
			got = append(got, m.Address)
		}
		if unanswered := strings.Contains(test.wrong, "SERVFAIL"); errors.Is(err, ErrUnanswered) != unanswered {
			t.Errorf("%v: %v", test.e, err)
		}
		if strings.Join(got, " ") != test.want || (err == nil) != (test.wrong == "") || !strings.Contains(fmt.Sprint(err), test.wrong) {
			t.Errorf("%v: %v, %v; want %s, %s", test.e, got, err, test.want, test.wrong)
		}
	}
}
