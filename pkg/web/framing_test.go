package web_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

// hostile has payloads that contain whatever could be mistaken for framing.
var hostile = []string{
	"", "plain", "line\nfeed", "\n", "carriage\rreturn\r\n", "nul\x00", "data: forged\n\nevent: gap\ndata: {}\n\n", "\ufeffmark", "\xff\xfe", "\xc3(", "\u2028\u2029\u0085",
	`"quotes" \ and </script><!--`, "id: 7\x00", strings.Repeat("x", 1<<20), strings.Repeat("\n", 100_000), strings.Repeat("\x01", 1<<20),
}

func TestPlainText(t *testing.T) {
	s := serve(t, web.Config{})
	a := s.plain("")
	if got := a.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	s.publish("only", "topic|payload", "topic|more|frames|payload", "|", "#012")
	a.expect("only\npayload\npayload\n\n#012\n")
	for payload, want := range map[string]string{
		"two\nlines\n":             "two#012lines",
		"\n":                       "",
		"no more than one\n\n":     "no more than one#012",
		"\r\x00\x1b[2J\x7f":        "#015#000#033[2J#177",
		"a\ttab, é, 日本, 😀":         "a\ttab, é, 日本, 😀",
		"\x9b2J\xff\xc3(":          "#2332J#377#303(",
		"\u009b2J\u202egnp\u2028x": "<U+009B>2J<U+202E>gnp<U+2028>x",
		"zmqtap: 999 messages are missing here: this reader is too slow": "#172mqtap: 999 messages are missing here: this reader is too slow",
		"z\u200dmqtap: 9 messages are missing here":                      "#172\u200dmqtap: 9 messages are missing here",
		"x\nzmqtap: 9 messages are missing here":                         "x#012zmqtap: 9 messages are missing here",
	} {
		s.source.Give(s.stream.Publish, []string{"t", payload})
		a.expect(want + "\n")
	}
	s.stream.Report(tap.Gap{Publisher: "tcp://p:1", Count: 3, Reason: "two\nlines\x1b"})
	a.expect("zmqtap: tcp://p:1: 3 messages are missing here: two#012lines#033\n")
}

// With raw=1 all bytes stay as they are, but for what separates lines and what begins a line of zmqtap's own.
func TestRawText(t *testing.T) {
	s := serve(t, web.Config{})
	s.plain("?raw=0").Body.Close()
	s.readers(0)
	a := s.plain("?raw=1")
	for _, payload := range hostile {
		s.source.Give(s.stream.Publish, []string{"t", payload})
		a.expect(strings.NewReplacer("\n", "#012", "\x00", "#000").Replace(payload) + "\n")
	}
	s.source.Give(s.stream.Publish, []string{"t", "zmqtap: 999 messages are missing here\x1b"})
	a.expect("#172mqtap: 999 messages are missing here\x1b\n")
	s.stream.Report(tap.Gap{Count: 3, Reason: "why"})
	a.expect("zmqtap: 3 messages are missing here: why\n")
}

// Long payloads are written in pieces, which cut no character and escape the beginning of the first one only.
func TestLongPlainText(t *testing.T) {
	s := serve(t, web.Config{})
	a, raw := s.plain(""), s.plain("?raw=1")
	for _, test := range []struct{ payload, want, raw string }{
		{"zmqtap: " + strings.Repeat("x", 100_000), "#172mqtap: " + strings.Repeat("x", 100_000), "#172mqtap: " + strings.Repeat("x", 100_000)},
		{strings.Repeat("zmqtap: ", 8192), "#172mqtap: " + strings.Repeat("zmqtap: ", 8191), "#172mqtap: " + strings.Repeat("zmqtap: ", 8191)},
		{strings.Repeat("xzmqtap:", 8192), strings.Repeat("xzmqtap:", 8192), strings.Repeat("xzmqtap:", 8192)},
		{strings.Repeat("x", 70_000) + "\n", strings.Repeat("x", 70_000), strings.Repeat("x", 70_000) + "#012"},
		{strings.Repeat("\xff", 70_000), strings.Repeat("#377", 70_000), strings.Repeat("\xff", 70_000)},
		{strings.Repeat("\x80", 70_000), strings.Repeat("#200", 70_000), strings.Repeat("\x80", 70_000)},
	} {
		s.source.Give(s.stream.Publish, []string{"t", test.payload})
		a.expect(test.want + "\n")
		raw.expect(test.raw + "\n")
	}
	for _, character := range []string{"é", "日", "😀", "\u202e"} { // at every place in the pieces
		want := character
		if character == "\u202e" {
			want = "<U+202E>"
		}
		for shift := range 4 {
			begin := strings.Repeat("x", shift)
			s.source.Give(s.stream.Publish, []string{"t", begin + strings.Repeat(character, 40_000)})
			a.expect(begin + strings.Repeat(want, 40_000) + "\n")
			raw.expect(begin + strings.Repeat(character, 40_000) + "\n")
		}
	}
}

