package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Admin is for whatever else a test does to the cluster. It has all rights.
func (c *Cluster) Admin() *kadm.Client { return c.admin }

// do gives the controllers an order. It ends the test if that fails.
func (c *Cluster) do(what string, order func(ctx context.Context) error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := order(ctx); err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

// CreateTopic makes a topic and waits until all of its replicas are in sync. config is as in
// `kafka-topics --config`; nil: none.
func (c *Cluster) CreateTopic(topic string, partitions, replicas int, config map[string]string) {
	c.t.Helper()
	values := map[string]*string{}
	for key, value := range config {
		values[key] = &value
	}
	c.do("creating the topic "+topic, func(ctx context.Context) error {
		_, err := c.admin.CreateTopic(ctx, int32(partitions), int16(replicas), values, topic)
		return err
	})
	c.AwaitInSync(topic)
}

// DeleteTopic removes a topic.
func (c *Cluster) DeleteTopic(topic string) {
	c.t.Helper()
	c.do("deleting the topic "+topic, func(ctx context.Context) error {
		response, err := c.admin.DeleteTopic(ctx, topic)
		return errors.Join(err, response.Err)
	})
	c.everywhere("no topic "+topic, func(ctx context.Context, b *broker) error {
		if _, err := b.partitions(ctx, topic); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
}

// AlterTopic sets configurations of a topic and leaves its others alone.
func (c *Cluster) AlterTopic(topic string, config map[string]string) {
	c.t.Helper()
	var changes []kadm.AlterConfig
	for key, value := range config {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value})
	}
	c.do("altering the topic "+topic, func(ctx context.Context) error {
		responses, err := c.admin.AlterTopicConfigs(ctx, changes, topic)
		for _, r := range responses {
			err = errors.Join(err, r.Err)
		}
		return err
	})
	c.everywhere("the configuration of "+topic, func(ctx context.Context, b *broker) error {
		return b.hasConfig(ctx, topic, config)
	})
}

// hasConfig returns an error unless the broker knows this configuration.
func (b *broker) hasConfig(ctx context.Context, topic string, config map[string]string) error {
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := b.request(ctx, request)
	if err != nil {
		return err
	}
	matches := 0
	for _, r := range response.(*kmsg.DescribeConfigsResponse).Resources {
		for _, c := range r.Configs {
			if want, ok := config[c.Name]; ok && c.Value != nil && *c.Value == want {
				matches++
			}
		}
	}
	if matches < len(config) {
		return fmt.Errorf("%d of %d values", matches, len(config))
	}
	return nil
}

// partitions returns what the broker tells clients about a topic, in the order of the partitions.
func (b *broker) partitions(ctx context.Context, topic string) ([]kmsg.MetadataResponseTopicPartition, error) {
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = &topic
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, wanted)
	response, err := b.request(ctx, request)
	if err != nil {
		return nil, err
	}
	described := response.(*kmsg.MetadataResponse).Topics[0]
	slices.SortFunc(described.Partitions, func(p, q kmsg.MetadataResponseTopicPartition) int {
		return int(p.Partition - q.Partition)
	})
	return described.Partitions, kerr.ErrorForCode(described.ErrorCode)
}

// AwaitInSync waits until each partition of a topic has a leader, and all its replicas are in sync: after brokers have
// come back.
func (c *Cluster) AwaitInSync(topic string) {
	c.t.Helper()
	c.everywhere(topic+" in sync", func(ctx context.Context, b *broker) error {
		partitions, err := b.partitions(ctx, topic)
		for _, p := range partitions {
			if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
				err = errors.Join(err, fmt.Errorf("partition %d: leader %d, %v of %v", p.Partition, p.Leader, p.ISR, p.Replicas))
			}
		}
		return err
	})
}

// Leader returns the leader of a partition. It waits until all working brokers name the same one, and that one works:
// after a leader has been killed or frozen.
func (c *Cluster) Leader(topic string, partition int) int {
	c.t.Helper()
	leader := 0
	c.await("leader of "+topic, func(ctx context.Context) error {
		leader = 0
		for _, b := range c.brokers {
			if !b.working() {
				continue
			}
			partitions, err := b.partitions(ctx, topic)
			if err != nil || len(partitions) <= partition {
				return fmt.Errorf("broker %d knows %d partitions: %w", b.id, len(partitions), err)
			}
			id := int(partitions[partition].Leader)
			if id < 1 || !c.broker(id).working() || leader > 0 && leader != id {
				return fmt.Errorf("broker %d names the leader %d", b.id, id)
			}
			leader = id
		}
		if leader == 0 {
			return errors.New("no broker works")
		}
		return nil
	})
	return leader
}

// MoveLeader makes another replica of a partition its leader, one that is in sync and works, and returns it. The old
// one goes on as a follower.
func (c *Cluster) MoveLeader(topic string, partition int) int {
	c.t.Helper()
	old := c.Leader(topic, partition)
	var replicas []int32 // the new leader is the first
	c.await("another replica of "+topic, func(ctx context.Context) error {
		partitions, err := c.broker(old).partitions(ctx, topic)
		if err != nil {
			return err
		}
		replicas = slices.Clone(partitions[partition].Replicas)
		next := slices.IndexFunc(replicas, func(id int32) bool {
			return int(id) != old && c.broker(int(id)).working() && slices.Contains(partitions[partition].ISR, id)
		})
		if next < 0 {
			return fmt.Errorf("in sync are %v", partitions[partition].ISR)
		}
		replicas[0], replicas[next] = replicas[next], replicas[0]
		return nil
	})
	c.do("moving the leader of "+topic, func(ctx context.Context) error {
		var request kadm.AlterPartitionAssignmentsReq
		request.Assign(topic, int32(partition), replicas)
		responses, err := c.admin.AlterPartitionAssignments(ctx, request)
		return errors.Join(err, responses.Error())
	})
	c.await("leader of "+topic, func(ctx context.Context) error { return c.elect(ctx, topic, partition) })
	c.await("leader of "+topic, func(context.Context) error {
		if leader := c.Leader(topic, partition); leader != int(replicas[0]) {
			return fmt.Errorf("it is %d, not %d", leader, replicas[0])
		}
		return nil
	})
	return int(replicas[0])
}

// elect makes the first replica the leader.
func (c *Cluster) elect(ctx context.Context, topic string, partition int) error {
	set := kadm.TopicsSet{}
	set.Add(topic, int32(partition))
	results, err := c.admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, set)
	if err != nil {
		return err
	}
	if err = results[topic][int32(partition)].Err; errors.Is(err, kerr.ElectionNotNeeded) {
		return nil
	}
	return err
}
