package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Lines have the wanted size, each has a time of its own, and they are collected with how long they took.
func TestFeedAndArrivals(t *testing.T) {
	in, out := connected(t)
	f := &feed{conn: in, filling: strings.Repeat("x", 200)}
	if err := f.write(3); err != nil || f.sent != 3 {
		t.Fatal(f.sent, err)
	}
	name := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	grown, err := fileTail(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := &running{out: grown}
	a := p.collect(ctx)
	lines := bufio.NewReader(out)
	for range 3 {
		line, err := lines.ReadString('\n')
		if err != nil || len(line) != 201 {
			t.Fatalf("%d bytes: %q, %v", len(line), line, err)
		}
		appendTo(t, name, line[:100])
		appendTo(t, name, line[100:])
	}
	if err := a.await(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	cancel()
	if <-a.done; !errors.Is(a.err, context.Canceled) {
		t.Error(a.err)
	}
	for i := range 3 {
		if a.delay[i] <= 0 || i > 0 && a.stamps[i] <= a.stamps[i-1] {
			t.Errorf("delays %v, stamps %v", a.delay, a.stamps)
		}
	}
}

// connected returns two ends of a connection.
func connected(t *testing.T) (*net.UnixConn, io.Reader) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	in, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); out.Close() })
	return in.(*net.UnixConn), out
}

func appendTo(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// A destination that ends early is reported, and does not hang.
func TestDestinationEnds(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	a := (&running{out: pipeTail(read)}).collect(t.Context())
	write.Close()
	if err := a.await(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "0 of 1 lines") {
		t.Error(err)
	}
}

func TestFreeze(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	thaw, err := freeze(t.Context(), cmd)
	if err != nil || !frozen(cmd.Process.Pid) {
		t.Error("not frozen", err)
	}
	thaw()
	io.WriteString(in, "on\n") //nolint:errcheck // the answer shows it
	in.Close()
	if text, err := io.ReadAll(out); err != nil || string(text) != "on\n" {
		t.Errorf("%q, %v", text, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
