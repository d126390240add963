package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// holding is what the memory has of a sender.
type holding struct {
	owner   string // the instance that stores its messages
	claim   message.Claim
	numbers numbers

	seen   time.Time // when its last record was written
	unread bool      // it cannot be read: a newer imzmq has written it
}

// recordVersion is the first byte of a sender's record. What follows are the owner, the claim's key, name and instance,
// each after its length, and the numbers.
const recordVersion = 1

// maxText is the most bytes of a text in a record.
const maxText = 4096

func (h *holding) append(dst []byte) []byte {
	dst = append(dst, recordVersion)
	for _, text := range []string{h.owner, h.claim.Key, h.claim.Name, h.claim.Instance} {
		text = text[:min(len(text), maxText)]
		dst = binary.AppendUvarint(dst, uint64(len(text)))
		dst = append(dst, text...)
	}
	return h.numbers.append(dst)
}

var errRecord = errors.New("a record is malformed")

func parseHolding(text []byte) (*holding, error) {
	if len(text) == 0 {
		return nil, errRecord
	}
	if text[0] != recordVersion {
		return nil, fmt.Errorf("a record of version %d was written by a newer imzmq: upgrade this one", text[0])
	}
	text = text[1:]
	h := &holding{}
	for _, to := range []*string{&h.owner, &h.claim.Key, &h.claim.Name, &h.claim.Instance} {
		n, size := binary.Uvarint(text)
		if size <= 0 || n > maxText || n > uint64(len(text)-size) {
			return nil, errRecord
		}
		*to, text = string(text[size:size+int(n)]), text[size+int(n):]
	}
	var err error
	h.numbers, err = parseNumbers(text)
	return h, err
}

// admit returns why nothing of a sender is stored, as store.lua of package redis does; nil: it is.
func (h *holding) admit(claim *message.Claim) *message.ClaimError {
	if claim == nil {
		claim = &message.Claim{}
	}
	if h.claim.Owned() && !h.claim.SameOwner(*claim) {
		return &message.ClaimError{Kind: message.OtherOwner, Owner: h.claim.Owner()}
	}
	if claim.Instance != "" && claim.Gives() && h.claim.Instance != "" && claim.Instance != h.claim.Instance &&
		h.numbers.highest() >= claim.First {
		return &message.ClaimError{Kind: message.UsedUp}
	}
	return nil
}

// take makes the claim the holder's.
func (h *holding) take(claim *message.Claim) {
	if claim == nil {
		return
	}
	if claim.Owned() {
		h.claim.Key, h.claim.Name = claim.Key, claim.Name
	}
	if claim.Instance != "" && claim.Gives() {
		h.claim.Instance = claim.Instance
	}
}

// clone returns a copy that can be changed.
func (h *holding) clone() *holding {
	c := *h
	c.numbers = slices.Clone(h.numbers)
	return &c
}

// This much is remembered of all senders. Beyond that, those that have been silent longest are forgotten, a tenth at a
// time: anybody may be a sender, and name any numbers.
const (
	maxSenders  = 200_000
	maxSpansAll = 4 << 20 // 16 bytes each
)

// memory is what this process knows of the senders: what the topic of the memory says, and what it has stored itself.
type memory struct {
	self     string // the instance
	remember time.Duration

	mu      sync.Mutex
	senders map[string]*holding  // by sender id; a holding is replaced, not changed, except by its times
	spans   int                  // of the numbers of all
	mark    string               // the nonce of the last mark of this process
	alive   map[string]time.Time // by instance: when it last said that it is alive
	latest  time.Time            // when anybody did, this process included
	live    bool                 // latest is not from the past that is read at the start
	news    chan struct{}        // closed when something has been read
	fault   error                // why nothing can be read at the moment; nil: nothing is wrong
	swept   time.Time

	mostSenders, mostSpans int // maxSenders and maxSpansAll; tests set them
}

func newMemory(self string, remember time.Duration) *memory {
	return &memory{self: self, remember: remember, senders: make(map[string]*holding),
		alive: make(map[string]time.Time), news: make(chan struct{}), swept: time.Now(),
		mostSenders: maxSenders, mostSpans: maxSpansAll}
}

