package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub/rights"
)

// topicOptions are the flags about who may publish and get which topics.
type topicOptions struct {
	path string
	file *hub.RightsFile // nil: everybody may publish and get everything
}

func (o *topicOptions) add(fs *pflag.FlagSet) {
	fs.StringVar(&o.path, "curve-topics", "",
		"`file` with a line such as \"web1 subscribe app. db.\" for each certificate, by its name, and direction (publish or "+
			"subscribe): the prefixes of topics, * for everything; a certificate without a line may do nothing; read again when "+
			"it changes, and at SIGHUP")
}

func (o *topicOptions) validate(fs *pflag.FlagSet) error {
	switch {
	case !fs.Changed("curve-topics"):
		return nil
	case o.path == "":
		return flags.Usage("--curve-topics: write the path of a file")
	case !fs.Changed("curve-key"):
		return flags.Usage("--curve-topics needs CURVE, by which all others prove who they are: add --curve-key FILE and " +
			"--curve-clients DIR; --curve-keygen PATH makes a certificate")
	}
	return nil
}

// read reads the file. It returns nil if there is none.
func (o *topicOptions) read(logger *slog.Logger) (*rights.Rights, error) {
	if o.path == "" {
		return nil, nil
	}
	o.file = &hub.RightsFile{Path: o.path, Logger: logger}
	r, err := o.file.Read()
	if err != nil {
		return nil, fmt.Errorf("--curve-topics: %w", err)
	}
	return r, nil
}

// follow has a hub obey the file as it changes, until stop is called. hangups has SIGHUP end the program no longer.
func (o *topicOptions) follow(h *hub.Hub, logger *slog.Logger, hangups func() <-chan os.Signal) (stop func()) {
	if o.file == nil {
		return func() {}
	}
	hangups() // others may receive what it delivers
	again, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(again, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		o.file.Follow(ctx, again, h.SetRights)
	}()
	return func() {
		signal.Stop(again)
		cancel()
		select {
		case <-ended:
		case <-time.After(time.Second): // a file system does not answer
		}
		if n := h.In.LeftOut(); n > 0 {
			logger.Warn("messages were left out that --curve-topics does not let their publishers publish", "messages", n)
		}
	}
}
