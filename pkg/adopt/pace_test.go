package adopt

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Each journal has connections of its own: only a few are delivered at a time. One that is being closed counts.
func TestAFewJournalsAtATime(t *testing.T) {
	own, _, _ := deliver(t)
	f := &folder{t: t, orphans: mostJournals + 3, slow: true}
	a := New(Config{own.sender, f.takeOver}, start)
	now := start
	step := func(want int) {
		t.Helper()
		now = now.Add(lookInterval)
		a.Step(now)
		if n := len(f.receivers); n != want {
			t.Errorf("%d were taken over, want %d", n, want)
		}
	}
	step(mostJournals)
	f.receivers[0].store(1)
	f.receivers[1].store(1)
	step(mostJournals)
	f.expectClosed(t, "0 confirmed", "1 confirmed")
	for _, end := range f.ends {
		end()
	}
	step(mostJournals + 2)
}

// A thousand orphan journals do not wait for a look each: the next is taken over as soon as one is closed, and never
// are there more than a few.
func TestTheNextJournalIsTakenOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const orphans = 1000
		own, _, _ := deliver(t)
		var mu sync.Mutex
		left, open, most, looks, done := orphans, 0, 0, 0, 0
		takeOver := func(room int) (found []Delivery) {
			mu.Lock()
			defer mu.Unlock()
			looks++
			for range min(room, left) {
				left--
				open++
				most = max(most, open)
				r, _, _ := deliver(t, "line")
				go r.store(1)
				found = append(found, Delivery{r.sender, func(_ bool, closed func()) {
					go func() {
						mu.Lock()
						open--
						done++
						mu.Unlock()
						closed()
					}()
				}})
			}
			return found
		}
		a := New(Config{own.sender, takeOver}, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { a.Run(ctx); close(ended) }()
		time.Sleep(lookInterval - time.Nanosecond)
		synctest.Wait()
		mu.Lock()
		if done != orphans || most != mostJournals {
			t.Errorf("%d of %d delivered before the next look, at most %d at a time, want %d", done, orphans, most, mostJournals)
		}
		before := looks
		mu.Unlock()
		time.Sleep(lookInterval)
		synctest.Wait()
		if looks != before+1 {
			t.Errorf("%d looks in the time of one, when there is nothing more", looks-before)
		}
		cancel()
		<-ended
	})
}

// The next step is due soon while something is being delivered, and else when journals are to be looked for.
func TestWhenTheNextStepIsDue(t *testing.T) {
	own, _, _ := deliver(t)
	f := &folder{t: t, orphans: 1}
	a := New(Config{own.sender, f.takeOver}, start)
	for wait, now := firstPoll, start; now.Before(start.Add(lookInterval - pollInterval)); wait = min(2*wait, pollInterval) {
		next := a.Step(now)
		if next.Sub(now) != wait {
			t.Errorf("while delivering: after %v, want %v", next.Sub(now), wait)
		}
		if again := a.Step(now.Add(wait / 2)); !again.Equal(next) {
			t.Errorf("woken up while delivering: after %v, want %v", again.Sub(now), wait)
		}
		now = next
	}
	f.receivers[0].store(1)
	if next := a.Step(start); !next.Equal(start.Add(lookInterval)) {
		t.Errorf("idle: after %v", next.Sub(start))
	}
}

// What is confirmed while it is taken over is not left until the next look.
func TestConfirmedAtOnce(t *testing.T) {
	own, _, _ := deliver(t)
	orphan, _, _ := deliver(t, "line")
	var found []Delivery
	a := New(Config{own.sender, func(int) []Delivery { return found }}, start)
	orphan.store(1)
	found = []Delivery{{orphan.sender, func(_ bool, closed func()) { closed() }}}
	look := start.Add(lookInterval)
	if next := a.Step(look); !next.Equal(look.Add(firstPoll)) {
		t.Errorf("after %v, want %v", next.Sub(look), firstPoll)
	}
}

// Journals of which a receiver refuses what is left make room for the others, and come again.
func TestRefusedOrphansGiveWay(t *testing.T) {
	own, _, _ := deliver(t)
	f := &folder{t: t, orphans: mostJournals + 2}
	a := New(Config{own.sender, f.takeOver}, start)
	for _, r := range f.receivers {
		r.refuse(1)
	}
	a.Step(start.Add(retryInterval - 1))
	f.expectClosed(t)
	a.Step(start.Add(retryInterval))
	if len(f.closed) != mostJournals || f.closed[0] != "0 left" || len(f.receivers) != mostJournals+2 {
		t.Fatalf("closed: %q; %d were taken over", f.closed, len(f.receivers))
	}
	f.receivers[mostJournals].refuse(1) // no other waits: it stays, and is tried again
	f.receivers[mostJournals+1].store(1)
	a.Step(start.Add(2 * retryInterval))
	if n := len(f.closed); n != mostJournals+1 || f.receivers[mostJournals].sent != 2 {
		t.Errorf("closed: %q; sent %d times", f.closed, f.receivers[mostJournals].sent)
	}
}
