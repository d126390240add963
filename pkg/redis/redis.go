// Package redis stores messages in Redis, each once: in a list that workers pop, in a stream, or on a channel, which
// stores nothing.
//
// Beside the data, Redis holds a memory for every sender: which of its numbers are stored. One script (store.lua, or
// storemany.lua for several senders) changes both together. A message that is sent again because a program died or an
// answer was lost is therefore recognized and not stored twice. The memory is a hash in the slot of its list or stream,
// with at most 65 fields of 128 bytes, each a bitmap of 1,024 numbers. It expires when the sender has been silent for
// Config.Remember.
//
// Beside the numbers the memory has who sends under the sender's id: whose key it is, and which process. The script
// refuses a message whose message.Claim does not agree.
//
//	KEY                         the list, stream or channel
//	{KEY}:stored:KEY:SENDER     the memory of a sender (34 hexadecimal digits)
//	{tag}:stored:KEY:SENDER     the same where KEY has a {tag}
//
// Messages without a sender's number get numbers of this process: a lost connection does not repeat them either.
//
// The package follows Redis's documentation of the commands and of Redis Cluster. go-redis makes the connections; it
// retries nothing by itself.
package redis
