// Package terminal is how messages look to a person at a terminal and to the program at the other end of a pipe: one line
// each, in colours or not, their rates, and an account at the end.
//
// Whatever a stranger may have put into a topic or a payload is written so that a terminal takes it for text and for nothing
// else: no byte of it moves the cursor, sets a title, changes a colour, turns the direction of writing or hides a letter. Bytes
// become #033, three octal digits as rsyslog writes them, and characters become <U+202E>. Neither is reversible: a payload may
// hold the characters #033 itself. JSON is there for who needs the bytes.
package terminal
