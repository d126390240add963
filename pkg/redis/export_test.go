package redis

import "time"

// SetReplicaTimeout sets how long WAIT waits for replicas.
func (c *Config) SetReplicaTimeout(d time.Duration) { c.replicaTimeout = d }

// SetTransactFrom sets how many bytes of texts make a call a transaction.
func (w *Writer) SetTransactFrom(bytes int) { w.transactFrom = bytes }
