package main

import (
	"context"
	"os"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

func runPrint(ctx context.Context, args []string, stdout, stderr *os.File) error {
	var o source
	fs := flags.NewSet(program, "Prints the stream.", &o.Common)
	o.addTopics(fs)
	if err := o.parse(fs, args, stdout); err != nil {
		return err
	}
	logger := o.Logger(stderr)
	stream := tap.New(0)
	reader := stream.Join(tap.Interest{Queue: 65536, QueueBytes: 16 << 20})
	defer reader.Close()
	socket, err := o.open(stream, logger)
	if err != nil {
		return err
	}
	var line []byte
	for ctx.Err() == nil {
		line = line[:0]
		for _, d := range reader.Next(ctx, nil) {
			for i := range d.Messages {
				line = append(message.AppendLine(line, d.Messages[i].Payload), '\n')
			}
		}
		if _, err := stdout.Write(line); err != nil {
			break
		}
	}
	draining, stop := o.Lingering(ctx)
	defer stop()
	socket.Close(draining)
	sayEnd(logger, stream)
	return nil
}
