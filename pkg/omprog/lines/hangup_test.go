package lines

import (
	"os"
	"testing"
)

func TestHungUp(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r, err := NewReader(int(out.Fd()), 100)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.HungUp() {
		t.Error("hung up before the writer closed")
	}
	if _, err := in.WriteString("line\n"); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if !r.HungUp() {
		t.Error("not hung up after the writer closed")
	}
	if line, _, err := r.TryNext(0); err != nil || string(line) != "line" {
		t.Errorf("%q, %v: what was written before must be read", line, err)
	}
}
