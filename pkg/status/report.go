// Package status is what a running program says of itself to its operator: which of its endpoints and peers are up,
// what waits, what was refused and why, and whether all is well. A Monitor collects it, logs once a minute what is
// wrong, and answers at a socket of its own, at which Ask finds it.
package status

import (
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

// Report is what a program says of itself. Its form in JSON is for scripts: names are not changed, only added.
type Report struct {
	Program  string    `json:"program"` // "omzmq", "zmqtap hub"
	Name     string    `json:"name,omitempty"`
	Version  string    `json:"version"`
	Process  int       `json:"pid"`
	User     string    `json:"user"`
	Started  time.Time `json:"started"`
	Metrics  string    `json:"metrics,omitempty"` // the address of --metrics
	Well     bool      `json:"well"`
	Problems []Problem `json:"problems"`

	Endpoints   []Endpoint         `json:"endpoints"`
	Peers       []Peer             `json:"peers"` // at most MostPeers
	Connected   int                `json:"connected"`
	Owed        *Owed              `json:"owed,omitempty"`
	Orphans     *Owed              `json:"orphans,omitempty"` // what is owed of the journals of dead processes
	NoRoom      *NoRoom            `json:"no_room,omitempty"`
	Refused     *Refused           `json:"refused,omitempty"` // the last connection that was turned away
	Destination *Destination       `json:"destination,omitempty"`
	Failure     *Failure           `json:"failure,omitempty"` // the last one
	Journals    []spool.Content    `json:"journals,omitempty"`
	Numbers     map[string]uint64  `json:"numbers"`
	Rates       map[string]float64 `json:"rates"` // of what is counted, a second, in the last minute
}

// MostPeers is how many peers a report has at most.
const MostPeers = 1000

// Problem is something that is not well.
type Problem struct {
	What  string    `json:"what"`
	Since time.Time `json:"since"`
}

// Endpoint is an endpoint that a program binds or connects to.
type Endpoint struct {
	Endpoint string    `json:"endpoint"`
	Bound    bool      `json:"bound"`
	Up       bool      `json:"up"`
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason,omitempty"` // why it is not up
	StandsBy bool      `json:"stands_by,omitempty"`
}

// Peer is a connection.
type Peer struct {
	Peer        string    `json:"peer"`
	User        string    `json:"user,omitempty"`
	Since       time.Time `json:"since"`
	Unconfirmed int       `json:"unconfirmed"`
	Queued      int       `json:"queued"`  // messages that wait for the kernel to take them
	Dropped     uint64    `json:"dropped"` // messages that it was too slow for
}

// Owed is what omzmq owes to rsyslog.
type Owed struct {
	Unconfirmed int     `json:"unconfirmed"`
	Oldest      float64 `json:"oldest_seconds"`
	Refused     int     `json:"refused"` // of the unconfirmed ones
	Reason      string  `json:"reason,omitempty"`
}

// NoRoom says that omzmq's journal has no room: it answers rsyslog only when messages are confirmed.
type NoRoom struct {
	Journal string    `json:"journal"` // the folder
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
}

// Refused is a connection that was turned away for reasons of security.
type Refused struct {
	Peer   string    `json:"peer"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Destination is where imzmq puts messages.
type Destination struct {
	To      string     `json:"to"`
	Up      bool       `json:"up"`
	Stored  *time.Time `json:"stored,omitempty"` // when it stored the last message; nil: none yet
	Since   *time.Time `json:"since,omitempty"`  // since when it stores nothing
	Reason  string     `json:"reason,omitempty"`
	Refuses string     `json:"refuses,omitempty"` // why it refused messages within the last minutes
}

// Failure is the last failure that rsyslog was told of, or that a destination had.
type Failure struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Lasts  bool      `json:"lasts"` // nothing has succeeded since
	Since  time.Time `json:"since"` // the first of those in a row
}
