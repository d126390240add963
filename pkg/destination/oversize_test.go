package destination_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// What is too long for Redis is cut: a payload at a character, JSON inside of its strings.
func TestTooLongForRedis(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	server := redistest.Start(t, "--proto-max-bulk-len", fmt.Sprint(mib))
	texts := []string{
		"short", strings.Repeat("é", mib), strings.Repeat("\x01", mib), strings.Repeat("\xff", 2*mib),
		strings.Repeat("\x01", mib/8) + strings.Repeat("x", mib), "short, too",
	}
	batch := payloads(texts...)
	for i := range batch {
		batch[i].Sender, batch[i].Seq = "01ab", uint64(i+1)
		batch[i].Topic, batch[i].HasTopic = []byte("topic"), true
	}
	batch = append(batch, message.Message{Payload: []byte("its topic"), Topic: make([]byte, mib), HasTopic: true, Sender: "01ab", Seq: 9})
	for format, key := range map[destination.Format]string{destination.Raw: "raw", destination.JSON: "json"} {
		d := open(t, "redis://"+server.Addr()+"/0?list="+key, format, destination.Config{})
		got, settled := fates(t, len(batch))
		if err := d.Store(bounded(t), batch, settled); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(got, func(fate string) bool { return fate != "ok" }) {
			t.Errorf("fates %q", got)
		}
		list := server.List(key)
		if len(list) != len(batch) {
			t.Fatalf("%d messages are stored, want %d", len(list), len(batch))
		}
		cut := 0
		for i, text := range list {
			whole := string(batch[i].Payload)
			if format == destination.JSON {
				var m struct {
					Topic, Message string
					Base64         []byte `json:"message_base64"`
				}
				if err := json.Unmarshal([]byte(text), &m); err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
				if m.Topic != "topic" && i < len(texts) {
					t.Errorf("message %d has the topic %q", i, m.Topic)
				}
				if n := len(text); n > mib || n < mib/2 && len(whole) > 20 {
					t.Errorf("message %d has %d bytes of JSON", i, n)
				}
				text = m.Message + string(m.Base64)
			}
			if len(text) > mib || !strings.HasPrefix(whole, text) || strings.HasPrefix(whole, "é") && len(text)%2 > 0 {
				t.Errorf("message %d: %d bytes, and not the beginning of it", i, len(text))
			}
			if text != whole || i == len(texts) && format == destination.JSON {
				cut++
			}
		}
		if d.Truncated() != uint64(cut) || cut < 3 {
			t.Errorf("%d counted as cut, want %d", d.Truncated(), cut)
		}
	}
}

// The same for a RELP server that ends the session.
func TestTooLongForRELP(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 10)
	to := pickyServer(t, 3000, arrived)
	d := open(t, to, destination.JSON, destination.Config{})
	got, settled := fates(t, 1)
	if err := d.Store(bounded(t), payloads(strings.Repeat("x", 5000)), settled); err != nil {
		t.Fatal(err)
	}
	text := <-arrived
	if !json.Valid([]byte(text)) || len(text) > 3000 || got[0] != "ok" || d.Truncated() != 1 {
		t.Errorf("%d bytes arrived: %.40q; fate %s, %d counted as cut", len(text), text, got[0], d.Truncated())
	}
}

// pickyServer ends a session at a message of more than limit bytes.
func pickyServer(t *testing.T, limit int, arrived chan<- string) (to string) {
	return relpServer(t, func(f relp.Frame) string {
		if string(f.Command) == "syslog" {
			if len(f.Data) > limit {
				return "0 serverclose 0\n"
			}
			arrived <- string(f.Data)
		}
		return fmt.Sprintf("%d rsp 6 200 OK\n", f.Txnr)
	})
}
