package spool

import (
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
)

// What is unloaded takes none of the process's memory, and is still there.
func TestUnload(t *testing.T) {
	path := t.TempDir()
	f, _ := open(t, path)
	j := own(t, f)
	lines := numbered(300, 100_000)
	keep(t, j, 1, lines[:150]...)
	if n := journaltest.Resident(t, j.Path()); n < 150*100_000 {
		t.Fatalf("%d bytes are in memory", n)
	}
	j.storage.Unload()
	if n := journaltest.Resident(t, j.Path()); n > granule { // the header
		t.Errorf("%d bytes are still in memory", n)
	}
	keep(t, j, 151, lines[150:]...)
	j.storage.Unload()
	j.Release()
	j.storage.Unload() // of what is not mapped any more
	f, _ = open(t, path)
	j = own(t, f)
	if n := journaltest.Resident(t, j.Path()); n > journal.MaxLoaded+4<<20 {
		t.Errorf("%d bytes are in memory after the reading", n)
	}
	want(t, j.Records, 1, lines...)
	j.Remove()
}

// Any goroutine may unload while the journal grows, is emptied and shrinks.
func TestUnloadAnyTime(t *testing.T) {
	f, _ := open(t, t.TempDir())
	j := own(t, f)
	stop := make(chan struct{})
	var unloading sync.WaitGroup
	unloading.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				j.storage.Unload()
			}
		}
	})
	for round := range uint64(10) {
		keep(t, j, 1+60*round, numbered(60, 100_000)...)
		j.Log.Reset(1 + 60*(round+1))
	}
	close(stop)
	unloading.Wait()
	j.Remove()
}
