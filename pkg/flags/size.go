package flags

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Size is a flag's value: a positive number of bytes, with the suffix KiB or MiB if there is one, and at most 1 GiB.
type Size int

const maxSize = 1 << 30

// Set implements pflag.Value.
func (s *Size) Set(text string) error {
	number, unit := text, 1
	if n, found := strings.CutSuffix(text, "KiB"); found {
		number, unit = n, 1<<10
	} else if n, found := strings.CutSuffix(text, "MiB"); found {
		number, unit = n, 1<<20
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return errors.New("write a number of bytes, such as 65536, 64KiB or 1MiB")
	}
	if n == 0 || n > uint64(maxSize/unit) {
		return fmt.Errorf("it must lie between 1 byte and %dMiB", maxSize>>20)
	}
	*s = Size(int(n) * unit)
	return nil
}

// String implements pflag.Value.
func (s *Size) String() string {
	switch n := int(*s); {
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n > 0 && n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", n>>10)
	default:
		return fmt.Sprint(n)
	}
}

// Type implements pflag.Value.
func (s *Size) Type() string { return "bytes" }

// FileSize is a flag's value: a number of bytes in a file, with one of the suffixes KiB, MiB and GiB. 0: no limit.
type FileSize int64

const maxFileSize = 1 << 20 // GiB: a pebibyte

// Set implements pflag.Value.
func (s *FileSize) Set(text string) error {
	number, shift := text, 0
	for suffix, by := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if n, found := strings.CutSuffix(text, suffix); found {
			number, shift = n, by
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil {
		return errors.New("write a number of bytes, such as 1000000, 512KiB, 100MiB or 2GiB")
	}
	if n > maxFileSize<<30>>shift {
		return fmt.Errorf("it must lie between 0 and %dGiB", maxFileSize)
	}
	*s = FileSize(n << shift)
	return nil
}

// String implements pflag.Value.
func (s *FileSize) String() string {
	for i, suffix := range []string{"GiB", "MiB", "KiB"} {
		if n, shift := int64(*s), 10*(3-i); n > 0 && n%(1<<shift) == 0 {
			return fmt.Sprintf("%d%s", n>>shift, suffix)
		}
	}
	return fmt.Sprint(int64(*s))
}

// Type implements pflag.Value.
func (s *FileSize) Type() string { return "bytes" }
