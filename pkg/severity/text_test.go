package severity_test

import (
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

const none = "none"

// read returns the name of a severity, or none.
func read(s severity.Severity, found bool) string {
	if !found {
		return none
	}
	return s.String()
}

func TestOfTopic(t *testing.T) {
	for topic, want := range map[string]string{
		"billing.ERROR":             "err",
		"billing.ERROR.db":          "err",
		"app/WARNING/db":            "warning",
		"WARN":                      "warning",
		"shop.SEVERE":               "err",
		"a.b.CRITICAL":              "crit",
		"a/FINEST":                  "debug",
		"a.TRACE":                   "debug",
		"authpriv.info.sshd":        "info",
		"local0.err.app":            "err",
		"kern.debug":                "debug",
		"ERROR.DEBUG":               "err",
		"error/web1/":               none,
		"alert/web1":                none,
		"billing.error":             none,
		"billing.ERRORS":            none,
		"billing.Error":             none,
		"x.local0.err":              none,
		"authpriv.sshd.err":         none,
		"sshd/ERRATIC":              none,
		"":                          none,
		"./":                        none,
		"local0.":                   none,
		"syslogpriority-textlong.E": none,
	} {
		if got := read(severity.OfTopic([]byte(topic))); got != want {
			t.Errorf("the topic %q has the severity %s, want %s", topic, got, want)
		}
	}
}

func TestOfText(t *testing.T) {
	for text, want := range map[string]string{
		"ERROR:root:disk full":                                        "err",
		"WARNING: disk nearly full":                                   "warning",
		"INFO:     127.0.0.1:5000 - \"GET / HTTP/1.1\" 200 OK":        "info",
		"[ERROR] disk full":                                           "err",
		"2026-10-11 22:14:15,123 ERROR disk full":                     "err",
		"2026-10-11 22:14:15,123 - billing - CRITICAL - disk full":    "crit",
		"2026-10-11 22:14:15.123 | WARNING  | billing:charge:12 - x":  "warning",
		"2026-10-11 22:14:15 +0200] [12] [INFO] Booting worker":       "info",
		"[2026-10-11 22:14:15 +0200] [12] [INFO] Booting worker":      "info",
		"[2026-10-11 22:14:15,123: ERROR/MainProcess] Task failed":    "err",
		"[2026-10-11T22:14:15Z WARN  app] text":                       "warning",
		"22:14:15.123 [main] ERROR com.example.App - failed":          "err",
		"2026-10-11 22:14:15,123 [pool-1 t-2] WARN c.e.App - slow":    "warning",
		"2026-10-11T22:14:15.123+02:00  INFO 4242 --- [main] c.e.App": "info",
		"2026/10/11 22:14:15 [error] 7#7: *1 open() failed":           "err",
		"2026-10-11 22:14:15.123 UTC [4242] ERROR:  relation":         "err",
		"2026-10-11 22:14:15.123 UTC [4242] LOG:  ERROR is a word":    none,
		"2026-10-11T22:14:15.123456Z 0 [ERROR] [MY-010119] Aborting":  "err",
		"2026/10/11 22:14:15 INFO started port=80":                    "info",
		"time=2026-10-11T22:14:15Z level=WARN msg=slow":               "warning",
		`time="2026-10-11 22:14:15" level=error msg="a b"`:            "err",
		`level="info" msg=x`:                                          "info",
		"ts=1 caller=main.go:12 level=debug":                          "debug",
		"E1011 22:14:15.123456 4242 main.go:12] text":                 "err",
		"I1011 22:14:15.123456    1 main.go:12] text":                 "info",
		"X1011 22:14:15.123456    1 main.go:12] text":                 none,
		"Exception in thread \"main\" java.lang.RuntimeException":     none,
		"ERROR is what it says":                                       none,
		"error: disk full":                                            none,
		"[error] disk full":                                           none,
		"an ERROR: disk full":                                         none,
		"2026-10-11 22:14:15 the last ERROR was here":                 none,
		"2026-10-11 22:14:15 started ERROR":                           none,
		"2026-10-11 ERROR":                                            none,
		"22:14:15":                                                    none,
		"22:14:15 -":                                                  none,
		"22:14:15 [":                                                  none,
		"[":                                                           none,
		"level=":                                                      none,
		"first line\nERROR: second":                                   none,
		"":                                                            none,
	} {
		if got := read(severity.OfText([]byte(text))); got != want {
			t.Errorf("the text %q has the severity %s, want %s", text, got, want)
		}
	}
}

func FuzzOfText(f *testing.F) {
	for _, seed := range []string{"ERROR:x", "22:14:15 [a] - b - INFO x", `a="b" level=info`, "[2026-10-11 22:14:15"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, found := severity.OfText(text[:len(text):len(text)])
		if topic, ok := severity.OfTopic(text); found && s > severity.Debug || ok && topic > severity.Debug {
			t.Fatalf("%q has the severity %v, as a topic %v", text, s, topic)
		}
		if n := testing.AllocsPerRun(1, func() { severity.OfText(text); severity.OfTopic(text) }); n != 0 {
			t.Fatalf("%v allocations for %q", n, text)
		}
	})
}
