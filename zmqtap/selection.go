package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
)

// mostCount is the most that --count takes: a year of a billion messages a minute.
const mostCount = 1_000_000_000_000_000

// selection is which messages are printed, recorded or replayed, in addition to their topics, and how many.
type selection struct {
	filter
	count    int64         // 0: no end
	duration time.Duration // 0: no end
}

// add adds the flags. verb is what the command does with messages.
func (s *selection) add(fs *pflag.FlagSet, verb string) {
	s.filter.add(fs, verb)
	flags.Count(fs, &s.count, "count", 0, 1, mostCount, "exit after this many `messages`; 0: no limit")
	flags.Duration(fs, &s.duration, "for", 0, time.Millisecond, flags.MaxDuration, "exit after this long; 0: no limit")
}

// enough reports whether that many messages are all.
func (s *selection) enough(n uint64) bool { return s.count > 0 && n >= uint64(s.count) }
