package destination_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
)

func redisTarget(t *testing.T, text string) redis.Target {
	target, err := redis.ParseTarget(text)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		to   string
		want destination.Target
		err  string // parts of the error, separated by |
	}{
		{"improg", destination.Target{Kind: destination.Improg}, ""},
		{"-", destination.Target{Kind: destination.Stdout}, ""},
		{"relp://127.0.0.1:2514", destination.Target{Kind: destination.RELP, Address: "127.0.0.1:2514"}, ""},
		{"relp://log.example.org:65535", destination.Target{Kind: destination.RELP, Address: "log.example.org:65535"}, ""},
		{"relp://[2001:db8::1]:2514", destination.Target{Kind: destination.RELP, Address: "[2001:db8::1]:2514"}, ""},
		{"", destination.Target{}, "not known|improg, - (for stdout), relp://host:port, redis://host:port/db?list=KEY or kafka://host:port/TOPIC"},
		{"Improg", destination.Target{}, "not known"},
		{"127.0.0.1:2514", destination.Target{}, "not known"},
		{"relp:127.0.0.1:2514", destination.Target{}, "not known"},
		{"redis+cluster://a:1,b:2?list=a.{topic}", destination.Target{Kind: destination.Redis, Redis: redisTarget(t, "redis+cluster://a:1,b:2?list=a.{topic}")}, ""},
		{"redis://127.0.0.1:6379/0", destination.Target{}, "list, stream or channel"},
		{"redis+unix://127.0.0.1:6379/0", destination.Target{}, "not known"},
		{"relps://127.0.0.1:2514", destination.Target{}, "not known"},
		{"relp://", destination.Target{}, "missing port|write relp://host:port"},
		{"relp://127.0.0.1", destination.Target{}, "missing port"},
		{"relp://127.0.0.1:", destination.Target{}, "port is missing"},
		{"relp://:2514", destination.Target{}, "host is missing"},
		{"relp://::1:2514", destination.Target{}, "too many colons|relp://[::1]:2514"},
		{"relp://[::1]", destination.Target{}, "missing port"},
		{"relp://a:0", destination.Target{}, `"0" is not a port`},
		{"relp://a:65536", destination.Target{}, `"65536" is not a port`},
		{"relp://a:relp", destination.Target{}, `"relp" is not a port`},
		{"relp://a:+1", destination.Target{}, `"+1" is not a port`},
		{"relp://a:2514/", destination.Target{}, "more than host and port"},
		{"relp://a:2514?x=y", destination.Target{}, "more than host and port"},
		{"relp://user@a:2514", destination.Target{}, "more than host and port"},
	} {
		got, err := destination.Parse(c.to)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.err == "") {
			t.Errorf("Parse(%q) = %+v, %v", c.to, got, err)
		}
		for part := range strings.SplitSeq(c.err, "|") {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("Parse(%q): %v; it does not say %q", c.to, err, part)
			}
		}
		if err == nil && got.String() != c.to {
			t.Errorf("Parse(%q).String() = %q", c.to, got)
		}
	}
}

// A target that was meant for Redis, with another scheme, may hold a password: errors do not quote it.
func TestParseQuotesNoPassword(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"REDIS://:secret@h?list=a", " redis://:secret@h", "redis:/:secret@h", "valkey://u:secret@h", "redis+unix:///x?password=secret"} {
		if _, err := destination.Parse(to); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]destination.Format{"raw": destination.Raw, "json": destination.JSON} {
		if got, err := destination.ParseFormat(name); err != nil || got != want {
			t.Errorf("ParseFormat(%q) = %v, %v", name, got, err)
		}
	}
	if _, err := destination.ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "raw or json") {
		t.Error(err)
	}
}
