package destination_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

func TestRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	to := "redis://" + server.Addr() + "/0?list=logs"
	batch := []message.Message{
		{Payload: []byte("a\nb"), Topic: []byte("t"), HasTopic: true, Sender: "01ab", Seq: 7},
		{Payload: []byte("a\nb"), Topic: []byte("t"), HasTopic: true, Sender: "01ab", Seq: 8},
	}
	d := open(t, to, destination.Raw, destination.Config{})
	if d.Done() != nil {
		t.Error("Redis never ends by itself")
	}
	got, settled := fates(t, 2)
	if err := d.Store(bounded(t), batch[:1], settled); err != nil {
		t.Fatal(err)
	}
	d = open(t, to, destination.JSON, destination.Config{})
	again, settled := fates(t, 2)
	if err := d.Store(bounded(t), batch, settled); err != nil {
		t.Fatal(err)
	}
	if got[0] != "ok" || again[0] != destination.ErrRepeat.Error() || again[1] != "ok" {
		t.Errorf("fates %q, %q", got, again)
	}
	if list := server.List("logs"); len(list) != 2 || list[0] != "a\nb" || list[1] != `{"topic":"t","message":"a\nb","seq":8}` {
		t.Errorf("%q", list)
	}

	d = open(t, strings.Replace(to, "list", "stream", 1)+".stream", destination.Raw, destination.Config{})
	batch[0].Peer, batch[0].Received = "127.0.0.1:1", time.Unix(0, 0)
	if err := d.Store(bounded(t), batch[:1], func(int, error) {}); err != nil {
		t.Fatal(err)
	}
	entries, err := server.Client().XRange(context.Background(), "logs.stream", "-", "+").Result()
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	for name, value := range map[string]string{
		"topic": "t", "message": "a\nb", "peer": "127.0.0.1:1", "sender": "01ab", "seq": "7", "received": "1970-01-01T00:00:00.000000Z",
	} {
		if entries[0].Values[name] != value {
			t.Errorf("%s is %q, want %q", name, entries[0].Values[name], value)
		}
	}
}
