package integration

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

// An omzmq is frozen before it reads COMMIT. rsyslog gives it up and sends each line again, alone. The second reads
// what the first has left in the pipe, and takes the lines for repeats.
func TestGivenUpBeforeCommitIsRead(t *testing.T) {
	t.Parallel()
	batch := make([]string, 50)
	for i := range batch {
		batch[i] = fmt.Sprintf("<13>%d", i/2) // two of each
	}
	k := startJournalSetup(t)
	first := k.drive(t)
	k.accepted(t, first, outages["receiver frozen"].begin, batch...)
	first.signal(t, syscall.SIGSTOP)
	first.write(t, commit)
	eventually(t, patience, "rsyslogd has waited for more than a second", func() bool {
		for _, name := range journals(k.folder) {
			text, err := os.ReadFile(name)
			return err == nil && spool.Now()-int64(binary.NativeEndian.Uint64(text[40+9*8:])) > int64(time.Second)
		}
		return false
	})
	first.giveUp(t)
	outages["receiver frozen"].end(k, t)
	second := k.drive(t)
	for _, line := range batch {
		second.commits(t, line)
	}
	second.commits(t, batch[0]) // a message of its own
	wantStored(t, k.router, append(batch, batch[0])...)
	k.settle(t, second)
	first.exit(t)
}
