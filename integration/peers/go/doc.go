// Package main is a module of its own, so that the programs do not depend on pebbe/zmq4. A test builds the examples of
// docs/protocol.md with it.
package main

import _ "github.com/pebbe/zmq4" // go mod tidy keeps what is imported

func main() {}
