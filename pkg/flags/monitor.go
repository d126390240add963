package flags

import (
	"context"
	"log/slog"
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/metrics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// DroppedByPeer returns what yields how many messages each subscriber of a socket was too slow for.
func DroppedByPeer(s *zmq.Socket) func(yield func(peer string, n uint64)) {
	return func(yield func(string, uint64)) {
		s.EachPeer(func(p *zmq.Peer) bool {
			if n := p.Dropped(); n > 0 {
				yield(p.Remote(), n)
			}
			return true
		})
	}
}

// Monitor lets an operator look at the program, as --metrics and --stats-interval say, and by the command status. end
// ends that, with a last line of statistics, when nothing is counted any more. The fields of s that the command line
// determines are set here.
func (c *Common) Monitor(s status.Source, logger *slog.Logger, stderr *log.Writer) (end func()) {
	s.Program, s.Name, s.Version, s.Metrics = c.program.Name, c.Name, c.version, c.Metrics
	last := s.Numbers.Every(c.StatsInterval, stderr)
	m := status.New(s, logger)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { m.Run(ctx) })
	work.Go(func() { metrics.Serve(ctx, m, c.Metrics, logger) })
	return func() {
		cancel()
		work.Wait()
		last()
	}
}
