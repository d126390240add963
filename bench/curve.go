package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// curveRows measure what CURVE costs.
func curveRows(programs string) []row {
	b := &omprogBench{programs: programs}
	pinned, free := placement{rsyslogd: "0", program: "1"}, placement{}
	pair := func(n, size int) []contestant {
		return []contestant{
			{name: "libzmq", run: pushPull(programs, "zmq_push_curve", "zmq_pull_curve", n, size)},
			ours("pkg/zmq", pushPull(programs, "pushpull curve push", "pushpull curve pull", n, size)),
		}
	}
	return []row{
		{"curve-200", "CURVE, PUSH to PULL over TCP, two processes, 200 bytes", pair(1_000_000, messageSize), nil},
		{"curve-4096", "the same with 4,096 bytes", pair(200_000, 4096), nil},
		{"curve-stored-pinned", "what CURVE costs the acknowledged path; rsyslogd on CPU 0, the programs on CPU 1", []contestant{
			ours("omzmq dealer, stored, to imzmq", b.stored(400_000, pinned)),
			ours("the same under CURVE", b.stored(400_000, pinned, sealed)),
		}, nil},
		{"curve-stored-free", "the same, where the kernel puts them", []contestant{
			ours("omzmq dealer, stored, to imzmq", b.stored(400_000, free)),
			ours("the same under CURVE", b.stored(400_000, free, sealed)),
		}, nil},
	}
}

// sealed is CURVE, with new certificates.
func sealed(ctx context.Context, programs, dir string) (omzmq, imzmq []string, err error) {
	server, client := filepath.Join(dir, "server"), filepath.Join(dir, "client")
	for _, path := range []string{server, client} {
		if out, err := exec.CommandContext(ctx, filepath.Join(programs, "omzmq"), "--curve-keygen", path).CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("omzmq --curve-keygen: %w: %s", err, out)
		}
	}
	return []string{"--curve-key", client, "--curve-server-key", server}, []string{"--curve-key", server, "--curve-clients", "any"}, nil
}
