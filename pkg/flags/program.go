package flags

// Program is what --help and the manual page say about a program, in addition to its flags.
type Program struct {
	Name        string // as it is called: "omzmq", "zmqtap hub"
	Summary     string // what it does, in one or two sentences
	Examples    []Example
	Plugin      bool       // rsyslog starts it: see checkQuotes
	Environment []Variable // what it reads from the environment
	Commands    []string   // words that may come first, each with a Program of its own: serve, hub
	Offline     string     // a flag with which it needs no endpoint; "": there is none
}

// Variable is a variable of the environment.
type Variable struct {
	Name    string
	Meaning string // a sentence
}

// Example is a command line that --help shows.
type Example struct {
	Purpose string // what it is for, without a full stop
	Command string // as typed into a shell; at most 78 bytes, which fit into 80 columns
}
