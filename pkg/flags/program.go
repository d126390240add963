package flags

// Program is what --help and the manual page say about a program, in addition to its flags.
type Program struct {
	Name        string // as it is called: "omzmq", "zmqtap hub"
	Summary     string // what it does, in one or two sentences
	Examples    []Example
	Plugin      bool       // rsyslog starts it: see checkQuotes
	Environment []Variable // what it reads from the environment
	Commands    []Command  // words that may come first
	Offline     string     // a flag with which it needs no endpoint; "": there is none
}

// Command is a word that may come first, most often with a Program of its own.
type Command struct {
	Name      string // serve, hub
	Arguments string // after it in the usage lines, such as " FILE ENDPOINT..."; "": none
	Purpose   string // what it does, in a few words
}

// CommandNames returns the commands' names.
func (p *Program) CommandNames() (names []string) {
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	return names
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
