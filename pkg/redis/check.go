package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// leastVersion is the first major version of Redis that docs/redis.md promises to work. Valkey, a fork of Redis 7.2,
// says that it is 7.2.4.
const leastVersion = 7

// Check tries to reach the target once and returns what is in the way: Redis cannot be reached, does not accept this
// user, or holds something else under the key. It warns of a Redis that is older than 7.
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
	if version := old(ctx, node); version != "" {
		config.Logger.Warn(fmt.Sprintf("redis: version %s is older than %d, the oldest that imzmq is tested with: "+
			"upgrade it", version, leastVersion))
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
	if w.checked || w.cfg.Target.Kind == Channel || s.exchanges[0].command.Err() != nil {
		return
	}
	w.checked = true
	if err := evicts(ctx, s.node); err != nil {
		w.cfg.Logger.Warn(err.Error())
	}
}

// info returns the value of a field of INFO; "" if there is none, or if INFO is forbidden to this user.
func info(ctx context.Context, node *goredis.Client, section, name string) string {
	text, _ := node.Info(ctx, section).Result()
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// old returns the version of a Redis that is too old; "" if it is not, or is not known.
func old(ctx context.Context, node *goredis.Client) string {
	version := info(ctx, node, "server", "redis_version")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n >= leastVersion {
		return ""
	}
	return version
}

// evicts returns an error when Redis evicts data as soon as its memory is full. That INFO is forbidden to this user is
// no error.
func evicts(ctx context.Context, node *goredis.Client) error {
	limit, policy := info(ctx, node, "memory", "maxmemory"), info(ctx, node, "memory", "maxmemory_policy")
	if limit == "0" || policy == "noeviction" || policy == "" {
		return nil
	}
	return fmt.Errorf("redis: maxmemory-policy is %s: when its memory is full, Redis evicts messages, "+
		"or the memory of which are stored; set it to noeviction", policy)
}
