// Package terminal shows messages to a person at a terminal and to a program at the other end of a pipe:
// one line each, with or without colours, their rates, and a summary at the end.
//
// Topics and payloads may come from anyone. A terminal therefore gets them as text only: no byte of them
// moves the cursor, sets a title, changes a colour, reverses the direction of writing or hides a letter.
// Bytes become #033, three octal digits as rsyslog writes them, and characters become <U+202E>. Neither is
// reversible, because a payload may contain the characters #033 itself. Use JSON where the bytes matter.
package terminal
