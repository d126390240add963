package kafkatest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// readPatience bounds a reading of a topic.
const readPatience = 5 * time.Minute

// Record is a record of a topic. A nil Key or Value is Kafka's null, which is not the same as an empty one.
type Record struct {
	Partition int
	Offset    int64
	Timestamp time.Time // in milliseconds
	Key       []byte
	Value     []byte

	// Headers is kcat's list, key=value,key=value, where null is NULL. A comma in a value cannot be told from the
	// next header, and a value ends at its first NUL.
	Headers string
}

// Read returns all records of a topic, each partition in its order. With committed, it reads as consumers with
// isolation.level=read_committed do: no aborted transaction, and nothing from the first open transaction on.
func (c *Cluster) Read(topic string, committed bool) (records []Record) {
	c.t.Helper()
	c.ReadEach(topic, committed, func(r Record) { records = append(records, r) })
	return records
}

// ReadEach calls each with the records that Read would return.
func (c *Cluster) ReadEach(topic string, committed bool, each func(Record)) {
	c.t.Helper()
	level := "read_uncommitted"
	if committed {
		level = "read_committed"
	}
	boundary := make([]byte, 16)
	rand.Read(boundary)
	ctx, cancel := context.WithTimeout(context.Background(), readPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kcat", "-C", "-q", "-e", "-b", c.AdminBootstrap(), "-t", topic, "-o", "beginning",
		"-X", "isolation.level="+level, "-f", `%p %o %T %K %S\n%k%s%h`+hex.EncodeToString(boundary))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	readErr := split(bufio.NewReaderSize(out, 1<<20), []byte(hex.EncodeToString(boundary)), each)
	io.Copy(io.Discard, out) // or it would not end
	if err := cmd.Wait(); err != nil || readErr != nil {
		c.t.Fatalf("kcat, reading %s: %v, %v\n%s", topic, err, readErr, &stderr)
	}
}

// split reads what kcat writes: a line of numbers, key and value in those lengths, and headers up to a boundary.
func split(from *bufio.Reader, boundary []byte, each func(Record)) error {
	var headers bytes.Buffer
	for {
		line, err := from.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %q: %w", line, err)
		}
		var numbers [5]int64
		if err := parse(line, numbers[:]); err != nil {
			return err
		}
		r := Record{Partition: int(numbers[0]), Offset: numbers[1], Timestamp: time.UnixMilli(numbers[2])}
		if r.Key, err = take(from, numbers[3]); err != nil {
			return err
		}
		if r.Value, err = take(from, numbers[4]); err != nil {
			return err
		}
		headers.Reset()
		for !bytes.HasSuffix(headers.Bytes(), boundary) {
			part, err := from.ReadSlice(boundary[len(boundary)-1])
			headers.Write(part)
			if err != nil && err != bufio.ErrBufferFull {
				return fmt.Errorf("after the headers %q: %w", headers.Bytes(), err)
			}
		}
		r.Headers = strings.TrimSuffix(headers.String(), string(boundary))
		each(r)
	}
}

func parse(line string, numbers []int64) error {
	fields := strings.Fields(line)
	if len(fields) != len(numbers) {
		return fmt.Errorf("%q is not %d numbers", line, len(numbers))
	}
	for i, field := range fields {
		var err error
		if numbers[i], err = strconv.ParseInt(field, 10, 64); err != nil {
			return err
		}
	}
	return nil
}

// take reads that many bytes; -1 is null.
func take(from *bufio.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return nil, nil
	}
	taken := make([]byte, length)
	_, err := io.ReadFull(from, taken)
	return taken, err
}
