package destination_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// patience bounds every wait of these tests; nothing takes that long unless it hangs.
const patience = 20 * time.Second

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// pipe returns both ends of a pipe.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	r.SetDeadline(time.Now().Add(patience))
	return r, w
}

// open makes the destination and closes it at the end of the test, before the files.
func open(t *testing.T, to string, format destination.Format, config destination.Config) destination.Destination {
	t.Helper()
	target, err := destination.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = slog.New(slog.DiscardHandler)
	config.Reconnect = time.Millisecond
	d, err := destination.New(target, format, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(bounded(t)) })
	return d
}

func payloads(texts ...string) (batch []message.Message) {
	for _, text := range texts {
		batch = append(batch, message.Message{Payload: []byte(text)})
	}
	return batch
}

// fates returns what settled records: "" (not settled), "ok", or the reason. Settling twice is an error.
func fates(t *testing.T, n int) ([]string, func(int, error)) {
	got := make([]string, n)
	return got, func(i int, refusal error) {
		if got[i] != "" {
			t.Errorf("message %d settled twice", i)
		}
		if got[i] = "ok"; refusal != nil {
			got[i] = refusal.Error()
		}
	}
}

func over(t *testing.T, d destination.Destination) {
	t.Helper()
	select {
	case <-d.Done():
	case <-time.After(patience):
		t.Fatal("the destination has not ended")
	}
}

func TestImprog(t *testing.T) {
	t.Parallel()
	stdin, toChild := pipe(t)
	fromChild, stdout := pipe(t)
	d := open(t, "improg", destination.Raw, destination.Config{Stdin: stdin, Stdout: stdout})
	took := make(chan []string, 1)
	go func() {
		toChild.WriteString("START\n")
		lines := bufio.NewScanner(fromChild)
		var texts []string
		for len(texts) < 3 && lines.Scan() {
			texts = append(texts, lines.Text())
			toChild.WriteString("ACK\n")
		}
		took <- texts
		toChild.WriteString("STOP\n")
		fromChild.Close()
		toChild.Close()
	}()
	got, settled := fates(t, 2)
	if err := d.Store(bounded(t), payloads("a\nb", "c"), settled); err != nil {
		t.Fatal(err)
	}
	prefix(t, got, 2, 2)
	got, settled = fates(t, 2)
	if err := d.Store(bounded(t), payloads("d", "e"), settled); !errors.Is(err, destination.ErrOver) {
		t.Error(err)
	}
	if texts := <-took; !slices.Equal(texts, []string{"a#012b", "c", "d"}) {
		t.Errorf("took %q", texts)
	}
	prefix(t, got, 1, 1)
	over(t, d)
	if err := d.Close(bounded(t)); err != nil {
		t.Error(err)
	}
}

func TestImprogGarbage(t *testing.T) {
	t.Parallel()
	stdin, toChild := pipe(t)
	_, stdout := pipe(t)
	d := open(t, "improg", destination.Raw, destination.Config{Stdin: stdin, Stdout: stdout})
	toChild.WriteString("hello\n")
	over(t, d)
	err := d.Store(bounded(t), payloads("a"), nil)
	if err == nil || errors.Is(err, destination.ErrOver) || !strings.Contains(err.Error(), `"hello"`) {
		t.Errorf("Store: %v", err)
	}
	if closed := d.Close(bounded(t)); closed == nil || closed.Error() != err.Error() {
		t.Errorf("Close: %v", closed)
	}
}
