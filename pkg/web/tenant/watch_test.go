package tenant

import (
	"context"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// Watch follows the file until it is told to stop.
func TestWatch(t *testing.T) {
	o := open(t, line(1), nil)
	o.poll = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); o.Watch(ctx) }()
	who := o.List().Find(token(1))
	write(t, o.path, line(2))
	taptest.Eventually(t, "the change", func() bool { return o.List().Find(token(2)) != nil })
	<-who.Ended()
	cancel()
	<-ended

	hangups := make(chan os.Signal)
	o.poll, o.cfg.Hangups, ended = time.Hour, hangups, make(chan struct{})
	ctx, cancel = context.WithCancel(t.Context())
	go func() { defer close(ended); o.Watch(ctx) }()
	write(t, o.path, line(3))
	for range 2 { // one look finds the change, the next one reads it
		hangups <- unix.SIGHUP
	}
	taptest.Eventually(t, "the change", func() bool { return o.List().Find(token(3)) != nil })
	cancel()
	<-ended
}
