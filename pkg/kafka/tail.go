package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// listen begins to follow the topic of the memory, which is created if it is not there.
func (l *ledger) listen(ctx context.Context) *fault {
	if l.stop != nil {
		return nil
	}
	if l.tail == nil {
		options, err := l.cfg.options(l.net)
		if err != nil {
			return noSecret(err)
		}
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(8<<20), kgo.FetchMaxPartitionBytes(8<<20),
			kgo.RecordDeliveryTimeout(beatsLast))
		if l.tail, err = kgo.NewClient(options...); err != nil {
			return l.fault(err)
		}
	}
	asking, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	if f := l.provide(asking); f != nil {
		return f
	}
	l.tail.AddConsumePartitions(map[string]map[int32]kgo.Offset{
		l.cfg.Target.State: {0: kgo.NewOffset().AtStart()}})
	working, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.work.Go(func() { l.follow(working) })
	l.work.Go(func() { l.beat(working) })
	l.work.Go(func() { tend(working, func() { l.giveUp(working) }) }) // which waits while messages are stored
	return nil
}

// follow reads the memory until ctx ends.
func (l *ledger) follow(ctx context.Context) {
	for {
		fetches := l.tail.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		var fault error
		fetches.EachError(func(_ string, _ int32, err error) { fault = err })
		fetches.EachRecord(func(r *kgo.Record) {
			if err := l.memory.read(r.Key, r.Value, r.Timestamp); err != nil {
				l.cfg.Logger.Error("kafka: the memory of which messages are stored has a record that cannot be read; its sender waits",
					"topic", l.cfg.Target.State, "offset", r.Offset, "reason", err)
			}
		})
		l.memory.wake(fault)
	}
}

// beat says that this instance is alive, until ctx ends. If nothing can be read any more, not even that, a transaction
// is open in the topic of the memory. Its instance may be dead, and its senders would have to wait for the time-out.
func (l *ledger) beat(ctx context.Context) {
	var open map[openTransaction]bool
	var looked time.Time
	tend(ctx, func() {
		l.say(ctx, []byte("alive"))
		switch {
		case l.memory.silence() < 2*beatsLast:
			open = nil
		case time.Since(looked) > patience:
			open, looked = l.unblock(ctx, open), time.Now()
		}
	})
}

// tend does something at once and then again and again, until ctx ends.
func tend(ctx context.Context, do func()) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		do()
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// provide makes sure that the topic of the memory is there, and fit for it.
func (l *ledger) provide(ctx context.Context) *fault {
	name := l.cfg.Target.State
	s, partitions, f := l.examine(ctx, name)
	if f != nil && f.code == kerr.UnknownTopicOrPartition.Message {
		if f = l.create(ctx, name); f != nil {
			return f
		}
		s, partitions, f = l.examine(ctx, name)
	}
	switch {
	case f != nil && f.verdict == refuse && f.code == kerr.UnknownTopicOrPartition.Message:
		return &fault{code: codeState, topic: name, quiet: true, means: "imzmq has created it, and waits until it is there"}
	case f != nil:
		return l.memoryFault(f)
	case partitions != 1:
		return &fault{verdict: refuse, code: codeState, topic: name,
			means: fmt.Sprintf("it has %d partitions, and the memory of which messages are stored needs one: "+
				"name another with state=NAME in --to", partitions)}
	case s.cleanup != "" && !strings.Contains(s.cleanup, "compact"):
		l.cfg.Logger.Warn("kafka: the memory of which messages are stored should be compacted: "+
			"with kafka-configs.sh set cleanup.policy to compact,delete", "topic", name, "cleanup.policy", s.cleanup)
	}
	return nil
}

// examine describes a topic.
func (l *ledger) examine(ctx context.Context, name string) (s *topicState, partitions int, f *fault) {
	found, err := describe(ctx, l.tail, []string{name})
	if err != nil {
		return nil, 0, l.fault(err)
	}
	s = found[name]
	if s == nil {
		return nil, 0, l.fault(errors.New("the cluster does not answer about it")).of(name)
	}
	return s, s.partitions, s.fault
}

// create creates the topic of the memory, as safe as the topic of the data.
func (l *ledger) create(ctx context.Context, name string) *fault {
	request := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, -1
	settings := [][2]string{
		{"cleanup.policy", "compact,delete"},
		{"retention.ms", strconv.FormatInt(l.cfg.Target.Remember.Milliseconds(), 10)},
		{"segment.bytes", strconv.Itoa(16 << 20)}, // what is not compacted yet is read at the start
		{"min.cleanable.dirty.ratio", "0.1"},
	}
	if !l.cfg.Target.Topic.PerTopic() {
		if data, _, f := l.examine(ctx, l.cfg.Target.Topic.String()); f == nil {
			topic.ReplicationFactor = int16(data.replicas)
			if data.insync != "" {
				settings = append(settings, [2]string{"min.insync.replicas", data.insync})
			}
		}
	}
	for _, s := range settings {
		setting := kmsg.NewCreateTopicsRequestTopicConfig()
		setting.Name, setting.Value = s[0], &s[1]
		topic.Configs = append(topic.Configs, setting)
	}
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(ctx, l.tail)
	if err == nil && len(response.Topics) == 1 {
		err = kerr.ErrorForCode(response.Topics[0].ErrorCode)
	}
	switch {
	case err == nil:
		l.cfg.Logger.Log(ctx, slog.LevelInfo, "kafka: created a topic, to remember there which messages are stored", "topic", name)
	case !errors.Is(err, kerr.TopicAlreadyExists):
		f := *l.fault(err)
		f.code += ", creating"
		f.means = "imzmq remembers there which messages are stored, and cannot create it; do so by hand: " +
			"kafka-topics.sh --create --topic " + name + " --partitions 1 --config cleanup.policy=compact,delete " +
			"--config segment.bytes=16777216"
		return f.of(name)
	}
	return nil
}
