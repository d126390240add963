package zmq

import (
	"container/list"
	"sync"
	"time"
)

// What a publisher is told of changes: at most maxPortion bytes, and a prefix more, in each requestPause. A publisher
// of libzmq that is told more does little else than read it, for as long as a subscriber subscribes and cancels in a
// loop.
const (
	maxPortion   = 16 << 10
	requestPause = 10 * time.Millisecond
)

// requests are the changes of what an XSUB wants that one publisher has yet to be told, in order. Only net changes are
// among them: a subscription and its cancellation, both not told, are none. Together with the portions and their
// pauses this bounds what subscribers can make a publisher read, and what is held for one that does not read: no more
// than what it was told and what is wanted now.
type requests struct {
	due chan struct{} // capacity 1; receives when something may be told

	mu     sync.Mutex
	order  list.List // of request
	places map[string]*list.Element
	paused bool // nothing is told before the pause has ended
}

// request is a prefix that is wanted, or no longer wanted.
type request struct {
	prefix string
	wanted bool
}

// change adds a change, or takes the opposite one back.
func (r *requests) change(prefix string, wanted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.places[prefix]; before != nil {
		r.order.Remove(before)
		delete(r.places, prefix)
		return
	}
	if r.places == nil {
		r.places = make(map[string]*list.Element)
	}
	r.places[prefix] = r.order.PushBack(request{prefix, wanted})
	r.signal()
}

// signal makes due receive if something may be told. The caller holds mu.
func (r *requests) signal() {
	if r.paused || r.order.Len() == 0 {
		return
	}
	select {
	case r.due <- struct{}{}:
	default: // an earlier signal has not been received yet and serves as well
	}
}

// take returns the next portion, encoded for a publisher that knows the commands of version 3.1, or does not. It
// begins a pause unless there is none.
func (r *requests) take(commands bool) (portion []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for first := r.order.Front(); first != nil && len(portion) < maxPortion; first = r.order.Front() {
		next := r.order.Remove(first).(request)
		delete(r.places, next.prefix)
		portion = appendSubscription(portion, []byte(next.prefix), next.wanted, commands)
	}
	if len(portion) > 0 {
		r.paused = true
		time.AfterFunc(requestPause, r.resume)
	}
	return portion
}

// resume ends a pause.
func (r *requests) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = false
	r.signal()
}
