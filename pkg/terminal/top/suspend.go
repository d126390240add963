package top

import (
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// suspension stops the process group, as the terminal does when a program reads its keys itself no more. bubbletea
// gives the terminal back meanwhile. Its own suspension would wait for ever where there is no shell to go on with
// fg: there, the kernel ignores the signal.
type suspension struct{}

func (suspension) Run() error {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	defer signal.Stop(continued)
	if err := unix.Kill(0, unix.SIGTSTP); err != nil {
		return err
	}
	select {
	case <-continued:
	case <-time.After(time.Second / 2):
	}
	return nil
}

func (suspension) SetStdin(io.Reader)  {}
func (suspension) SetStdout(io.Writer) {}
func (suspension) SetStderr(io.Writer) {}
