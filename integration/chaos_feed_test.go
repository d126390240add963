package integration

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// relpToRuleset receives over RELP. The ruleset has no queue, so imrelp answers 200 only after the ruleset has
// processed the message.
const relpToRuleset = `
module(load="imrelp")
input(type="imrelp" address="127.0.0.1" port="[relp]" ruleset="in" maxDataSize="64k" flowControl="full")
`

// relpToFileAtOnce receives over RELP and acknowledges a message after write(2) has taken it.
const relpToFileAtOnce = `
module(load="imrelp")
ruleset(name="received" queue.type="Direct") {
	action(type="omfile" file="[dir]/out" template="raw" flushOnTXEnd="on" asyncWriting="off" ioBufferSize="64k")
}
input(type="imrelp" address="127.0.0.1" port="[relp]" ruleset="received" maxDataSize="64k" flowControl="full")
`

// feeder sends lines over RELP, numbered from 0, until it is stopped. Lines that rsyslogd does not acknowledge
// before it dies are sent again.
type feeder struct {
	acknowledged atomic.Int64 // number of lines
	stopped      chan struct{}
	ended        chan error
}

// startFeeder sends to the imrelp at port: perSecond lines per second, and at most that many in all.
func startFeeder(t *testing.T, port string, l lines, perSecond, most int) *feeder {
	t.Helper()
	client, err := relp.NewClient(relp.Config{
		Address: "127.0.0.1:" + port, Reconnect: 50 * time.Millisecond, ReconnectMax: 200 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &feeder{stopped: make(chan struct{}), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		err := f.feed(ctx, client, l, perSecond, most)
		client.Close(ctx) //nolint:errcheck // what counts has been acknowledged
		f.ended <- err
		close(f.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-f.ended
	})
	return f
}

func (f *feeder) feed(ctx context.Context, client *relp.Client, l lines, perSecond, most int) error {
	const ticks = 50 // per second
	tick := time.NewTicker(time.Second / ticks)
	defer tick.Stop()
	for n := 0; n < most; {
		select {
		case <-f.stopped:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		var batch [][]byte
		for range perSecond / ticks {
			batch = append(batch, l.line(n))
			n++
		}
		var refused error
		err := client.Send(ctx, batch, func(_ int, refusal error) {
			if refusal != nil {
				refused = refusal
			}
		})
		if err != nil || refused != nil {
			return fmt.Errorf("feeding up to line %d: %w", n, cmpError(err, refused))
		}
		f.acknowledged.Store(int64(n))
	}
	return fmt.Errorf("the feeder was not stopped before its last line")
}

func cmpError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// stop lets the feeder finish the batch in hand and returns the number of lines sent. All of them are
// acknowledged.
func (f *feeder) stop(t *testing.T) int {
	t.Helper()
	close(f.stopped)
	select {
	case err := <-f.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(2 * patience):
		t.Fatal("rsyslogd does not take what it is fed")
	}
	return int(f.acknowledged.Load())
}

// mend removes an unfinished line from the end of the file and reports whether there was one. A killed writer
// leaves it; no line of it has been acknowledged, and the next line would be appended to it.
func (a *account) mend(t *testing.T) bool {
	t.Helper()
	a.poll(t)
	if len(a.partial) == 0 {
		return false
	}
	a.offset -= int64(len(a.partial))
	a.partial = nil
	if err := os.Truncate(a.path, a.offset); err != nil {
		t.Fatal(err)
	}
	return true
}
