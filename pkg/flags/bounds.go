package flags

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// MaxCount is the most that a flag for a number of messages, readers or replicas takes: what is computed from it stays
// far from the limits of an int.
const MaxCount = 1_000_000_000

// MaxDuration is the most that a flag for a time takes: ten years of 365 days. For ever is no value of a flag.
const MaxDuration = 87_600 * time.Hour

// bounded is the value of a flag with bounds.
type bounded[T ~int | ~int64] struct {
	value       *T
	least, most T
	kind        string
	parse       func(string) (T, error)
	format      func(T) string
	example     string
}

// Set implements pflag.Value.
func (b *bounded[T]) Set(text string) error {
	v, err := b.parse(text)
	if err != nil {
		return fmt.Errorf("write %s from %s to %s", b.example, b.format(b.least), b.format(b.most))
	}
	if v < b.least || v > b.most {
		return fmt.Errorf("it must lie between %s and %s", b.format(b.least), b.format(b.most))
	}
	*b.value = v
	return nil
}

// String implements pflag.Value.
func (b *bounded[T]) String() string { return b.format(*b.value) }

// Type implements pflag.Value.
func (b *bounded[T]) Type() string { return b.kind }

// Count adds a flag for a number from least to most.
func Count[T ~int | ~int64](fs *pflag.FlagSet, value *T, name string, fallback, least, most T, usage string) {
	*value = fallback
	parse := func(text string) (T, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || int64(T(n)) != n {
			return 0, strconv.ErrRange
		}
		return T(n), nil
	}
	format := func(n T) string { return strconv.FormatInt(int64(n), 10) }
	fs.Var(&bounded[T]{value, least, most, "int", parse, format, "a number"}, name, usage)
}

// Duration adds a flag for a time from least to most.
func Duration(fs *pflag.FlagSet, value *time.Duration, name string, fallback, least, most time.Duration, usage string) {
	*value = fallback
	fs.Var(&bounded[time.Duration]{value, least, most, "duration", time.ParseDuration, short, "a time, such as 500ms or 10s,"}, name, usage)
}

// short is d.String without zeros at its end. pflag prints no default that is "0".
func short(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
