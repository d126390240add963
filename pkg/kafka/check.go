package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Check tries to reach the cluster once and returns what is in the way: no broker can be reached, the brokers do not
// accept this user, or the topic is not there.
func Check(ctx context.Context, config Config) error {
	if err := config.complete(); err != nil {
		return err
	}
	net, err := newNetwork(&config)
	if err != nil {
		return err
	}
	options, err := config.options(net)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(options, kgo.RequestRetries(0))...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	if config.Target.Topic.PerTopic() {
		if err := client.Ping(ctx); err != nil {
			return newFault(err, net, config.Target.TLS)
		}
		return nil
	}
	name := config.Target.Topic.String()
	found, err := describe(ctx, client, []string{name})
	switch {
	case err != nil:
		return newFault(err, net, config.Target.TLS)
	case found[name] == nil:
		return errors.New("kafka: the cluster does not answer about the topic")
	case found[name].fault != nil:
		return found[name].fault
	}
	return nil
}
