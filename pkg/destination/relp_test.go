package destination_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// relpServer accepts connections one after the other and writes what answer returns for each frame.
func relpServer(t *testing.T, answer func(relp.Frame) string) (to string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			var in []byte
			for buf := make([]byte, 4096); ; {
				n, err := conn.Read(buf)
				if err != nil {
					break
				}
				in = append(in, buf[:n]...)
				for f, n, err := relp.Parse(in, 1<<20); err == nil; f, n, err = relp.Parse(in, 1<<20) {
					io.WriteString(conn, answer(f))
					in = in[n:]
				}
			}
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return "relp://" + l.Addr().String()
}

func TestRELP(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 10)
	to := relpServer(t, func(f relp.Frame) string {
		if string(f.Command) == "syslog" {
			arrived <- string(f.Data)
			if string(f.Data) == "no" {
				return fmt.Sprintf("%d rsp 8 500 no!!\n", f.Txnr)
			}
		}
		return fmt.Sprintf("%d rsp 6 200 OK\n", f.Txnr)
	})
	d := open(t, to, destination.Raw, destination.Config{})
	if d.Done() != nil {
		t.Error("RELP never ends by itself")
	}
	got, settled := fates(t, 3)
	if err := d.Store(bounded(t), payloads("a\nb\x00", "no", ""), settled); err != nil {
		t.Fatal(err)
	}
	if want := []string{"ok", "relp: refused with 500: no!!", "ok"}; !slices.Equal(got, want) {
		t.Errorf("fates %q, want %q", got, want)
	}
	for _, want := range []string{"a\nb\x00", "no", ""} {
		if text := <-arrived; text != want {
			t.Errorf("%q arrived, want %q", text, want)
		}
	}
	if err := d.Close(bounded(t)); err != nil {
		t.Error(err)
	}
	d = open(t, to, destination.JSON, destination.Config{})
	if err := d.Store(bounded(t), payloads("a\nb"), func(int, error) {}); err != nil {
		t.Fatal(err)
	}
	if text := <-arrived; text != `{"message":"a\nb"}` {
		t.Errorf("%q arrived", text)
	}
}

func TestRELPCancelled(t *testing.T) {
	t.Parallel()
	d := open(t, relpServer(t, func(f relp.Frame) string {
		if string(f.Data) == "silence" {
			return ""
		}
		return fmt.Sprintf("%d rsp 6 200 OK\n", f.Txnr)
	}), destination.Raw, destination.Config{})
	ctx, cancel := context.WithCancel(bounded(t))
	got, settled := fates(t, 4)
	err := d.Store(ctx, payloads("a", "silence", "b", "silence"), func(i int, refusal error) {
		settled(i, refusal)
		if i == 2 {
			cancel()
		}
	})
	if want := []string{"ok", "", "ok", ""}; !errors.Is(err, context.Canceled) || !slices.Equal(got, want) {
		t.Errorf("%v; fates %q, want %q", err, got, want)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	config := destination.Config{Logger: slog.New(slog.DiscardHandler)}
	to := relpServer(t, func(f relp.Frame) string { return fmt.Sprintf("%d rsp 6 200 OK\n", f.Txnr) })
	target, err := destination.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := destination.Check(bounded(t), target, config); err != nil {
		t.Error(err)
	}
	if err := destination.Check(bounded(t), destination.Target{Kind: destination.Improg}, config); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there now
	target.Address = l.Addr().String()
	if err := destination.Check(bounded(t), target, config); err == nil || !strings.Contains(err.Error(), "imrelp") {
		t.Errorf("nobody listens: %v", err)
	}
}
