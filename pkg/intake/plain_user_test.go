package intake

import (
	"slices"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// The destination learns who has sent a message that nobody acknowledges, too.
func TestPlainMessagesHaveUsers(t *testing.T) {
	t.Parallel()
	security := zmq.Security{Plain: &zmq.Plain{User: "logs", Password: func() (string, error) { return "sesame", nil }}}
	dest := &fakeDestination{}
	r := start(t, Config{Batch: 10}, zmq.Config{Type: zmq.Pull, Security: security}, zmq.Config{Type: zmq.Push, Security: security}, dest)
	if err := r.sender.Send(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message", func() bool { return len(dest.has()) == 1 })
	r.stop()
	r.expectEnd(t)
	if !slices.Equal(dest.has(), []string{"a"}) || !slices.Equal(dest.users, []string{"logs"}) {
		t.Errorf("stored %q for %q", dest.has(), dest.users)
	}
}
