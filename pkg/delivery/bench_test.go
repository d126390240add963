package delivery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

// A line of 200 bytes from its acceptance to its confirmation, without a network: batches of 300 over one stream.
func BenchmarkStreams(b *testing.B) {
	const batch = 300
	for _, journaled := range []bool{false, true} {
		b.Run(fmt.Sprint("journal=", journaled), func(b *testing.B) {
			link := &fakeLink{}
			cfg := SenderConfig{Logger: quiet, Streams: true}
			if journaled {
				folder, err := spool.Open(b.TempDir()+"/journal", func() [journal.IDSize]byte { return NewSenderID() }, quiet)
				if err != nil {
					b.Fatal(err)
				}
				own, err := folder.Own(false, "")
				if err != nil {
					b.Fatal(err)
				}
				defer own.Remove()
				cfg.Journal = own.Log
			}
			sender := NewSender(cfg, swallow{link})
			sender.Up(link)
			streams := NewStreams(sender, func() int64 { return 0 })
			st, lines := streams.Open(), make([][]byte, batch)
			for i := range lines {
				lines[i] = []byte(strings.Repeat("x", 200))
			}
			seq := uint64(0)
			b.ReportAllocs()
			for n := 0; n < b.N; n += batch {
				st.Accept(lines)
				seq += batch
				sender.Answer(link, Answer{Seq: seq})
				st.Settled()
				streams.Reclaim()
			}
		})
	}
}
