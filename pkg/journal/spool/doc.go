// Package spool is a folder of journals (package journal): a mapped file for each sender id, locked by the process
// that writes it. Any number of processes share a folder. When one dies, the kernel releases its lock, and another
// takes its journal over.
//
//	<sender id in hex>.journal    one journal
//	<sender id in hex>.new        one that is being made; removed when its maker has died
//
// Nothing else in the folder is touched. A file that is not a journal in spite of its name, or one of another version,
// is left as it is and logged once.
package spool
