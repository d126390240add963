package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"
)

// omkafkaAction is rsyslogd's own way into Kafka. librdkafka's memory has room for a whole run: when it is full,
// omkafka pauses for action.resumeInterval. The compression is imzmq's; everything else is librdkafka's default.
func omkafkaAction(c *kafkaCluster, topic string) string {
	var brokers []string
	for address := range strings.SplitSeq(c.addresses, ",") {
		brokers = append(brokers, strconv.Quote(address))
	}
	return fmt.Sprintf(`type="omkafka" broker=[%s] topic="%s" template="bare" topicConfParam=["acks=all"]
		confParam=["compression.codec=lz4", "queue.buffering.max.messages=2000000", "queue.buffering.max.kbytes=2000000"]
		resubmitOnFailure="on" keepFailedMessages="on" failedMsgFile="{dir}/failed" action.resumeInterval="1"`,
		strings.Join(brokers, ", "), topic)
}

// heldConfig is that of an rsyslogd whose action, %[3]s of the module %[2]s, waits until somebody reads the fifo of the
// action before it. omkafka would take messages from the queue while Kafka does not answer.
const heldConfig = `
global(workDirectory="%[1]s" maxMessageSize="128k")
module(load="imptcp")
%[2]s
template(name="bare" type="string" string="%%rawmsg%%")
ruleset(name="in" queue.type="linkedList" queue.size="1000000" queue.dequeueBatchSize="1000" queue.workerThreads="1"
	queue.timeoutShutdown="60000") {
	action(type="omfile" file="%[1]s/held" action.execOnlyOnceEveryInterval="86400")
	action(%[3]s)
}
input(type="imptcp" path="%[1]s/in" ruleset="in" unlink="on")
`

// omkafka measures rsyslogd with its own Kafka output. The CPU time is that of rsyslogd's output side (see outputCPU).
func (b *omprogBench) omkafka(c *kafkaCluster, n int, place placement) func(context.Context) (sample, error) {
	return b.intoKafka(c, func(ctx context.Context, topic string) (sample, error) {
		r, err := b.newRsyslogd()
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		held := filepath.Join(r.dir, "held")
		text := fmt.Sprintf(heldConfig, r.dir, `module(load="omkafka")`, omkafkaAction(c, topic))
		err = errors.Join(unix.Mkfifo(held, 0o600), r.startWith(ctx, place, strings.ReplaceAll(text, "{dir}", r.dir)))
		if err != nil {
			return sample{}, err
		}
		err = r.fill(ctx, n)
		reader, openErr := os.OpenFile(held, os.O_RDONLY|unix.O_NONBLOCK, 0) // even after an error
		if err := errors.Join(err, openErr); err != nil {
			return sample{}, r.complaint(err)
		}
		defer reader.Close()
		s, err := c.count(ctx, topic, n, r.output())
		s.CPU = r.outputCPU() / float64(n) * 1e6
		return s, r.complaint(err)
	})
}

// intoKafka runs a contestant with a topic of its own, in a cluster that it starts.
func (b *omprogBench) intoKafka(c *kafkaCluster, run func(ctx context.Context, topic string) (sample, error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		if err := c.start(ctx); err != nil {
			return sample{}, err
		}
		topic, err := c.newTopic(ctx)
		if err != nil {
			return sample{}, err
		}
		return run(ctx, topic)
	}
}

// startIntoKafka starts an imzmq with more arguments that stores in a topic. The caller stops it, even after an error.
func (b *omprogBench) startIntoKafka(ctx context.Context, c *kafkaCluster, place placement, topic, settings string,
	args ...string) (*imzmq, error) {
	to := fmt.Sprintf("kafka://%s/%s%s", c.addresses, topic, strings.ReplaceAll(settings, "{topic}", topic))
	return b.startIMZMQ(ctx, place, append(args, "--to", to)...)
}

// once makes imzmq store each message once. The memory is each run's own.
const once = "?once=true&state=stored-{topic}"

// fromFileIntoKafka measures imzmq --to kafka as fromFile does with Redis. The CPU time is imzmq's.
func (b *omprogBench) fromFileIntoKafka(c *kafkaCluster, n int, senders int, place placement, socket, sender, settings string) func(context.Context) (sample, error) {
	return b.intoKafka(c, func(ctx context.Context, topic string) (sample, error) {
		i, err := b.startIntoKafka(ctx, c, place, topic, settings, "--socket", socket)
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		return b.feedFiles(ctx, i, n, senders, place, sender, func(omzmq, imzmq process) (sample, error) {
			return c.count(ctx, topic, n, omzmq, imzmq)
		})
	})
}

