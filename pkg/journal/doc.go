// Package journal holds the lines that omzmq has accepted and that rsyslog has not been told OK for, in memory that
// outlives the process: a mapped file (package spool), or a slice in a simulation. It does no input or output of
// its own. What it holds survives the death of the process at any instruction, but not that of the machine: nothing
// is synced to disk.
//
//	header   0  magic "omzmqjnl"
//	         8  version, 4 bytes
//	        12  CRC-32C of bytes 16 to 39
//	        16  sender id, 17 bytes
//	        40  words of 8 bytes that change, each by a single store: see word
//	records 4096, each at a multiple of 8:
//	         0  kind, 4 bytes: 0 end, 1 line, 2 filler; stored last
//	         4  length of the line, or of the whole filler, 4 bytes
//	         8  CRC-32C of length, number and line, 4 bytes
//	        12  the receiver it was given to last, 4 bytes: see Ref.Route
//	        16  state: line counter << 8 | flags
//	        24  sequence number
//	        32  the line, padded to a multiple of 8
//
// Numbers have the machine's byte order: a journal does not leave its machine. A record counts once its kind is
// stored. The end marker after it is stored before that. Emptying the journal is therefore a single store, too.
//
// # What rsyslog sends again
//
// A plugin that dies in the middle of a transaction does not know what rsyslog does next, but the journal tells its
// successor (see fates). From action.c and omprog.c of rsyslog 8.2302; a test in integration/ shows each case:
//
//   - The line that was not answered is sent again, and after it the rest of the transaction. The lines before it
//     are sent again only if the COMMIT of that rest fails.
//   - When COMMIT was read and not answered with OK, every line of the transaction is sent again, each in a
//     transaction of its own.
//   - The same happens when rsyslog had only COMMIT left to write. The plugin could not know that. But rsyslog then
//     starts the next plugin at once, while in mid-transaction it pauses for a second first.
//
// Therefore each line has a counter, the reply to it leaves a mark (see Log.Answering), and a beat shows how long
// the process has been dead. A line that is sent again takes the number that it had; a line that cannot be sent
// again is never taken for another one with equal text.
//
// The ledger of the conversation (package delivery) is the only writer of a journal while its process lives.
// Package spool opens it, recovers what is in it, and beats.
package journal
