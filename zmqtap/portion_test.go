package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// What has arrived when the program is to end is printed, in however many portions it would have been.
func TestPrintsWhatHasArrived(t *testing.T) {
	stream, source := tap.New(0), taptest.New(t)
	reader := portions{stream.Join(printInterest)}
	defer reader.Close()
	const lines = 4000
	line := strings.Repeat("x", 100)
	for range lines / 100 {
		source.Give(stream.Publish, slices.Repeat([][]string{{line}}, 100)...)
	}
	if some := messages(reader.Next(t.Context(), nil)); some == 0 || some == lines {
		t.Errorf("a portion is %d messages of %d", some, lines)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := newView(&printOptions{look: look{raw: true}}, reader, out, false, slog.New(slog.DiscardHandler))
	if err := v.print(ctx); err != nil {
		t.Fatal(err)
	}
	if got := v.summary().Printed; got == 0 || len(reader.Take(nil)) != 0 {
		t.Errorf("%d lines are printed, and others are left", got)
	}
}
