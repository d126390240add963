// Package kafka stores messages in Kafka topics: at least once, or each once.
//
// All replicas that are in sync have a message before it counts as stored (acks=all), and the producer is idempotent. A
// batch goes out together, whoever has sent its messages, and the next one when it is stored. The order of a sender's
// messages in a partition therefore holds through every trouble.
//
// # Each once
//
// With Target.Once, data and the memory of which numbers of each sender are stored change in one transaction. The
// memory is a compacted topic of one partition, Target.State. Every process follows it, and thus knows the numbers that
// the others have stored. Its records, by their keys:
//
//	SENDER           34 hexadecimal digits    who owns it, its claim, its numbers: see holding
//	mark/INSTANCE    a nonce                  see below
//	alive/INSTANCE   anything, once a second; nothing, at the instance's end
//
// A process has a name of its own, its instance, and the transactional id imzmq.STATE.INSTANCE. It stores messages of
// the senders that it owns, and no others. To own a sender, it takes it over from the owner before. It begins a session
// under that one's transactional id, which fences it: Kafka aborts its open transaction, and refuses all later ones. A
// mark, written after that, is read back from the memory: all that the other has stored stands before it. Then the new
// owner is written in a transaction of this session. Senders that nobody owns are those of the instance "free".
//
// A process that was fenced begins a session under its own id again, which in turn fences whoever is about to take its
// senders over, reads the memory up to a mark of its own, and goes on with the senders that are still its.
//
// No message is stored twice, or lost, whatever the clocks say: a process that was frozen for an hour cannot commit
// what another has taken over. Only who owns a sender depends on time: one that is connected to several processes would
// have them take it from each other with every batch. As long as an owner says that it is alive, the others therefore
// refuse its senders' connections (Writer.Serves), and send away what they have got (message.ErrElsewhere). An owner
// gives up the senders that are no longer connected to it.
//
// The package follows KIP-98, KIP-360, KIP-447 and KIP-890. franz-go speaks the protocol.
package kafka
