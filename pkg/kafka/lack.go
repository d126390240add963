package kafka

import (
	"context"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// mostAsked bounds the topics that lack asks about.
const mostAsked = 100

// lack returns what the cluster says about why records of chunk are not stored; nil: nothing. franz-go does not say it:
// a record that a broker has appended, and perhaps stored, it sends again and again.
func lack(client *kgo.Client, records []kgo.Record, chunk []int) *fault {
	asked := make(map[string]bool)
	var names []string
	for _, i := range chunk {
		if name := records[i].Topic; !asked[name] && len(names) < mostAsked {
			asked[name] = true
			names = append(names, name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	found, err := describe(ctx, client, names)
	if err != nil {
		return nil
	}
	for name, s := range found {
		wanted, _ := strconv.Atoi(s.insync)
		switch {
		case s.leaderless:
			return codeFault(kerr.LeaderNotAvailable, nil).of(name)
		case s.fault == nil && s.least < wanted:
			return codeFault(kerr.NotEnoughReplicas, nil).of(name)
		}
	}
	return nil
}
