package redis

import (
	"errors"
	"fmt"
	"io"
	"testing"

	goredis "github.com/redis/go-redis/v9"
)

// reply is an error as a server answers it.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// The words of an answer decide what becomes of the messages, in the form of every version.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		err     error
		code    string
		verdict verdict
		unknown bool
	}{
		{reply("OOM command not allowed when used memory > 'maxmemory'."), "OOM", wait, false},
		{reply("ERR Error running script (call to f_0e): @user_script:48: OOM command not allowed when used memory > 'maxmemory'."), "OOM", wait, false},
		{reply("ERR Error running script (call to f_0e): @user_script:48: @user_script: 48: -OOM command not allowed"), "OOM", wait, false},
		{reply("WRONGTYPE Operation against a key holding the wrong kind of value script: 0e, on @user_script:20."), "WRONGTYPE", refuse, false},
		{fmt.Errorf("failed: %w", reply("NOAUTH Authentication required.")), "NOAUTH", refuse, false},
		{reply("ERR invalid password"), "ERR", refuse, false},
		{reply("ERR max number of clients reached"), "ERR", wait, false},
		{reply("ERR something new"), "ERR", refuse, false},
		{reply("NOSCRIPT No matching script. Please use EVAL."), "NOSCRIPT", load, false},
		{io.EOF, codeAway, wait, true},
		{goredis.Nil, codeAway, wait, false}, // of a sentinel
		{errors.New("anything"), codeAway, wait, true},
	} {
		f := newFault(c.err, &Target{})
		if f.code != c.code || f.verdict != c.verdict || f.unknown != c.unknown || !errors.Is(f, c.err) {
			t.Errorf("%v: %s, verdict %d, unknown %v", c.err, f.code, f.verdict, f.unknown)
		}
	}
}
