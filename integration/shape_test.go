package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
)

// The shape of messages: topics, frames, JSON, limits.

func TestTopics(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		line  string
		want  []string
	}{
		{"none", nil, "<13>a\tb", []string{"<13>a\tb"}},
		{"constant", []string{"--topic", "logs"}, "<13>a", []string{"logs", "<13>a"}},
		{"constant, inline", []string{"--topic", "logs", "--topic-inline"}, "<13>a", []string{"logs<13>a"}},
		{"delimiter", []string{"--topic-delimiter", `\t`}, "auth\t<13>a\tb", []string{"auth", "<13>a\tb"}},
		{"delimiter, inline", []string{"--topic-delimiter", "|", "--topic-inline"}, "auth|<13>a|b", []string{"auth<13>a|b"}},
		{"delimiter missing", []string{"--topic-delimiter", `\t`}, "<13>a", []string{"", "<13>a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			puller := startPeer(t, "PULL", "--bind", "tcp://127.0.0.1:*")
			d := drive(t, append([]string{"--socket", "push", "--connect", puller.endpoint}, c.flags...)...)
			before := d.stderr.String()
			for range 3 {
				d.commits(t, c.line, c.line)
				puller.expect(t, c.want...)
				puller.expect(t, c.want...)
			}
			wantExit(t, d, 0)
			warnings := strings.Count(strings.TrimPrefix(d.stderr.String(), before), "level=WARN")
			if want := strings.Count(c.name, "missing"); warnings != want {
				t.Errorf("%d warnings, want %d:\n%s", warnings, want, d.stderr)
			}
		})
	}
}

// A transaction is accepted whole, whatever --hwm says: rsyslog's batch bounds it.
func TestTransactionLongerThanHighWaterMark(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--hwm", "1", "--connect", endpoint)
	texts := numbered("long", 5000)
	d.commits(t, texts...)
	wantExit(t, d, 0)
	wantStored(t, router, texts...)
	wantNothingMore(t, router)
}

func TestImzmqJSON(t *testing.T) {
	r := startPrinter(t, "--socket", "pull", "--format", "json", "--bind", "tcp://127.0.0.1:0")
	peer := startPeer(t, "PUSH", "--connect", "tcp://127.0.0.1:"+r.boundPort(t))
	for _, c := range []struct {
		frames []string
		want   map[string]any
	}{
		{[]string{"<13>a \"b\"\nc\x00d"}, map[string]any{"message": "<13>a \"b\"\nc\x00d"}},
		{[]string{"topic", "<13>ä"}, map[string]any{"topic": "topic", "message": "<13>ä"}},
		{[]string{"topic", "two", "three", "<13>x"}, map[string]any{"topic": "topic", "message": "<13>x", "frames": []any{"two", "three"}}},
		{[]string{"\xff\xfe"}, map[string]any{"message_base64": "//4="}},
	} {
		peer.send(t, c.frames...)
		var got map[string]any
		if line := r.next(t); json.Unmarshal([]byte(line), &got) != nil {
			t.Fatalf("no JSON: %q", line)
		}
		if got["peer"] == nil || got["received"] == nil {
			t.Errorf("no peer or received: %v", got)
		}
		delete(got, "peer")
		delete(got, "received")
		if c.want["topic"] == nil && got["topic"] == "" {
			delete(got, "topic")
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%q became %v, want %v", c.frames, got, c.want)
		}
	}
}

// A plain line stays one line: bytes that would end it are written as rsyslog writes them.
func TestImzmqEscapesLineFeeds(t *testing.T) {
	r := startPrinter(t, "--socket", "pull", "--bind", "tcp://127.0.0.1:0")
	peer := startPeer(t, "PUSH", "--connect", "tcp://127.0.0.1:"+r.boundPort(t))
	peer.send(t, "<13>two\nlines\x00and\ta tab")
	r.expect(t, "<13>two#012lines#000and\ta tab")
}

// Strangers that connect and send nothing, nonsense or too much take nothing away from the others.
func TestStrangersDoNotDisturb(t *testing.T) {
	r := startPrinter(t, "--socket", "pull", "--max-message-size", "10KiB", "--bind", "tcp://127.0.0.1:0")
	port := r.boundPort(t)
	greeting := "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x03\x00NULL" + strings.Repeat("\x00", 48)
	ready := "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH"
	for _, says := range slices.Repeat([]string{
		"", "GET / HTTP/1.1\r\n\r\n", "\xff", greeting, greeting[:40],
		greeting + "\x06\x7f\xff\xff\xff\xff\xff\xff\xff",
		greeting + "\x04\x0a\x05READY\xff\xff\xff\xff",
		greeting + ready + "\x02\x00\x00\x01\x00\x00\x00\x00\x00", // a frame of 1 TiB
	}, 20) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(says)); err != nil {
			t.Fatal(err)
		}
	}
	tooMuch := startPeer(t, "PUSH", "--connect", "tcp://127.0.0.1:"+port)
	tooMuch.send(t, "<13>"+strings.Repeat("x", 20<<10))
	r.expect(t, "<13>"+strings.Repeat("x", 10<<10-len("<13>")))
	peer := startPeer(t, "PUSH", "--connect", "tcp://127.0.0.1:"+port)
	peer.send(t, "<13>undisturbed")
	r.expect(t, "<13>undisturbed")
	if kib := residentKiB(t, r.pid()); kib > 64<<10 {
		t.Errorf("imzmq holds %d KiB", kib)
	}
	r.stop(t)
	if rest := r.rest(t); len(rest) > 0 {
		t.Errorf("stored %.100q", rest)
	}
}
