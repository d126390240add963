package redis

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
)

// reply is an error in a server's own words.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// The words of an error decide the fate of the messages, in the form of every version of Redis.
func TestFaults(t *testing.T) {
	t.Parallel()
	single, cluster, sentinel := &Target{}, &Target{Mode: Cluster}, &Target{Mode: Sentinel}
	for _, c := range []struct {
		err     error
		t       *Target
		verdict verdict
		unknown bool
		means   string
	}{
		{reply("OOM command not allowed when used memory > 'maxmemory'."), single, wait, false, "out of memory"},
		{reply("ERR Error running script (call to f_0e): @user_script:48: OOM command not allowed when used memory > 'maxmemory'."), single, wait, false, "out of memory"},
		{reply("ERR Error running script (call to f_0e): @user_script:48: @user_script: 48: -OOM command not allowed"), single, wait, false, "out of memory"},
		{reply("@user_script: 69: -READONLY You can't write against a read only replica."), single, wait, false, "read-only"},
		{reply("WRONGTYPE Operation against a key holding the wrong kind of value script: 0e, on @user_script:20."), single, refuse, false, "something else"},
		{fmt.Errorf("failed: %w", reply("NOAUTH Authentication required.")), single, refuse, false, "wants a password"},
		{reply("ERR invalid password"), single, refuse, false, "is wrong"},
		{reply("ERR unknown command 'auth', with args beginning with: 'bob' 'geheim'"), single, refuse, false, "lacks a command"},
		{reply("ERR max number of clients reached"), single, wait, false, "maxclients"},
		{reply("ERR ACL failure in script: User bob has no permissions to run the 'hset' command"), single, refuse, false, "ACL"},
		{reply("ERR something new"), single, refuse, false, "it refuses"},
		{reply("NOSCRIPT No matching script. Please use EVAL."), single, load, false, "script"},
		{reply("MOVED 866 127.0.0.1:1"), cluster, wait, false, "moved"},
		{reply("MOVED 866 127.0.0.1:1"), single, refuse, false, "redis+cluster://"},
		{reply("ERR This instance has cluster support disabled"), cluster, refuse, false, "write redis://"},
		{fmt.Errorf("redis: all sentinels specified in configuration are unreachable: %w", reply("NOAUTH x")), sentinel, wait, false, "REDIS_SENTINEL_PASSWORD"},
		{io.EOF, single, wait, true, "ended the connection"},
		{errors.New("redis: invalid reply: \"\x15\x03\""), single, wait, true, "rediss://"},
		{goredis.Nil, single, wait, true, "cannot be reached"},
		{errors.New("anything"), single, wait, true, "cannot be reached"},
	} {
		f := newFault(c.err, c.t)
		if f.verdict != c.verdict || f.unknown != c.unknown || !errors.Is(f, c.err) || !strings.Contains(f.Error(), c.means) || strings.Contains(f.Error(), "geheim") {
			t.Errorf("%v: %v, verdict %d, unknown %v", c.err, f, f.verdict, f.unknown)
		}
	}
}
