package message_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 1234567, time.FixedZone("", 7200))

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		m    message.Message
		want string
	}{
		{"empty", message.Message{}, `{"message":""}`},
		{"payload", message.Message{Payload: []byte("hello")}, `{"message":"hello"}`},
		{"every key", message.Message{
			Topic: []byte("t"), HasTopic: true, Frames: [][]byte{[]byte("a"), {}}, Payload: []byte("p"),
			Peer: "[::1]:5", User: "app", Seq: 1<<64 - 1, Received: noon,
		}, `{"topic":"t","message":"p","frames":["a",""],"peer":"[::1]:5","user":"app","seq":18446744073709551615,"received":"2026-05-04T10:00:00.001234Z"}`},
		{"empty topic", message.Message{HasTopic: true}, `{"topic":"","message":""}`},
		{"binary", message.Message{Topic: []byte{0xff}, HasTopic: true, Frames: [][]byte{[]byte("a"), {0x80}}, Payload: []byte{0, 0xc3}},
			`{"topic_base64":"/w==","message_base64":"AMM=","frames_base64":["YQ==","gA=="]}`},
		{"controls", message.Message{Payload: []byte("\x00\x1f\t\r\n\b\x7f")}, `{"message":"\u0000\u001f\t\r\n\u0008` + "\x7f" + `"}`},
		{"quotes", message.Message{Payload: []byte(`"\/<&>`)}, `{"message":"\"\\/<&>"}`},
		{"line separators", message.Message{Payload: []byte("a\u2028b\u2029c\u2027")}, `{"message":"a\u2028b\u2029c` + "\u2027" + `"}`},
		{"letters", message.Message{Payload: []byte("é€😀\ufffd")}, `{"message":"é€😀` + "\ufffd" + `"}`},
		{"user not UTF-8", message.Message{User: "a\xffb\xe2\x80"}, `{"message":"","user":"a\ufffdb\ufffd\ufffd"}`},
		{"whole second", message.Message{Received: time.Unix(0, 0)}, `{"message":"","received":"1970-01-01T00:00:00.000000Z"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := string(message.AppendJSON([]byte("> "), &c.m))
			if got != "> "+c.want {
				t.Errorf("got  %s\nwant > %s", got, c.want)
			}
			check(t, &c.m)
		})
	}
}

// read is the JSON line as a consumer reads it.
type read struct {
	Topic         *string   `json:"topic"`
	TopicBase64   *string   `json:"topic_base64"`
	Message       *string   `json:"message"`
	MessageBase64 *string   `json:"message_base64"`
	Frames        []string  `json:"frames"`
	FramesBase64  []string  `json:"frames_base64"`
	Peer          string    `json:"peer"`
	User          string    `json:"user"`
	Seq           uint64    `json:"seq"`
	Received      time.Time `json:"received"`
}

// check reads AppendJSON's text with encoding/json and compares the result with m.
func check(t *testing.T, m *message.Message) {
	t.Helper()
	line := message.AppendJSON(nil, m)
	if i := bytes.IndexFunc(line, func(r rune) bool { return r < ' ' || r == '\u2028' || r == '\u2029' }); i >= 0 {
		t.Fatalf("a control character or line separator at byte %d of %q", i, line)
	}
	var r read
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", line, err)
	}
	if d.More() {
		t.Fatalf("more than one value in %q", line)
	}
	if got := pick(t, r.Message, r.MessageBase64); !bytes.Equal(got, m.Payload) {
		t.Errorf("message %q, want %q", got, m.Payload)
	}
	if has := r.Topic != nil || r.TopicBase64 != nil; has != m.HasTopic {
		t.Errorf("has a topic: %v, want %v", has, m.HasTopic)
	} else if has && !bytes.Equal(pick(t, r.Topic, r.TopicBase64), m.Topic) {
		t.Errorf("topic in %q, want %q", line, m.Topic)
	}
	checkFrames(t, &r, m.Frames)
	checkRest(t, &r, m)
}

// pick returns the value in whichever of the two forms is there.
func pick(t *testing.T, text, encoded *string) []byte {
	t.Helper()
	if (text == nil) == (encoded == nil) {
		t.Fatal("not exactly one of the text and base64 forms")
	}
	if text != nil {
		return []byte(*text)
	}
	return unbase64(t, *encoded)
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkFrames(t *testing.T, r *read, want [][]byte) {
	t.Helper()
	var got [][]byte
	for _, f := range r.Frames {
		got = append(got, []byte(f))
	}
	for _, f := range r.FramesBase64 {
		got = append(got, unbase64(t, f))
	}
	if len(want) == 0 {
		want = nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("frames %q, want %q", got, want)
	}
}

func checkRest(t *testing.T, r *read, m *message.Message) {
	t.Helper()
	if want := strings.ToValidUTF8(m.Peer, "\ufffd"); utf8.ValidString(m.Peer) && r.Peer != want {
		t.Errorf("peer %q, want %q", r.Peer, want)
	}
	if utf8.ValidString(m.User) && r.User != m.User {
		t.Errorf("user %q, want %q", r.User, m.User)
	}
	if r.Seq != m.Seq {
		t.Errorf("seq %d, want %d", r.Seq, m.Seq)
	}
	if want := m.Received.Truncate(time.Microsecond); !m.Received.IsZero() && !r.Received.Equal(want) {
		t.Errorf("received %v, want %v", r.Received, want)
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte("topic"), true, []byte("frame"), []byte("payload"), "127.0.0.1:1", "user", uint64(1), int64(1))
	f.Fuzz(func(t *testing.T, topic []byte, hasTopic bool, frame, payload []byte, peer, user string, seq uint64, micros int64) {
		m := message.Message{Topic: topic, HasTopic: hasTopic, Payload: payload, Peer: peer, User: user, Seq: seq}
		if len(frame) > 0 {
			m.Frames = [][]byte{frame, {}}
		}
		const years = int64(200*365*24) * int64(time.Hour/time.Microsecond) // RFC 3339 has four digits for the year
		m.Received = time.UnixMicro(micros % years)
		check(t, &m)
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	m := message.Message{
		Topic: []byte("host.app"), HasTopic: true, Payload: bytes.Repeat([]byte("0123456789"), 20),
		Peer: "127.0.0.1:5000", Seq: 7, Received: noon,
	}
	dst := make([]byte, 0, 1024)
	b.SetBytes(int64(len(m.Payload)))
	for b.Loop() {
		dst = message.AppendJSON(dst[:0], &m)
	}
}

// Eight bytes are looked at together: every byte must be escaped in every place, whatever is next to it.
func TestEveryByteInJSON(t *testing.T) {
	for _, beside := range []byte{' ', '~', '!', '[', '#', ']'} {
		for at := range 20 {
			for c := range 256 {
				text := bytes.Repeat([]byte{beside}, 20)
				text[at] = byte(c)
				want, err := json.Marshal(string(text))
				if err != nil {
					t.Fatal(err)
				}
				var was, is string
				got := append(message.AppendCharacters([]byte{'"'}, text), '"')
				if json.Unmarshal(want, &was) != nil || json.Unmarshal(got, &is) != nil || was != is {
					t.Errorf("%q becomes %s, want %s", text, got, want)
				}
			}
		}
	}
}

// The time of reception is written as its layout says.
func TestReceivedLayout(t *testing.T) {
	zone := time.FixedZone("", -7*3600)
	for _, nanoseconds := range []int{0, 999, 1000, 120_000, 999_999_999, 500_000_000} {
		m := message.Message{Received: time.Date(2026, 12, 31, 23, 59, 59, nanoseconds, zone)}
		want := `{"message":"","received":"` + m.Received.UTC().Format(message.ReceivedLayout) + `"}`
		if got := string(message.AppendJSON(nil, &m)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
