package main

import (
	"context"
	"io"
	"os"
)

// open opens a file. A FIFO that nobody writes into takes until ctx ends; then it has nothing in it. The goroutine that
// waits for the writer ends with the program.
func open(ctx context.Context, name string) (*os.File, error) {
	type opened struct {
		file *os.File
		err  error
	}
	c := make(chan opened, 1)
	go func() {
		file, err := os.Open(name)
		c <- opened{file, err}
	}()
	select {
	case o := <-c:
		return o.file, o.err
	case <-ctx.Done():
		return os.Open(os.DevNull)
	}
}

// untilEnd returns a reader of what is in a file, or comes from a pipe, until ctx ends.
func untilEnd(ctx context.Context, from *os.File) io.Reader {
	if !isRegular(from) {
		return interruptible(ctx, from)
	}
	return readerFunc(func(b []byte) (int, error) { // what is wanted of a large file may be at its end
		if ctx.Err() != nil {
			return 0, io.EOF
		}
		return from.Read(b)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func isRegular(file *os.File) bool {
	there, err := file.Stat()
	return err == nil && there.Mode().IsRegular()
}

// interruptible returns a reader of what comes from a pipe or terminal, until ctx ends. The goroutine that reads ends
// with the program: nothing else ends a read(2) there.
func interruptible(ctx context.Context, from io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, from)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { w.Close() })
	return r
}
