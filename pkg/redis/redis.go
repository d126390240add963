// Package redis stores messages in Redis, each once: in a list that workers pop, in a stream, or on a channel that keeps nothing.
//
// Beside the data Redis keeps, for every sender, which of its numbers are stored, and both change in one script (store.lua): so a message
// that is sent again, because a program died or an answer was lost, is known and not stored twice. The memory is a hash in the
// slot of its list or stream, of at most 65 fields of 128 bytes, each a bitmap of 1,024 numbers; it expires when the sender has been silent for
// Config.Remember.
//
//	KEY                         the list, stream or channel
//	{KEY}:stored:KEY:SENDER     the memory of a sender (34 hexadecimal digits); where KEY has a {tag}: {tag}:stored:KEY:SENDER
//
// What messages without a sender's number get here are numbers of this process: a connection's loss repeats them no more than the others.
//
// It follows Redis's documentation of the commands and of Redis Cluster. go-redis makes the connections; it retries nothing.
package redis
