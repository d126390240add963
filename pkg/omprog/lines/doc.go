// Package lines reads lines from a descriptor and writes replies to another, for conversations in which the
// other side sends a line and waits for the reply: rsyslog's omprog. Such a conversation is limited by the
// two sleeps and wake-ups of every message. A Reader therefore polls for a short while before it sleeps.
//
// What was tried with rsyslogd 8.2302, confirmMessages and useTransactions, dequeueBatchSize 1000, 200-byte
// messages, Linux 6.18, two CPUs (2026-11; bench/run -rows omprog measures the same with the real programs).
// Messages a second, medians:
//
//	                                      a CPU each   where the kernel puts them   on one CPU
//	C, blocking in read(2)                    18,000             21,000               166,000
//	C, read(2) until there is data           390,000        310,000–460,000            98,000
//	Go, sleeping in poll(2)                   18,000             23,000               117,000
//	Go, polling with poll(2)                 130,000             80,000                     –
//	Go, polling with read(2), Syscall        176,000            152,000                     –
//	Go, polling with read(2), RawSyscall     320,000        250,000–320,000            85,000
//	  the same for 10 µs only                144,000            100,000               100,000
//	  the same for 20 µs, 200 µs        420,000, 380,000  310,000, 360,000                  –
//	  sched_yield after each read            211,000            123,000               143,000
//	this Reader                              390,000        300,000–340,000           154,000
//
// Hence the loop has read(2) and nothing else: a poll(2) before it costs a system call at the wrong moment.
// It uses the form of system call that the scheduler does not see, and lasts at least 20 µs, because a
// sleeping rsyslogd takes 10 to answer. It offers the CPU to others only periodically, more often where
// that turns out to help. On one CPU spinning only holds rsyslogd up. LockOSThread made no difference. A
// descriptor table of the thread's own (unshare) saves 10 to 30 percent, but breaks every file that such a
// thread opens: not worth it.
//
// The time from the line to its reply is what counts: rsyslog sleeps if the reply is not there within a microsecond.
// Answer first and store afterwards, where a crash in between loses no more than a crash a little later.
package lines
