package kafka

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// A token's file that is away for a moment, because it is being replaced, loses nothing.
func TestTokenIsReplaced(t *testing.T) {
	for _, query := range []string{"", "&once=true"} {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		target, err := ParseTarget("kafka://localhost:1/logs.{topic}?sasl=OAUTHBEARER" + query)
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewWriter(Config{Target: target, TokenFile: file, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, 0); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		plain := []message.Message{{Payload: []byte("x"), Topic: []byte("a"), HasTopic: true}}
		err = w.Store(ctx, plain, [][]byte{[]byte("x")}, func(_ int, refusal error) {
			t.Errorf("%q: settled with %v", query, refusal)
		})
		if err == nil || !strings.Contains(err.Error(), "the password or the token cannot be read") {
			t.Errorf("%q: %v", query, err)
		}
		w.Close(ctx) //nolint:errcheck // it is always nil
	}
}
