package intake

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// A sender whose messages are all refused does not fill the log; a later line tells how many it stands for.
func TestLostMessagesAreLoggedInFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		in := New(Config{Logger: slog.New(slog.NewTextHandler(&text, nil))}, nil, nil)
		for range 1000 {
			in.settlePlain(0, errors.New("not wanted"))
		}
		time.Sleep(time.Second)
		in.settlePlain(0, errors.New("not wanted"))
		if n := strings.Count(text.String(), "message lost"); n != log.Burst+1 || !strings.Contains(text.String(), "suppressed=990") {
			t.Errorf("%d lines: %s", n, text.String())
		}
		if in.counters.Refused != 1001 {
			t.Errorf("%d messages are counted", in.counters.Refused)
		}
	})
}
