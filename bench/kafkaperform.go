package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// performance measures ProducerPerformance, which comes with Kafka, by its own words, without a first part while java
// compiles itself. transaction is how many milliseconds each of its transactions takes; 0: it has none.
func (c *kafkaCluster) performance(n, transaction int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		if err := c.start(ctx); err != nil {
			return sample{}, err
		}
		return c.perform(ctx, n, transaction, place)
	}
}

func (c *kafkaCluster) perform(ctx context.Context, n, transaction int, place placement) (sample, error) {
	topic, err := c.newTopic(ctx)
	if err != nil {
		return sample{}, err
	}
	warming := n / 2
	words, err := c.performer(topic, n+warming, warming)
	if err != nil {
		return sample{}, err
	}
	if transaction > 0 {
		words = append(words, "--transaction-duration-ms", fmt.Sprint(transaction))
	}
	cmd := command(ctx, place.program, words...)
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = kafkaFolder, &said, &said
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("ProducerPerformance: %w\n%s", err, said.Bytes()[max(0, said.Len()-2000):])
	}
	rate, err := performed(said.String())
	if err != nil {
		return sample{}, err
	}
	records := 0
	err = c.read(ctx, topic, func([]byte) { records++ })
	if err == nil && records != n+warming {
		err = fmt.Errorf("topic %s has %d records of ProducerPerformance's %d", topic, records, n+warming)
	}
	return sample{Rate: rate}, err
}

// performer returns the command that produces n messages, which it picks from the first ones of writeLines.
func (c *kafkaCluster) performer(topic string, n, warming int) ([]string, error) {
	jars, err := os.ReadFile(filepath.Join(kafkaFolder, "class-path"))
	if err != nil {
		return nil, err
	}
	payloads, settings := filepath.Join(c.dir, "payloads"), filepath.Join(c.dir, "settings")
	// Its batches are 16 KiB by default, which is slower.
	err = os.WriteFile(settings, []byte("acks=all\ncompression.type=lz4\nbatch.size=262144\n"), 0o600)
	file, lineErr := linesFile(payloads, 0, 10_000)
	if err := errors.Join(err, lineErr); err != nil {
		return nil, err
	}
	return []string{"java", "-Xmx512m", "-cp", strings.TrimSpace(string(jars)), "org.apache.kafka.tools.ProducerPerformance",
		"--bootstrap-server", c.addresses, "--topic", topic, "--num-records", fmt.Sprint(n), "--warmup-records", fmt.Sprint(warming),
		"--throughput", "-1", "--payload-file", payloads, "--command-config", settings}, file.Close()
}

var steadyState = regexp.MustCompile(`(?m)^[0-9]+ steady state records sent, ([0-9.]+) records/sec .*50th`)

// performed finds the rate in what ProducerPerformance prints.
func performed(said string) (float64, error) {
	m := steadyState.FindStringSubmatch(said)
	if m == nil {
		return 0, fmt.Errorf("ProducerPerformance prints no rate:\n%s", said)
	}
	return strconv.ParseFloat(m[1], 64)
}
