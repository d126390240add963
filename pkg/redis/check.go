package redis

import (
	"context"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"
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

// check warns of a Redis that throws away what it is given, once.
func (w *Writer) check(ctx context.Context, s *share) {
	if w.checked || w.cfg.Target.Kind == Channel || s.commands[0].Err() != nil {
		return
	}
	w.checked = true
	if err := evicts(ctx, s.node); err != nil {
		w.cfg.Logger.Warn(err.Error())
	}
}

// evicts returns an error when Redis throws data away as soon as its memory is full. What it does not tell this user is no error.
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
	return fmt.Errorf("redis: maxmemory-policy is %s: when its memory is full, Redis throws messages away, or the memory of those that are stored; set it to noeviction", policy)
}
