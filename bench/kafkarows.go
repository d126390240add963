package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The clusters of the rows, for all contestants of a row, also another revision's.
var (
	oneBroker     = &kafkaCluster{brokers: 1}
	oneOnCPU0     = &kafkaCluster{brokers: 1, cpus: "0"}
	threeBrokers  = &kafkaCluster{brokers: 3}
	allOnCPU1     = placement{rsyslogd: "1", program: "1"}
	kafkaVersions = func([]float64) string {
		return fmt.Sprintf("Kafka %s, %s, librdkafka %s", kafkaVersion(), javaVersion(),
			output("dpkg-query", "-W", "-f=${Version}", "librdkafka1"))
	}
)

// kafkaVersion is that of the broker's jar.
func kafkaVersion() string {
	jars, _ := filepath.Glob(filepath.Join(kafkaFolder, "libs", "kafka_2.13-*.jar"))
	if len(jars) == 0 {
		return "(unknown)"
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(jars[0]), "kafka_2.13-"), ".jar")
}

// javaVersion is what integration/setup has found.
func javaVersion() string {
	ready, _ := os.ReadFile(filepath.Join(kafkaFolder, "ready")) // for descriptions only
	first, _, _ := strings.Cut(string(ready), "\n")
	return strings.ReplaceAll(first, `"`, "")
}

// kafkaRows are those of a Kafka topic. Every run ends with a look into the topic: it has all messages, each once.
func (b *omprogBench) kafkaRows(scale scale) []row {
	n, wide := scale.of(500_000), *b
	wide.window = 50_000
	return []row{
		{"kafka-own", "imzmq into a Kafka topic, acks=all, one broker, from the lines of a file, where the kernel puts them",
			b.kafkaOwn(oneBroker, scale, free), kafkaVersions},
		{"kafka-pinned", "imzmq into a Kafka topic, acks=all; one broker on CPU 0, all other programs on CPU 1",
			b.kafkaOwn(oneOnCPU0, scale, allOnCPU1), kafkaVersions},
		{"kafka-three", "imzmq into a Kafka topic, acks=all, of three brokers with a replica each, two of them in sync at least",
			b.kafkaOwn(threeBrokers, scale, free), kafkaVersions},
		{"kafka-relp", "rsyslogd over RELP into a Kafka topic, acks=all, one broker", []contestant{
			{name: "rsyslogd, omkafka", run: b.omkafka(oneBroker, n, free), end: oneBroker.stop},
			ours("omzmq --relp, stored, to imzmq", b.relpIntoKafka(oneBroker, n, free, "")),
			ours("the same with once=true", b.relpIntoKafka(oneBroker, n, free, once)),
			ours("windowSize 50,000", wide.relpIntoKafka(oneBroker, n, free, "")),
			ours("windowSize 50,000, once=true", wide.relpIntoKafka(oneBroker, n, free, once)),
		}, kafkaVersions},
	}
}

// kafkaOwn are the contestants of a row with imzmq alone.
func (b *omprogBench) kafkaOwn(c *kafkaCluster, scale scale, place placement) []contestant {
	n := scale.of(500_000)
	const push, dealer = "--socket push --confirm sent", "--socket dealer --confirm stored"
	return []contestant{
		{name: "rsyslogd, omkafka", run: b.omkafka(c, n, place), end: c.stop},
		{name: "ProducerPerformance", run: c.performance(scale.of(1_000_000), 0, place)},
		{name: "the same, in transactions of 100 ms", run: c.performance(scale.of(1_000_000), 100, place)},
		ours("imzmq pull", b.fromFileIntoKafka(c, n, 1, place, "pull", push, "")),
		ours("imzmq router, acknowledged", b.fromFileIntoKafka(c, n, 1, place, "router", dealer, "")),
		ours("the same with once=true", b.fromFileIntoKafka(c, n, 1, place, "router", dealer, once)),
		ours("4 senders, acknowledged", b.fromFileIntoKafka(c, n, 4, place, "router", dealer, "")),
		ours("the same 4 with once=true", b.fromFileIntoKafka(c, n, 4, place, "router", dealer, once)),
	}
}

// withoutKafka returns the rows that can be measured without Kafka, and the keys of the others.
func withoutKafka(rows []row) (left []row, out []string) {
	for _, r := range rows {
		if strings.HasPrefix(r.key, "kafka-") {
			out = append(out, r.key)
			continue
		}
		left = append(left, r)
	}
	return left, out
}
