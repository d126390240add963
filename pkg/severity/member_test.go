package severity_test

import (
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

func TestOfMember(t *testing.T) {
	for _, c := range []struct {
		key, value string
		want       severity.Severity
		ok         bool
	}{
		{"level", `"WARN"`, severity.Warning, true},
		{"level", `50`, severity.Err, true},
		{"log", `{"level":"debug"}`, severity.Debug, true},
		{"level", `"high"`, 0, false},
		{"user", `"error"`, 0, false},
	} {
		if s, ok := severity.OfMember([]byte(c.key), []byte(c.value)); s != c.want || ok != c.ok {
			t.Errorf("%s: %s is %v, %v", c.key, c.value, s, ok)
		}
	}
}

func TestOfName(t *testing.T) {
	for name, want := range map[string]severity.Severity{"emerg": 0, "ERROR": 3, "Warn": 4, "warning": 4, "debug": 7} {
		if s, ok := severity.OfName([]byte(name)); !ok || s != want {
			t.Errorf("%s is %v, %v", name, s, ok)
		}
	}
	if s, ok := severity.OfName([]byte("loud")); ok {
		t.Errorf("loud is %v", s)
	}
}
