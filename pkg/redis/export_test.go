package redis

import "time"

// SetReplicaTimeout sets how long WAIT waits for replicas.
func (c *Config) SetReplicaTimeout(d time.Duration) { c.replicaTimeout = d }
