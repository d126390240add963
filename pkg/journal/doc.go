// Package journal keeps the lines that omzmq has accepted and that rsyslog has not been told OK for, in memory that outlives
// the process: a mapped file (package spool), or a slice in a simulation. It does no input or output of its own, and
// what it keeps is safe from the death of the process at any instruction, not from that of the machine: nothing is synced.
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
//	        32  the line, up to a multiple of 8
//
// Numbers have the machine's byte order: a journal does not leave its machine. A record counts once its kind is stored, and the
// end behind it is stored before that; so emptying the journal is one store, too.
//
// # What rsyslog sends again
//
// A plugin that dies in the middle of a transaction does not know what rsyslog does next, but the journal tells
// its successor. From action.c and omprog.c of rsyslog 8.2302 (a test in integration/ shows each case):
//
//   - the line that was not answered comes again, and the rest of the transaction behind it; those before it come
//     again only when the COMMIT of that rest fails;
//   - when COMMIT was read and not answered with OK, every line of the transaction comes again, each in a transaction of
//     its own;
//   - the same when rsyslog had only COMMIT left to write. The plugin could not know, but rsyslog starts the next one at
//     once then, while in mid-transaction it pauses for a second first.
//
// Hence a line has a counter, the reply to it leaves a mark (see Log.Replies), and a beat tells since when the process is
// dead. A line that comes again takes the number that it had; one that cannot come again is never taken for another with
// equal text.
package journal
