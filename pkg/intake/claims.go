package intake

import (
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// claims logs and counts messages that are refused because the sender id is not their sender's: a line a minute for
// each sender, and not many in all.
type claims struct {
	log     log.Limited
	refused uint64 // messages
	logged  map[loggedClaim]time.Time
}

type loggedClaim struct {
	sender string
	claim  message.Claim
	kind   message.ClaimErrorKind
}

const (
	claimPause  = time.Minute
	maxLogged   = 1000
	claimLogged = "a sender is refused"
)

// refuse counts and logs one message.
func (c *claims) refuse(sender, peer string, claim *message.Claim, why *message.ClaimError) {
	c.refused++
	key := loggedClaim{sender, *claim, why.Kind}
	now := time.Now()
	if now.Sub(c.logged[key]) < claimPause {
		return
	}
	if c.logged == nil || len(c.logged) >= maxLogged {
		c.logged = make(map[loggedClaim]time.Time)
	}
	c.logged[key] = now
	about := []any{"sender", sender, "peer", peer, "user", claim.Owner()}
	if why.Owner != "" {
		about = append(about, "owner", why.Owner)
	}
	c.log.Write(slog.LevelError, claimLogged, append(about, "reason", why.Error())...)
}
