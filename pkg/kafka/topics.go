package kafka

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	maxTopics    = 10_000           // that are remembered; a sender may name any number
	faultyAge    = 5 * time.Second  // after which a topic that could not be used is asked for again
	freshAge     = 10 * time.Minute // after which its settings are
	defaultLimit = 1 << 20          // max.message.bytes, as Kafka 1,048,588 by default, less what a request needs
	leastLimit   = 4 << 10          // bytes of a batch: room for the headers of a record, and some of its text
)

// topics is what is known of the topics that messages go to. A topic is asked for before it is used: producing to one
// that does not exist would take the client a second, and memory for ever.
type topics struct {
	mu    sync.Mutex // held while limits change, or a client asks for one
	known map[string]*topicState

	// What was asked for last, which is mostly the next one, too.
	lastName  string
	last      *topicState
	lastLimit atomic.Pointer[topicLimit]
}

type topicLimit struct {
	topic string
	bytes int
}

type topicState struct {
	fault    *fault // why it cannot be used; nil: it can
	received bool   // it does not take the lines' times

	retention time.Duration // after which it deletes records, by their times; 0: not known, below 0: never
	limit     int           // the most bytes of a batch, and thus of a record
	asked     time.Time

	partitions, replicas int
	least                int    // replicas that are in sync, of the partition that has the fewest
	leaderless           bool   // a partition has no leader
	insync, cleanup      string // min.insync.replicas and cleanup.policy; "": not known
}

// current reports whether what is known is new enough.
func (s *topicState) current() bool {
	age := time.Since(s.asked)
	return s.fault == nil && age < freshAge || s.fault != nil && age < faultyAge
}