// read takes a record of the topic. One that is malformed is an error. Its sender is served elsewhere, until there is
// another one: who stored its messages without knowing what is stored might store one twice.
func (m *memory) read(key, value []byte, written time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := string(key)
	if instance, ok := strings.CutPrefix(id, markPrefix); ok {
		if instance == m.self {
			m.mark = string(value)
		}
		return nil
	}
	if instance, ok := strings.CutPrefix(id, alivePrefix); ok {
		m.beat(instance, len(value) > 0, written)
		return nil
	}
	if len(value) == 0 {
		m.set(id, nil)
		return nil
	}
	h, err := parseHolding(value)
	if err != nil {
		h, err = &holding{unread: true}, fmt.Errorf("sender %q: %w", id, err)
	}
	h.seen = written
	if old := m.senders[id]; old != nil {
		if old.owner == m.self && h.owner == m.self {
			h.claim = old.claim // it may be newer: own records are read after they were committed
		}
		h.numbers.merge(old.numbers)
	}
	m.set(id, h)
	m.sweep()
	return err
}

// stored adds to what is known of a sender, after a transaction of this process was committed. Another process may have
// taken the sender over meanwhile, and may have stored more: that has been read then.
func (m *memory) stored(id string, h *holding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h.seen = time.Now()
	if now := m.senders[id]; now != nil {
		h.owner = now.owner // the topic alone says that
		if now.owner != m.self {
			h.claim = now.claim
		}
		h.numbers.merge(now.numbers)
	}
	m.set(id, h)
}

// set replaces what is known of a sender; nil: nothing is known any more. The caller holds mu.
func (m *memory) set(id string, h *holding) {
	if old := m.senders[id]; old != nil {
		m.spans -= len(old.numbers)
		delete(m.senders, id)
	}
	if h != nil {
		m.spans += len(h.numbers)
		m.senders[id] = h
	}
}

// sender returns what is known of a sender, which must not be changed; nil: nothing.
func (m *memory) sender(id string) *holding {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.senders[id]
}

// wake tells whoever waits that something has been read, or why not.
func (m *memory) wake(fault error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
	close(m.news)
	m.news = make(chan struct{})
}

// marked reports whether a mark of this process has been read. If not, more is closed when that may have changed.
func (m *memory) marked(nonce string) (read bool, more <-chan struct{}, fault error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mark == nonce, m.news, m.fault
}

const (
	beatEvery = time.Second     // how often an instance says that it is alive, and gives up senders
	beatsLast = 3 * time.Second // after which an instance that does not is taken for dead
)

// beat notes that an instance is alive, or has ended. The caller holds mu.
func (m *memory) beat(instance string, alive bool, written time.Time) {
	heard := time.Now()
	if m.mark == "" && written.Before(heard) { // this is the past, which is being read; clocks may be wrong
		heard = written
	}
	if gap := heard.Sub(m.latest); m.live && gap > beatsLast { // nobody could be heard: that says nothing about the others
		for other, last := range m.alive {
			m.alive[other] = last.Add(gap)
		}
	}
	if heard.After(m.latest) {
		m.latest, m.live = heard, m.mark != ""
	}
	if m.alive[instance] = heard; !alive {
		delete(m.alive, instance)
	}
	for other, last := range m.alive {
		if heard.Sub(last) > time.Hour {
			delete(m.alive, other)
		}
	}
}

// silence returns for how long nobody has been heard, this process included; 0: nobody has been heard yet.
func (m *memory) silence() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.latest.IsZero() {
		return 0
	}
	return time.Since(m.latest)
}

// elsewhere reports whether another instance that is alive owns a sender, or may. As long as this process hears nobody,
// itself included, it goes by what it has heard last: it is this process then that cannot reach Kafka.
func (m *memory) elsewhere(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.senders[id]
	if h == nil || h.owner == m.self || h.unread {
		return h != nil && h.unread
	}
	last, heard := m.alive[h.owner]
	return heard && m.latest.Sub(last) < beatsLast
}

// owned returns the senders that this instance owns and of which a function is false.
func (m *memory) owned(not func(id string) bool) (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, h := range m.senders {
		if h.owner == m.self && !not(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// sweep forgets senders that have been silent for long, and more if there are too many. The caller holds mu.
func (m *memory) sweep() {
	now := time.Now()
	crowded := len(m.senders) > m.mostSenders || m.spans > m.mostSpans
	if !crowded && now.Sub(m.swept) < m.remember/8 {
		return
	}
	m.swept = now
	for id, h := range m.senders {
		if now.Sub(h.seen) > m.remember {
			m.set(id, nil)
		}
	}
	if !crowded {
		return
	}
	ids := slices.Collect(maps.Keys(m.senders))
	slices.SortFunc(ids, func(a, b string) int { return m.senders[a].seen.Compare(m.senders[b].seen) })
	for _, id := range ids {
		if len(m.senders) <= m.mostSenders/10*9 && m.spans <= m.mostSpans/10*9 {
			return
		}
		m.set(id, nil)
	}
}

const (
	markPrefix  = "mark/"
	alivePrefix = "alive/"
)
