package redis

import (
	"context"
	"fmt"
)

// Check reaches for the target once and returns what is in the way: that Redis cannot be reached or does not let this user in, or that the key holds
// something else.
func Check(ctx context.Context, config Config) error {
	if err := config.complete(); err != nil {
		return err
	}
	client, err := newClient(&config)
	if err != nil {
		return err
	}
	defer client.close()
	defer context.AfterFunc(ctx, func() { client.close() })()
	t := &config.Target
	key := string(t.Key.append(nil, nil))
	node, err := client.node(ctx, key)
	if err != nil {
		return newFault(err, t)
	}
	if err := node.Ping(ctx).Err(); err != nil {
		return newFault(err, t)
	}
	want := map[Kind]string{List: "list", Stream: "stream"}[t.Kind]
	if got, err := node.Type(ctx, key).Result(); want != "" && !t.Key.PerTopic() && err == nil && got != want && got != "none" {
		return fmt.Errorf("redis: key %q holds a %s and not a %s: delete it, or choose another in --to", key, got, want)
	} // the user need not be allowed to ask
	return nil
}
