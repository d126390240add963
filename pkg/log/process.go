package log

import (
	"context"
	"log/slog"
	"os"
)

// Process is a handler whose lines end with the id of the process: several processes of one omprog action share a file.
func Process(h slog.Handler) slog.Handler { return process{h} }

type process struct{ slog.Handler }

func (p process) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.AddAttrs(slog.Int("pid", os.Getpid()))
	return p.Handler.Handle(ctx, r)
}

func (p process) WithAttrs(attrs []slog.Attr) slog.Handler {
	return process{p.Handler.WithAttrs(attrs)}
}
func (p process) WithGroup(name string) slog.Handler { return process{p.Handler.WithGroup(name)} }