// ask finds out about those of names that are not known, or not any more. It reports whether there were any, and
// whether a limit has changed.
func (t *topics) ask(ctx context.Context, client *kgo.Client, names map[string]bool) (asked, changed bool, err error) {
	var missing []string
	for name := range names {
		if s := t.known[name]; s == nil || !s.current() {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return false, false, nil
	}
	found, err := describe(ctx, client, missing)
	if err != nil {
		return false, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	if t.known == nil || len(t.known)+len(missing) > maxTopics {
		t.known = make(map[string]*topicState)
	}
	for name, s := range found {
		if before := t.known[name]; before != nil && before.limit != 0 && s.limit != before.limit {
			changed = true
		}
		t.known[name] = s
	}
	return true, changed, nil
}

// lower lowers the limit of a topic that has not taken a batch within it. It asks the topic for a new one first. It
// returns false if the limit cannot be lower.
func (t *topics) lower(ctx context.Context, client *kgo.Client, name string) (lowered bool, err error) {
	before := t.known[name]
	if before == nil {
		return false, nil
	}
	before.asked = time.Time{}
	if _, _, err := t.ask(ctx, client, map[string]bool{name: true}); err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	now := t.known[name]
	if now == nil {
		return false, nil
	}
	if now.limit >= before.limit {
		now.limit = min(max(before.limit/2, leastLimit), before.limit)
	}
	return now.limit < before.limit, nil
}

// refuse notes why a topic cannot be used, until it is asked for again.
func (t *topics) refuse(name string, f *fault) {
	if s := t.known[name]; s != nil && f.topic == name {
		s.fault, s.asked = f, time.Now()
	}
}

// compacted reports whether a topic is known to take no records without a key.
func (t *topics) compacted(name string) bool {
	s := t.state(name)
	return s != nil && strings.Contains(s.cleanup, "compact")
}

// limit returns the most bytes of a batch for a topic. Any goroutine may call it.
func (t *topics) limit(name string) int {
	if last := t.lastLimit.Load(); last != nil && last.topic == name {
		return last.bytes
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := defaultLimit
	if s := t.known[name]; s != nil && s.limit != 0 {
		limit = s.limit
	}
	t.lastLimit.Store(&topicLimit{name, limit})
	return limit
}

// state returns what is known of a topic; nil: nothing.
func (t *topics) state(name string) *topicState {
	if name != t.lastName || t.last == nil {
		t.lastName, t.last = name, t.known[name]
	}
	return t.last
}

// forget forgets what was asked for last. The caller holds mu.
func (t *topics) forget() {
	t.lastName, t.last = "", nil
	t.lastLimit.Store(nil)
}

// faultOf returns why a topic cannot be used; nil: it can.
func (t *topics) faultOf(name string) *fault {
	if s := t.state(name); s != nil {
		return s.fault
	}
	return nil
}

// useReceived lets the records of a topic have the time when their messages came. It returns false if they have it.
func (t *topics) useReceived(name string) bool {
	s := t.state(name)
	if s == nil || s.received {
		return false
	}
	s.received = true
	return true
}

// usesReceived reports whether the records of a topic have the time when their messages came.
func (t *topics) usesReceived(name string) bool {
	s := t.state(name)
	return s != nil && s.received
}

const (
	unknownAge = time.Hour            // the age of a line whose topic's retention is not known
	anyAge     = 365 * 24 * time.Hour // and of one whose topic keeps everything
)

// oldest returns the age from which on a line's time is not the record's. Kafka deletes records by their times: what
// comes after a long outage, or from a host whose clock is wrong, would be deleted before anybody has read it.
func (t *topics) oldest(name string) time.Duration {
	s := t.state(name)
	switch {
	case s == nil || s.retention == 0:
		return unknownAge
	case s.retention < 0:
		return anyAge
	}
	return min(s.retention/2, anyAge)
}

// describe asks the cluster for topics. It creates none.
func describe(ctx context.Context, client *kgo.Client, names []string) (map[string]*topicState, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = false
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	found := make(map[string]*topicState, len(names))
	var usable []string
	for i := range response.Topics {
		topic := &response.Topics[i]
		if topic.Topic == nil {
			continue
		}
		s := &topicState{asked: time.Now(), limit: defaultLimit}
		found[*topic.Topic] = s
		if err := kerr.TypedErrorForCode(topic.ErrorCode); err != nil {
			s.fault = codeFault(err, err).of(*topic.Topic)
			continue
		}
		usable = append(usable, *topic.Topic)
		s.partitions = len(topic.Partitions)
		for _, partition := range topic.Partitions {
			s.replicas = max(s.replicas, len(partition.Replicas))
			s.leaderless = s.leaderless || partition.Leader < 0
			if s.least == 0 || len(partition.ISR) < s.least {
				s.least = len(partition.ISR)
			}
		}
	}
	configure(ctx, client, usable, found)
	return found, nil
}

// configure completes what is known of topics with their settings. They may be forbidden to this user: that is no
// error.
func configure(ctx context.Context, client *kgo.Client, names []string, found map[string]*topicState) {
	if len(names) == 0 {
		return
	}
	request := kmsg.NewPtrDescribeConfigsRequest()
	for _, name := range names {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, name
		resource.ConfigNames = []string{"max.message.bytes", "min.insync.replicas", "cleanup.policy", "retention.ms"}
		request.Resources = append(request.Resources, resource)
	}
	for _, shard := range client.RequestSharded(ctx, request) {
		response, ok := shard.Resp.(*kmsg.DescribeConfigsResponse)
		if shard.Err != nil || !ok {
			continue
		}
		for i := range response.Resources {
			resource := &response.Resources[i]
			s := found[resource.ResourceName]
			if s == nil || resource.ErrorCode != 0 {
				continue
			}
			for _, setting := range resource.Configs {
				s.set(setting.Name, setting.Value)
			}
		}
	}
}

func (s *topicState) set(name string, value *string) {
	switch {
	case value == nil:
	case name == "min.insync.replicas":
		s.insync = *value
	case name == "cleanup.policy":
		s.cleanup = *value
	case name == "retention.ms":
		if ms, err := strconv.ParseInt(*value, 10, 64); err == nil {
			s.retention = time.Duration(min(ms, int64(anyAge/time.Millisecond)*2)) * time.Millisecond
		}
	case name == "max.message.bytes":
		if n, err := strconv.Atoi(*value); err == nil {
			s.limit = min(max(n, 64), 1<<30)
		}
	}
}