// An event is "id: INSTANCE-1", "data: {…}" and an empty line, and nothing else.
func TestEvents(t *testing.T) {
	s := serve(t, web.Config{})
	a := s.events("")
	if got := a.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	a.expect("retry: 2000\n\n")
	s.publish("only", "topic|payload", "|a|b|")
	for i, want := range []string{`"message":"only"`, `"topic":"topic","message":"payload"`, `"topic":"","message":"","frames":["a","b"]`} {
		got := a.line() + "\n" + a.line() + "\n" + a.line() + "\n"
		form := fmt.Sprintf(`^id: [0-9a-f]{8}-%d\ndata: \{%s,"received":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"\}\n\n$`, i+1, regexp.QuoteMeta(want))
		if !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("read %q, want %s", got, form)
		}
	}
	at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.FixedZone("", 3600))
	s.stream.Report(tap.Gap{Publisher: "tcp://p:1", Count: 3, Reason: "two\nlines", Time: at})
	a.expect("event: gap\ndata: {\"publisher\":\"tcp://p:1\",\"count\":3,\"reason\":\"two\\nlines\",\"time\":\"2026-02-03T03:05:06.000007Z\"}\n\n")
	s.stream.Report(tap.Gap{Reason: "why", Time: at})
	a.expect("event: gap\ndata: {\"reason\":\"why\",\"time\":\"2026-02-03T03:05:06.000007Z\"}\n\n")
}

func TestEventsOfHostilePayloads(t *testing.T) {
	s := serve(t, web.Config{})
	a := s.events("")
	for i, payload := range hostile {
		s.source.Give(s.stream.Publish, []string{payload, payload})
		e := a.event()
		if strings.ContainsAny(e.data, "\r\n\x00") || !strings.HasSuffix(e.id, fmt.Sprint("-", i+1)) || e.name != "" {
			t.Errorf("payload %d: event %.300q", i, e)
		}
		var m struct {
			Topic, Message *string
			TopicBase64    *string `json:"topic_base64"`
			MessageBase64  *string `json:"message_base64"`
		}
		if err := json.Unmarshal([]byte(e.data), &m); err != nil {
			t.Fatal(err)
		}
		for _, field := range [][2]*string{{m.Topic, m.TopicBase64}, {m.Message, m.MessageBase64}} {
			got := field[0]
			if got == nil && field[1] != nil {
				raw, err := base64.StdEncoding.DecodeString(*field[1])
				text := string(raw)
				if got = &text; err != nil {
					t.Error(err)
				}
			}
			if got == nil || *got != payload {
				t.Errorf("payload %d has changed: %.300q", i, e.data)
			}
		}
	}
}

// Accept selects events, also as one type of several.
func TestAccept(t *testing.T) {
	s := serve(t, web.Config{})
	for accept, events := range map[string]bool{
		"text/event-stream": true, "text/html, TEXT/event-stream;q=0.5": true, "*/*": false, "text/*": false, "text/event-streams": false, "text/plain": false, "": false,
	} {
		a := s.do(http.MethodHead, "/stream", "Accept: "+accept)
		if got := strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream"); got != events {
			t.Errorf("Accept: %s gets %s", accept, a.Header.Get("Content-Type"))
		}
	}
}

func TestHeartbeat(t *testing.T) {
	cfg := web.Config{}
	cfg.Heartbeat = 5 * time.Millisecond
	s := serve(t, cfg)
	a := s.events("")
	a.expect("retry: 2000\n\n:\n\n:\n\n")
	b := s.plain("")
	a.expect(":\n\n:\n\n:\n\n:\n\n")
	s.publish("first")
	b.expect("first\n")
}

// A busy stream of which the filter passes nothing does not suppress heartbeats.
func TestHeartbeatOfABusyStream(t *testing.T) {
	cfg := web.Config{}
	cfg.Heartbeat = 5 * time.Millisecond
	s := serve(t, cfg)
	a := s.events(hardGrep)
	stop := s.busy()
	for beats := 0; beats < 2; {
		if a.line() == ":" {
			beats++
		}
	}
	stop()
}

// hardGrep matches nothing that busy publishes, and takes so long that messages always wait.
const hardGrep = "?grep=(x|y|.x.)*z"

// busy publishes without a pause until stop is called.
func (s *served) busy() (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	messages := make([][]string, 100)
	for i := range messages {
		messages[i] = []string{strings.Repeat("x", 1000)}
	}
	go func() {
		defer close(ended)
		b := s.source.Batch(messages[:3]...)
		for {
			select {
			case <-quit:
				return
			default:
				for range 20 {
					s.stream.Publish(b)
				}
			}
		}
	}()
	return func() { close(quit); <-ended }
}

// The bytes on the connection: HTTP/1.1 has chunks, the last of them empty; HTTP/1.0 ends with the connection.
func TestBytesOnTheWire(t *testing.T) {
	for version, want := range map[string]string{"1.1": "6\r\nfirst\n\r\n7\r\nsecond\n\r\n0\r\n\r\n", "1.0": "first\nsecond\n"} {
		s := serve(t, web.Config{})
		r := bufio.NewReader(s.raw("GET /stream HTTP/" + version + "\r\nHost: localhost\r\n\r\n"))
		head := ""
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if head += line; err != nil {
				t.Fatal(err)
			}
		}
		s.readers(1)
		s.publish("first")
		want, found := strings.CutPrefix(want, "6\r\nfirst\n\r\n")
		first := "6\r\nfirst\n\r\n"
		if !found {
			want, first = strings.TrimPrefix(want, "first\n"), "first\n"
		}
		got := make([]byte, len(first))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != first {
			t.Errorf("read %q, %v", got, err)
		}
		s.publish("second")
		s.stop()
		if rest, err := io.ReadAll(r); err != nil || string(rest) != want {
			t.Errorf("HTTP/%s: %q, %v; want %q", version, rest, err, want)
		}
		for _, header := range []string{"X-Accel-Buffering: no", "Cache-Control: no-store, no-transform", "X-Content-Type-Options: nosniff",
			"Cross-Origin-Resource-Policy: same-origin", "HTTP/" + version + " 200 OK"} {
			if version == "1.1" && !strings.Contains(head, header+"\r\n") {
				t.Errorf("no %s in %q", header, head)
			}
		}
	}
}
