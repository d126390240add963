package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

// limited returns what r has, up to limit bytes, and what was read before an error.
func limited(r io.Reader, limit int) []byte {
	data, _ := io.ReadAll(io.LimitReader(r, int64(limit)))
	return data
}

// Journal tries a folder of --journal.
func Journal(r *Report, path string) {
	missing, err := spool.Check(path)
	switch {
	case err != nil:
		r.Wrong(JournalFolder, "--journal", "%s", strings.TrimPrefix(err.Error(), "--journal "))
		return
	case missing:
		r.OK("--journal %s: it is not there, and this user can make it", path)
	default:
		r.OK("--journal %s: this user can use it", path)
	}
	if err := spool.Room(path); err != nil {
		r.Wrong(JournalRoom, "--journal", "%s", strings.TrimPrefix(err.Error(), "--journal "))
	}
}

// Secure reads the files that the flags for security name. It returns false if they cannot be used.
func Secure(r *Report, c *flags.Common) bool {
	stop, err := c.Secure(r.Logger(), func() <-chan os.Signal { return make(chan os.Signal) })
	if err != nil {
		r.Wrong(SecurityFiles, "security", "%v", err)
		return false
	}
	stop()
	switch s := c.Socket("", r.Logger()).Security; {
	case s.Curve != nil:
		r.OK("CURVE: this end's public key is %s", s.Curve.Own.Public)
	case s.Plain != nil:
		r.OK("PLAIN: the password can be read")
	}
	return true
}

// Descriptors says how many peers there is room for. --max-peers is compared with it where flags are parsed.
func Descriptors(r *Report) {
	room, limit := listen.Descriptors()
	r.OK("the limit of %d file descriptors leaves room for %d connections", limit, room)
}

// Destination tries whether a destination answers and accepts. It stores nothing there.
func Destination(ctx context.Context, r *Report, target destination.Target, config destination.Config) {
	what := "--to " + target.String()
	ctx, cancel := context.WithTimeout(ctx, 2*stepTime)
	defer cancel()
	config.Logger = r.Logger()
	kinds := map[destination.Kind]Kind{destination.RELP: RELPFails, destination.Redis: RedisFails, destination.Kafka: KafkaFails}
	k, tried := kinds[target.Kind]
	if !tried {
		r.Note("%s: nothing to try: it is a pipe to whoever starts the program", what)
		return
	}
	if err := destination.Check(ctx, target, config); err != nil {
		r.Wrong(k, what, "%v", err)
		return
	}
	r.OK("%s: it answers", what)
}

// userName returns a user's name and number.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("%s (uid %d)", u.Username, uid)
	}
	return fmt.Sprintf("uid %d", uid)
}

// User says as which user the check runs, whose rights are tried. It warns if rsyslogd, which starts the program, runs
// as another one: as the configuration says, or, where there is none, as those that run do.
func User(r *Report, config *rsyslogconf.Config, byRsyslog bool) {
	us := os.Geteuid()
	r.OK("as user %s", userName(us))
	if !byRsyslog {
		return
	}
	if config != nil {
		if uid, at, err := droppedTo(config); err != nil {
			r.Warn(OtherUser, at, "%v", err)
			return
		} else if uid >= 0 {
			if uid != us {
				r.Warn(OtherUser, at, "%s", userName(uid))
			}
			return
		}
	}
	others := rsyslogUsers()
	for _, uid := range others {
		if uid == us {
			return
		}
	}
	if len(others) > 0 {
		r.Warn(OtherUser, "rsyslogd", "%s", userName(others[0]))
	}
}

// droppedTo returns the user that a configuration lets rsyslogd become; -1: none is named.
func droppedTo(config *rsyslogconf.Config) (uid int, at rsyslogconf.Place, err error) {
	if v, named := config.Global("privdrop.user.name"); named {
		u, err := user.Lookup(v.Text)
		if err != nil {
			return -1, v.Place, err
		}
		uid, err = strconv.Atoi(u.Uid)
		return uid, v.Place, err
	}
	if v, named := config.Global("privdrop.user.id"); named {
		uid, err := strconv.Atoi(v.Text)
		return uid, v.Place, err
	}
	return -1, at, nil
}

// rsyslogUsers returns the users that rsyslogds run as.
func rsyslogUsers() (uids []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		comm, err := os.ReadFile(name)
		if err != nil || strings.TrimSpace(string(comm)) != "rsyslogd" {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(name), "status"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) > 2 && f[0] == "Uid:" { // real, effective, …
				if uid, err := strconv.Atoi(f[2]); err == nil {
					uids = append(uids, uid)
				}
			}
		}
	}
	return uids
}

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe is not waited for
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = errors.New(name + " has more than " + strconv.Itoa(limit) + " bytes")
	}
	return data, err
}
