package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// machine is a host on which a page's commands run as they stand: a network namespace, if root may make one, and a
// folder in place of /. Without a namespace it has another loopback address, and other ports.
type machine struct {
	name, dir string
	address   string
	namespace string      // "": none
	ports     [][2]string // without a namespace: those of the page, and those in their place
	world     *world

	rsyslogd, imzmq *process
}

// world is the machines that reach each other.
type world struct {
	dir      string
	machines map[string]*machine
}

// startWorld makes two machines.
func startWorld(t *testing.T, names [2]string, ports ...string) *world {
	t.Helper()
	w := &world{dir: folder(t), machines: map[string]*machine{}}
	for i, name := range names {
		m := &machine{name: name, dir: filepath.Join(w.dir, name), address: fmt.Sprintf("127.0.0.%d", i+2), world: w}
		w.machines[name] = m
		for _, dir := range []string{"etc/rsyslog.d", "etc/systemd/system", "var/log", "var/spool/rsyslog", "run/credentials/imzmq@logs.service"} {
			if err := os.MkdirAll(filepath.Join(m.dir, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !w.separate(t, names) {
		t.Log("no network namespaces here: the machines are loopback addresses")
		for _, port := range ports {
			pair := [2]string{port, freePort(t)}
			for _, m := range w.machines {
				m.ports = append(m.ports, pair)
			}
		}
	}
	return w
}

// separate puts each machine into a network namespace, and a cable between them. It returns false where it may not.
func (w *world) separate(t *testing.T, names [2]string) bool {
	t.Helper()
	ip := func(args ...string) error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	var namespaces [2]string
	for i := range names {
		namespaces[i] = fmt.Sprintf("rz-%d-%d", os.Getpid(), i)
		if err := ip("netns", "add", namespaces[i]); err != nil {
			return false
		}
		t.Cleanup(func() { ip("netns", "del", namespaces[i]) }) //nolint:errcheck // it was made
	}
	if err := ip("link", "add", "cable", "netns", namespaces[0], "type", "veth", "peer", "name", "cable", "netns", namespaces[1]); err != nil {
		return false
	}
	for i, name := range names {
		m := w.machines[name]
		m.namespace, m.address = namespaces[i], fmt.Sprintf("192.0.2.%d", i+1)
		for _, args := range [][]string{{"link", "set", "lo", "up"}, {"link", "set", "cable", "up"}, {"addr", "add", m.address + "/24", "dev", "cable"}} {
			if err := ip(append([]string{"-n", m.namespace}, args...)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	return true
}

var absolute = regexp.MustCompile(`(^|["'\s:=>])(/(?:etc/rsyslog|etc/systemd|var/log|var/spool/rsyslog|usr/libexec/rsyslog|usr/share/doc|run/credentials))`)

// here turns a page's paths into those of a machine. Lines with ssh are about others.
func (m *machine) here(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "ssh ") {
			line = absolute.ReplaceAllString(line, "${1}"+m.dir+"${2}")
		}
		out.WriteString(line)
	}
	return out.String()
}

// meant turns a file that a page's commands have written into what the programs of the machine are to read.
func (m *machine) meant(text string) string {
	for _, other := range m.world.machines {
		text = strings.ReplaceAll(text, "tcp://"+other.name, "tcp://"+other.address)
	}
	for _, pair := range m.ports {
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return m.here(text)
}

// said turns what the programs of a machine say into what the page says.
func (m *machine) said(text string) string {
	for _, other := range m.world.machines {
		text = strings.ReplaceAll(text, "tcp://"+other.address+":", "tcp://"+other.name+":")
	}
	for _, pair := range m.ports {
		text = strings.ReplaceAll(text, pair[1], pair[0])
	}
	return strings.ReplaceAll(text, m.dir+"/", "/")
}

// command starts in the machine's network.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	if m.namespace == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", m.namespace, name}, args...)...)
}

// sh runs a script and returns what it prints, to either stream.
func (m *machine) sh(t *testing.T, script string) string {
	t.Helper()
	prelude := `set -e -o pipefail
		[ ! -e rsyslog-zeromq ] || command cd rsyslog-zeromq
		sudo() { "$@"; }
		apt-get() { :; }
		git() { ln -s ` + repository() + ` rsyslog-zeromq; }
		make() { [ "$*" != install ] || ` + repository() + `/packaging/install ` + built + ` ` + m.dir + `; }
		hostname() { echo ` + m.name + `; }
		ssh() { local on=$1; shift; bash -e -c "$(echo "$*" | sed "s| /etc| ` + m.world.dir + `/$on/etc|g; s|sudo ||g")"; }
		systemctl() { echo "$*" >>` + m.dir + `/systemctl; }
		journalctl() { cat ` + m.dir + `/imzmq.log; }
		logger() { command logger -u ` + m.dir + `/log "$@"; }
		rsyslogd() { ` + program("rsyslogd") + ` "$@" -f ` + m.dir + `/rsyslog.conf; }
	`
	here := m.here(script)
	for _, pair := range m.ports {
		here = strings.ReplaceAll(here, pair[0], pair[1])
	}
	cmd := m.command("bash", "-c", prelude+here)
	cmd.Dir = m.dir
	m.configure(t)
	out, err := cmd.CombinedOutput()
	if err != nil && !regexp.MustCompile(`^(grep|journalctl|curl) `).MatchString(script) { // it is not there yet
		t.Fatalf("on %s: %v\n%s\n%s", m.name, err, script, out)
	}
	m.configure(t)
	return m.said(string(out))
}

// configure writes rsyslog.conf, as Debian has it, and makes the files that it includes those of this machine.
func (m *machine) configure(t *testing.T) {
	t.Helper()
	conf := fmt.Sprintf(`
global(workDirectory="%[1]s/var/spool/rsyslog" localHostname="%[2]s")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" socket="%[1]s/log")
include(file="%[1]s/etc/rsyslog.d/*.conf" mode="optional")
*.* action(type="omfile" file="%[1]s/var/log/syslog" template="RSYSLOG_FileFormat")
`, m.dir, m.name)
	files, _ := filepath.Glob(m.dir + "/etc/rsyslog.d/*.conf") // the pattern is valid
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, []byte(m.meant(string(text))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(m.dir+"/rsyslog.conf", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
}

// obey does what systemctl was asked to do since the last time.
func (m *machine) obey(t *testing.T) {
	t.Helper()
	asked, _ := os.ReadFile(m.dir + "/systemctl") // may not exist
	if err := os.WriteFile(m.dir+"/systemctl", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(asked)) {
		switch strings.TrimSpace(line) {
		case "daemon-reload":
		case "restart rsyslog":
			m.restartRsyslogd(t)
		case "enable --now imzmq@logs", "start imzmq@logs":
			m.startImzmq(t)
		case "stop imzmq@logs":
			m.imzmq.stop(t)
		default:
			t.Fatalf("systemctl is asked to %q", line)
		}
	}
}

func (m *machine) restartRsyslogd(t *testing.T) {
	t.Helper()
	if m.rsyslogd != nil {
		m.rsyslogd.stop(t)
	}
	os.Remove(m.dir + "/log") // that of the run before
	m.rsyslogd = start(t, "rsyslogd of "+m.name, m.command(program("rsyslogd"), "-n", "-f", m.dir+"/rsyslog.conf", "-i", m.dir+"/pid"))
	eventually(t, patience, "rsyslogd listens", func() bool {
		info, err := os.Stat(m.dir + "/log")
		return err == nil && info.Mode()&os.ModeSocket != 0
	})
}

// startImzmq starts the unit imzmq@logs, with its flags and its credential.
func (m *machine) startImzmq(t *testing.T) {
	t.Helper()
	read := func(path, line string) string {
		text, err := os.ReadFile(m.dir + path)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?m)^` + line + `=(.*)$`).FindStringSubmatch(m.meant(string(text)))
		if found == nil {
			t.Fatalf("%s has no %s=", path, line)
		}
		return found[1]
	}
	name, file, _ := strings.Cut(read("/etc/systemd/system/imzmq@logs.service.d/curve.conf", "LoadCredential"), ":")
	credentials := m.dir + "/run/credentials/imzmq@logs.service"
	os.Remove(credentials + "/" + name) // that of the run before
	if err := copyKey(credentials+"/"+name, file); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(credentials+"/"+name, 0o400); err != nil {
		t.Fatal(err)
	}
	flags := read("/etc/rsyslog-zeromq/imzmq-logs.env", "FLAGS")
	command := strings.Fields(strings.ReplaceAll(read("/usr/lib/systemd/system/imzmq@.service", "ExecStart"), "$FLAGS", flags))
	cmd := m.command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "CREDENTIALS_DIRECTORY="+credentials)
	words, err := os.OpenFile(m.dir+"/imzmq.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { words.Close() })
	cmd.Stderr = words
	m.imzmq = start(t, "imzmq", cmd)
}

// stop ends what runs on the machine.
func (m *machine) stop(t *testing.T) {
	t.Helper()
	for _, p := range []*process{m.rsyslogd, m.imzmq} {
		if p != nil && p.running() {
			p.signal(t, syscall.SIGTERM)
			p.exit(t)
		}
	}
}
