package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const dnsmasq = "/usr/sbin/dnsmasq"

// startDNS starts a dnsmasq with the page's SRV records, but with another port, and with addresses for their
// targets. It returns the server's address.
func startDNS(t *testing.T, zone, port string, addresses ...string) string {
	t.Helper()
	server := freePort(t)
	dir := folder(t)
	flags := []string{"--keep-in-foreground", "--log-facility=-", "--user=", "--conf-file=/dev/null", "--pid-file=" + filepath.Join(dir, "pid"),
		"--no-resolv", "--no-hosts", "--local=/example.com/", "--bind-interfaces", "--listen-address=127.0.0.1", "--port=" + server}
	for line := range strings.Lines(zone) {
		record := strings.Fields(line) // name SRV priority weight port target
		name, target := strings.TrimSuffix(record[0], "."), strings.TrimSuffix(record[5], ".")
		flags = append(flags, "--srv-host="+name+","+target+","+port)
	}
	for i, address := range addresses {
		flags = append(flags, fmt.Sprintf("--host-record=web%d.example.com,%s", i+1, address))
	}
	start(t, "dnsmasq", exec.Command(dnsmasq, flags...)).logged(t, "started, version")
	return "127.0.0.1:" + server
}

// The same as TestTapPageOneProgramOnManyHosts, with hosts from DNS.
func TestTapPageHostsInDNS(t *testing.T) {
	addresses := []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"}
	hosts, port := pageHosts(t, addresses...)
	server := startDNS(t, pageBlock(t, "### 1. ", "zone", 0), port, addresses...)
	taps := typedLines(t, pageBlock(t, "### 1. ", "sh", 1, "zmqtap ", "zmqtap --dns "+server+" "))
	wantFromEverywhere(t, hosts, taps[0])
}
