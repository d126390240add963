package redis

import (
	"context"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Check tries to reach the target once and returns what is in the way: Redis cannot be reached, does not accept this
// user, or holds something else under the key.
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
	got, err := node.Type(ctx, key).Result()
	if want != "" && !t.Key.PerTopic() && err == nil && got != want && got != "none" {
		return fmt.Errorf("redis: key %q holds a %s and not a %s: "+
			"delete it, or choose another key in --to", key, got, want)
	} // TYPE may be forbidden to this user: that is no error
	return nil
}

// check warns once of a Redis that evicts data.
func (w *Writer) check(ctx context.Context, s *share) {
	if w.checked || w.cfg.Target.Kind == Channel || s.commands[0].Err() != nil {
		return
	}
	w.checked = true
	if err := evicts(ctx, s.node); err != nil {
		w.cfg.Logger.Warn(err.Error())
	}
}

// evicts returns an error when Redis evicts data as soon as its memory is full. That INFO is forbidden to this user is
// no error.
func evicts(ctx context.Context, node *goredis.Client) error {
	text, err := node.Info(ctx, "memory").Result()
	if err != nil {
		return nil
	}
	var limit, policy string
	for line := range strings.Lines(text) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "maxmemory":
			limit = value
		case "maxmemory_policy":
			policy = value
		}
	}
	if limit == "0" || policy == "noeviction" || policy == "" {
		return nil
	}
	return fmt.Errorf("redis: maxmemory-policy is %s: when its memory is full, Redis evicts messages, "+
		"or the memory of which are stored; set it to noeviction", policy)
}
