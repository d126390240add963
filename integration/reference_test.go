package integration

import (
	"os/exec"
	"testing"
)

// The reference is what the programs say of themselves.
func TestReference(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(repository()+"/packaging/reference", built).Output()
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != documentText(t, "docs/reference.md") {
		t.Error("docs/reference.md is not what the programs say: run make reference")
	}
}
