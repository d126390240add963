package destination_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

func TestStdout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format destination.Format
		want   string
	}{
		{destination.Raw, "plain\n\na#012b#000c\nlast\n"},
		{destination.JSON, `{"message":"plain"}` + "\n" + `{"message":""}` + "\n" + `{"message":"a\nb\u0000c"}` + "\n" +
			`{"topic":"t","message":"last","seq":7}` + "\n"},
	} {
		r, w := pipe(t)
		d := open(t, "-", c.format, destination.Config{Stdout: w})
		batch := payloads("plain", "", "a\nb\x00c")
		batch = append(batch, message.Message{Topic: []byte("t"), HasTopic: true, Payload: []byte("last"), Seq: 7})
		for range 2 { // scratch is used again
			got, settled := fates(t, len(batch))
			if err := d.Store(bounded(t), batch, settled); err != nil || slices.ContainsFunc(got, func(s string) bool { return s != "ok" }) {
				t.Fatalf("%v; fates %q", err, got)
			}
			text := make([]byte, len(c.want))
			if _, err := io.ReadFull(r, text); err != nil || string(text) != c.want {
				t.Errorf("%q, %v; want %q", text, err, c.want)
			}
		}
		select {
		case <-d.Done():
			t.Error("ended, while there is a reader")
		default:
		}
		r.Close()
		over(t, d)
		if err := d.Store(bounded(t), batch, nil); !errors.Is(err, destination.ErrOver) {
			t.Errorf("Store after the end: %v", err)
		}
		if err := d.Close(bounded(t)); err != nil {
			t.Error(err)
		}
	}
}

func TestStdoutReaderGone(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	d := open(t, "-", destination.Raw, destination.Config{Stdout: w})
	batch := payloads(slices.Repeat([]string{strings.Repeat("x", 999)}, 1000)...)
	go func() { io.CopyN(io.Discard, r, 10_000); r.Close() }()
	got, settled := fates(t, len(batch))
	if err := d.Store(bounded(t), batch, settled); !errors.Is(err, destination.ErrOver) {
		t.Error(err)
	}
	prefix(t, got, 10, 80) // what is in the pipe counts as written
}

func TestStdoutCancelled(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	d := open(t, "-", destination.Raw, destination.Config{Stdout: w})
	batch := payloads(slices.Repeat([]string{strings.Repeat("x", 999)}, 1000)...)
	ctx, cancel := context.WithCancel(bounded(t))
	go func() { io.CopyN(io.Discard, r, 10_000); cancel() }()
	got, settled := fates(t, len(batch))
	if err := d.Store(ctx, batch, settled); !errors.Is(err, context.Canceled) || errors.Is(err, destination.ErrOver) {
		t.Error(err)
	}
	prefix(t, got, 10, 80)
}

// prefix wants the first messages stored, and from least to most of them.
func prefix(t *testing.T, got []string, least, most int) {
	t.Helper()
	n := 0
	for n < len(got) && got[n] == "ok" {
		n++
	}
	if n < least || n > most || slices.ContainsFunc(got[n:], func(s string) bool { return s != "" }) {
		t.Errorf("the first %d are stored, want %d to %d, and no others", n, least, most)
	}
}

func TestStdoutDiskFull(t *testing.T) {
	t.Parallel()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := open(t, "-", destination.Raw, destination.Config{Stdout: f})
	err = d.Store(bounded(t), payloads("a"), func(int, error) { t.Error("settled") })
	if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, destination.ErrOver) || !strings.Contains(err.Error(), "stdout") {
		t.Error(err)
	}
	d.Close(bounded(t))
}

// A batch that does not fit into the arena is sent in parts, in order, and every message is settled.
func TestLargeBatch(t *testing.T) {
	t.Parallel()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := open(t, "-", destination.JSON, destination.Config{Stdout: f})
	var batch []message.Message
	var want bytes.Buffer
	for i := range 10 {
		batch = append(batch, message.Message{Payload: bytes.Repeat([]byte{'a' + byte(i%26)}, 1<<20-i)})
		fmt.Fprintf(&want, "{\"message\":%q}\n", batch[i].Payload)
	}
	got, settled := fates(t, len(batch))
	if err := d.Store(bounded(t), batch, settled); err != nil {
		t.Fatal(err)
	}
	prefix(t, got, 10, 10)
	if text, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(text, want.Bytes()) {
		t.Errorf("%d bytes, %v; want %d", len(text), err, want.Len())
	}
	d.Close(bounded(t))
}

// A destination reuses its buffers: it allocates per batch, not per message.
func TestAllocations(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	batch := payloads(slices.Repeat([]string{"a line\nand another", strings.Repeat("x", 200)}, 500)...)
	for _, format := range []destination.Format{destination.Raw, destination.JSON} {
		d := open(t, "-", format, destination.Config{Stdout: null})
		if n := testing.AllocsPerRun(20, func() { d.Store(context.Background(), batch, func(int, error) {}) }); n > 20 {
			t.Errorf("format %v: %v allocations for a batch of %d", format, n, len(batch))
		}
		d.Close(bounded(t))
	}
}