// relpIntoKafka measures omzmq --relp and imzmq --to kafka. The CPU time is omzmq's.
func (b *omprogBench) relpIntoKafka(c *kafkaCluster, n int, place placement, settings string) func(context.Context) (sample, error) {
	return b.intoKafka(c, func(ctx context.Context, topic string) (sample, error) {
		i, err := b.startIntoKafka(ctx, c, place, topic, settings)
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		return b.throughRELP(ctx, n, place, []string{"--connect", i.endpoint}, func(rsyslogd, omzmq process) (sample, error) {
			return c.count(ctx, topic, n, rsyslogd, omzmq, of("imzmq", i.cmd))
		})
	})
}

// count measures the rate at which a topic gets n messages, and how busy Kafka and the other processes are, from the
// first look that finds some. Its offsets count the ends of transactions, too: it waits for the last growth.
func (c *kafkaCluster) count(ctx context.Context, topic string, n int, others ...process) (s sample, err error) {
	const (
		interval = 5 * time.Millisecond // between looks
		silence  = time.Second          // after which nothing more is expected
	)
	var since *load
	first, last, grown := int64(0), int64(0), time.Time{}
	for ; int(last) < n || time.Since(grown) < silence; time.Sleep(interval) {
		end, err := c.end(ctx, topic)
		switch {
		case err != nil:
			return s, fmt.Errorf("after %d of %d messages: %w", last, n, err)
		case end > last:
			grown, last = time.Now(), end
		default:
			continue
		}
		if since == nil {
			if since, err = watch(append([]process{c.process()}, others...)); err != nil {
				return s, err
			}
			first = end
		}
		if s.Usage, err = since.usage(n - int(first)); err != nil {
			return s, err
		}
		s.Rate = float64(n-int(first)) / grown.Sub(since.since).Seconds()
	}
	return s, c.holds(ctx, topic, n)
}

// end returns the end of what a topic's readers can see.
func (c *kafkaCluster) end(ctx context.Context, topic string) (int64, error) {
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Timestamp = -1 // the end
	asked := kmsg.NewListOffsetsRequestTopic()
	asked.Topic, asked.Partitions = topic, append(asked.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID, request.IsolationLevel = -1, 1 // a client; read committed
	request.Topics = append(request.Topics, asked)
	response, err := request.RequestWith(ctx, c.client)
	if err != nil {
		return 0, err
	}
	answer := &response.Topics[0].Partitions[0]
	return answer.Offset, kerr.ErrorForCode(answer.ErrorCode)
}

// holds returns an error unless a topic has the messages 0 to n-1 of writeLines, each once. It looks up to three times:
// kcat -e may end early when a leader moves.
func (c *kafkaCluster) holds(ctx context.Context, topic string, n int) (err error) {
	for range 3 {
		if err = c.look(ctx, topic, n); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// look reads a topic with kcat once.
func (c *kafkaCluster) look(ctx context.Context, topic string, n int) error {
	seen := make([]bool, n)
	records, different := 0, 0
	err := c.read(ctx, topic, func(text []byte) {
		records++
		_, number, _ := bytes.Cut(text, []byte("]: "))
		i, err := strconv.Atoi(string(number[:min(7, len(number))]))
		if err == nil && i < n && !seen[i] {
			seen[i] = true
			different++
		}
	})
	if err == nil && (different != n || records != n) {
		err = fmt.Errorf("topic %s has %d records, %d different ones of %d: %d are lost", topic, records, different, n, n-different)
	}
	return err
}

// read calls each for every record of a topic.
func (c *kafkaCluster) read(ctx context.Context, topic string, each func(text []byte)) error {
	cmd := exec.CommandContext(ctx, "kcat", "-C", "-q", "-e", "-b", c.addresses, "-t", topic, "-o", "beginning",
		"-X", "isolation.level=read_committed", "-f", "%s\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		each(lines.Bytes())
	}
	io.Copy(io.Discard, out) //nolint:errcheck // or kcat would not end
	return errors.Join(lines.Err(), cmd.Wait())
}
