package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaFolder is where integration/setup puts Kafka. bench/run works in the root of the tree.
const kafkaFolder = ".cache/kafka"

// kafkaMissing returns why there is no Kafka here; "": there is.
func kafkaMissing() string {
	if _, err := os.Stat(filepath.Join(kafkaFolder, "ready")); err == nil {
		return ""
	}
	note, _ := os.ReadFile(filepath.Join(kafkaFolder, "left-out"))
	return cmp.Or(strings.TrimSpace(string(note)), "Kafka is missing: run integration/setup kafka")
}

// kafkaCluster is one broker or three, in a folder of their own, for all runs of a row: a java that has just been
// started is slow. Each run has a topic of its own.
type kafkaCluster struct {
	brokers int
	cpus    string // of the brokers, as taskset takes them; "": chosen by the kernel

	dir, addresses string
	running        []*exec.Cmd // nil: it is to be started
	client         *kgo.Client
	admin          *kadm.Client
	topics         int // that were made
}

// kafkaHeap is what Kafka's own scripts give a broker.
const kafkaHeap = "KAFKA_JAVA=-Xmx1g -Xms1g"

// start starts the brokers, unless they run, and warms them up.
func (c *kafkaCluster) start(ctx context.Context) error {
	if c.running != nil {
		return nil
	}
	err := c.launch()
	if err == nil {
		err = c.serves(ctx)
	}
	for _, transaction := range []int{0, 100} {
		if err == nil {
			_, err = c.perform(ctx, 300_000, transaction, free)
		}
	}
	if err != nil {
		err = c.complaint(err)
		c.stop()
	}
	return err
}

func (c *kafkaCluster) launch() (err error) {
	if c.dir, err = os.MkdirTemp("", "rz-bench-"); err != nil {
		return err
	}
	var clients, voters []string
	for id := 1; id <= c.brokers; id++ {
		port, err1 := freePort()
		quorum, err2 := freePort()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		clients = append(clients, fmt.Sprintf("127.0.0.1:%d", port))
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", id, quorum))
	}
	c.addresses = strings.Join(clients, ",")
	for i, address := range clients {
		if err := c.launchBroker(i+1, address, strings.Join(voters, ",")); err != nil {
			return err
		}
	}
	if c.client, err = kgo.NewClient(kgo.SeedBrokers(clients...)); err != nil {
		return err
	}
	c.admin = kadm.NewClient(c.client)
	return nil
}

func (c *kafkaCluster) launchBroker(id int, address, voters string) error {
	folder := filepath.Join(c.dir, fmt.Sprint(id))
	cmd := command(context.Background(), c.cpus, "integration/peers/kafka/broker", folder, fmt.Sprint(id), address, voters)
	cmd.Env = append(os.Environ(), kafkaHeap)
	log, err := os.Create(filepath.Join(c.dir, fmt.Sprintf("log-%d", id)))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	c.running = append(c.running, cmd)
	return nil
}

// serves waits until all brokers know each other.
func (c *kafkaCluster) serves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		known, err := c.admin.ListBrokers(ctx)
		if err == nil && len(known) == c.brokers {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d brokers are there: %w, %w", len(known), c.brokers, ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// complaint adds to an error what the brokers wrote last.
func (c *kafkaCluster) complaint(err error) error {
	for id := 1; id <= len(c.running); id++ {
		said, _ := os.ReadFile(filepath.Join(c.dir, fmt.Sprintf("log-%d", id)))
		err = fmt.Errorf("%w\nbroker %d: %s", err, id, said[max(0, len(said)-1000):])
	}
	return err
}

// stop ends the brokers and removes their folder. The cluster can be started again.
func (c *kafkaCluster) stop() {
	if c.admin != nil {
		c.admin.Close()
	}
	for _, cmd := range c.running {
		cmd.Process.Kill() //nolint:errcheck // nothing needs saving
		cmd.Wait()         //nolint:errcheck // likewise
	}
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
	c.dir, c.running, c.admin = "", nil, nil
}

// process is all brokers.
func (c *kafkaCluster) process() process {
	return together("Kafka", func() (pids []string) {
		for _, cmd := range c.running {
			pids = append(pids, fmt.Sprint(cmd.Process.Pid)) // taskset and the script have execed java
		}
		return pids
	})
}

// newTopic makes a topic with one partition, on all brokers, of which all but one must have each message.
func (c *kafkaCluster) newTopic(ctx context.Context) (string, error) {
	c.topics++
	name := fmt.Sprintf("messages-%d", c.topics)
	insync := fmt.Sprint(max(1, c.brokers-1))
	settings := map[string]*string{"min.insync.replicas": &insync}
	_, err := c.admin.CreateTopic(ctx, 1, int16(c.brokers), settings, name)
	for err == nil { // until all of the replicas are in sync
		var described kadm.TopicDetails
		if described, err = c.admin.ListTopics(ctx, name); err == nil {
			if p, ok := described[name].Partitions[0]; ok && p.Leader >= 0 && len(p.ISR) == c.brokers {
				return name, nil
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return name, fmt.Errorf("topic %s: %w", name, err)
}
