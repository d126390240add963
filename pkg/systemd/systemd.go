// Package systemd tells systemd how this process fares, if it is the main process of a service of Type=notify: that it
// is ready, that it lives (WatchdogSec=), that it ends, and a line of status. See sd_notify(3).
//
// A child of such a process inherits the address, but must not speak for it: rsyslogd itself may be of Type=notify, and
// starts omzmq and imzmq. Therefore a process reports only if systemd has started it.
package systemd

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Service is this process as a service of systemd's. The methods of nil, which is a process that systemd has not
// started, do nothing.
type Service struct {
	status   func() string
	interval time.Duration // between signs of life
	logger   *slog.Logger
	ready    chan struct{} // closed when the service is ready
	cancel   context.CancelFunc
	ended    chan struct{}
}

// statusInterval is how often the status is sent where there is no watchdog.
const statusInterval = 10 * time.Second

// Start begins to report, if systemd has started this process; otherwise it returns nil. From the end of ctx on, the
// service is reported as stopping. The caller calls Ready when the service takes work, and End when the process has
// nothing more to do.
//
// status returns a short line for `systemctl status`. Each sign of life is sent after status has returned. It should
// therefore look at what the program works with: if that is locked for ever, systemd hears nothing, and restarts the
// service.
func Start(ctx context.Context, status func() string, logger *slog.Logger) *Service {
	if os.Getenv("NOTIFY_SOCKET") == "" || !startedBySystemd(os.Getpid()) {
		return nil
	}
	running, cancel := context.WithCancel(context.Background())
	s := &Service{status: status, interval: statusInterval, logger: logger,
		ready: make(chan struct{}), cancel: cancel, ended: make(chan struct{})}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		logger.Warn("systemd's watchdog gets no sign of life", "reason", err)
	}
	if watchdog > 0 {
		s.interval = max(watchdog/2, time.Millisecond)
	}
	go func() {
		defer close(s.ended)
		s.report(ctx, running)
	}()
	return s
}

// startedBySystemd reports whether the process is what a unit's ExecStart= names, and not a child of that.
// SYSTEMD_EXEC_PID came with systemd 248; an older one has WATCHDOG_PID, where the unit has WatchdogSec=. The first
// process of a container has the number 1 (podman's --sdnotify=container).
func startedBySystemd(pid int) bool {
	own := strconv.Itoa(pid)
	return os.Getenv("SYSTEMD_EXEC_PID") == own || os.Getenv("WATCHDOG_PID") == own || pid == 1
}

// Ready reports that the service takes work. It is called once, and does not wait.
func (s *Service) Ready() {
	if s != nil {
		close(s.ready)
	}
}

// End ends the reports.
func (s *Service) End() {
	if s != nil {
		s.cancel()
		<-s.ended
	}
}

// report reports until running ends. What has happened by then is reported.
func (s *Service) report(ctx, running context.Context) {
	signs := time.NewTicker(s.interval)
	defer signs.Stop()
	ready, stopping := s.ready, ctx.Done()
	for {
		select {
		case <-ready:
			ready = nil
			s.tell(daemon.SdNotifyReady + "\n" + daemon.SdNotifyWatchdog + "\nSTATUS=" + s.status())
		case <-stopping:
			stopping = nil
			s.tell(daemon.SdNotifyStopping + "\nSTATUS=draining: " + s.status())
		case <-signs.C:
			status := s.status()
			s.tell(daemon.SdNotifyWatchdog + "\nSTATUS=" + status)
		case <-running.Done():
			if stopping != nil && ctx.Err() != nil {
				s.tell(daemon.SdNotifyStopping)
			}
			return
		}
	}
}

// tell sends a message to NOTIFY_SOCKET.
func (s *Service) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.logger.Warn("systemd cannot be told how this service fares", "reason", err)
	}
}
