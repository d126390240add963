package kafka

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Two that want new senders at the same time fence each other. One of them gets through, however slow Kafka is.
func TestTwoContendForNewSenders(t *testing.T) {
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 1, kfake.Ports(9092))
			defer f.end()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			var both sync.WaitGroup
			for n := range 2 {
				w, l := f.writer("?once=true", nil)
				defer f.close(w, time.Minute)
				l.set(func(kmsg.Request) fate {
					time.Sleep(time.Second)
					return arrives
				})
				both.Go(func() {
					if settled, err := store(ctx, w, n, 1); err != nil || settled[0] != "stored" {
						t.Errorf("settled %q, %v", settled, err)
					}
				})
			}
			both.Wait()
			stored := f.committed("data")[0]
			if slices.Sort(stored); !slices.Equal(stored, []string{"0/1", "1/1"}) {
				t.Errorf("stored %q", stored)
			}
		})
	}
}
