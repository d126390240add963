package syslog_test

import (
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// What is left of an object is what the line's other fields do not show.
func TestShows(t *testing.T) {
	for _, c := range []struct{ payload, want string }{
		{`{"time":"2026-10-11T22:14:15Z","level":"info","msg":"hello","user":"x","n":3}`, `user n`},
		{`{"timereported":"2026-10-11T22:14:15Z","timegenerated":"2026-10-11T22:14:16Z","hostname":"web1","fromhost":"relay","host":"web1","syslogtag":"sshd[42]:","programname":"sshd","procid":"42","msg":" x\n"}`, `fromhost`},
		{`{"syslogfacility":"10","syslogseverity":"6","pri":"86","severity":"info","msg":"a","message":"b"}`, `message`},
		{`{"syslogfacility":"10","pri":"13","msg":"a"}`, `pri`}, // facility 1
		{`{"level":"ERROR","severity":"warning","event":"a","text":"b"}`, `level text`},
		{`{"log":{"level":"error","logger":"x"},"message":"a\u0020b"}`, `log`},
		{`{"a":1}`, `a`},
		{`<13>1 2026-10-11T22:14:15Z web1 app 7 - - {"hostname":"web2","program":"app","pid":7,"msg":"x"}`, `hostname`},
	} {
		l := syslog.Read(nil, []byte(c.payload), received)
		var left []string
		for m := object.Of(l.Object); m.Next(); {
			if !l.Shows(m.Key, m.Value) {
				left = append(left, string(m.Key))
			}
		}
		if got := strings.Join(left, " "); got != c.want {
			t.Errorf("%s: left are %q, want %q", c.payload, got, c.want)
		}
	}
}
