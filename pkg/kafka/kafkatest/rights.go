package kafkatest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// scram are the mechanisms whose passwords are in the cluster's metadata.
var scram = map[string]kadm.ScramMechanism{"SCRAM-SHA-256": kadm.ScramSha256, "SCRAM-SHA-512": kadm.ScramSha512}

// createUsers gives the cluster the passwords of SCRAM.
func (c *Cluster) createUsers() {
	c.t.Helper()
	if c.config.Users == nil {
		return
	}
	passwords := 0
	for _, mechanism := range c.mechanisms() {
		kind, ok := scram[mechanism]
		if !ok {
			continue
		}
		var users []kadm.UpsertSCRAM // one request must not name a user twice
		for user, password := range c.config.Users {
			users = append(users, kadm.UpsertSCRAM{User: user, Mechanism: kind, Iterations: 4096, Password: password})
		}
		c.do("creating users", func(ctx context.Context) error {
			altered, err := c.admin.AlterUserSCRAMs(ctx, nil, users)
			return errors.Join(err, altered.Error())
		})
		passwords += len(users)
	}
	c.everywhere("users", func(ctx context.Context, b *broker) error {
		known, err := b.passwords(ctx)
		if err == nil && known < passwords {
			err = fmt.Errorf("%d of %d passwords", known, passwords)
		}
		return err
	})
}

// passwords returns how many passwords of SCRAM the broker knows.
func (b *broker) passwords(ctx context.Context) (known int, err error) {
	response, err := b.request(ctx, kmsg.NewPtrDescribeUserSCRAMCredentialsRequest())
	if err != nil {
		return 0, err
	}
	for _, user := range response.(*kmsg.DescribeUserSCRAMCredentialsResponse).Results {
		known += len(user.CredentialInfos)
	}
	return known, nil
}

// Token returns an unsigned token for OAUTHBEARER, which is what brokers here accept, of any user.
func Token(user string, end time.Time) string {
	claims, err := json.Marshal(map[string]any{"sub": user, "iat": time.Now().Unix(), "exp": end.Unix()})
	if err != nil {
		panic(err) // only with other types
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(claims) + "."
}

// Quota bounds what each broker takes from all clients with that client.id together, in bytes per second; 0: no more.
func (c *Cluster) Quota(clientID string, bytesPerSecond float64) {
	c.t.Helper()
	const key = "producer_byte_rate"
	entry := kadm.AlterClientQuotaEntry{
		Entity: kadm.ClientQuotaEntity{{Type: "client-id", Name: &clientID}},
		Ops:    []kadm.AlterClientQuotaOp{{Key: key, Value: bytesPerSecond, Remove: bytesPerSecond == 0}},
	}
	c.do("setting a quota", func(ctx context.Context) error {
		altered, err := c.admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{entry})
		for _, a := range altered {
			err = errors.Join(err, a.Err)
		}
		return err
	})
	c.everywhere("quota of "+clientID, func(ctx context.Context, b *broker) error {
		rate, err := b.quota(ctx, clientID, key)
		if err == nil && rate != bytesPerSecond {
			err = fmt.Errorf("it is %v", rate)
		}
		return err
	})
}

// quota returns what the broker knows of a quota, 0 if there is none.
func (b *broker) quota(ctx context.Context, clientID, key string) (float64, error) {
	component := kmsg.NewDescribeClientQuotasRequestComponent()
	component.EntityType, component.Match = "client-id", &clientID
	request := kmsg.NewPtrDescribeClientQuotasRequest()
	request.Components = append(request.Components, component)
	response, err := b.request(ctx, request)
	if err != nil {
		return 0, err
	}
	described := response.(*kmsg.DescribeClientQuotasResponse)
	for _, entry := range described.Entries {
		for _, value := range entry.Values {
			if value.Key == key {
				return value.Value, nil
			}
		}
	}
	return 0, kerr.ErrorForCode(described.ErrorCode)
}

// Allow gives a user rights, such as kadm.NewACLs().Topics("logs").Operations(kadm.OpWrite, kadm.OpDescribe). Names are
// whole names unless the rights say ResourcePatternType(kadm.ACLPatternPrefixed).
func (c *Cluster) Allow(user string, rights *kadm.ACLBuilder) {
	c.t.Helper()
	rights.Allow("User:" + user).AllowHosts("*")
	var wanted []string
	c.do("allowing "+user, func(ctx context.Context) error {
		results, err := c.admin.CreateACLs(ctx, rights)
		for _, r := range results {
			err = errors.Join(err, r.Err)
			wanted = append(wanted, right(kmsg.ACLResourceType(r.Type), r.Name, r.Operation))
		}
		return err
	})
	c.everywhere("rights of "+user, func(ctx context.Context, b *broker) error {
		has, err := b.rights(ctx, user)
		for _, r := range wanted {
			if err == nil && !slices.Contains(has, r) {
				err = fmt.Errorf("%s is not among %v", r, has)
			}
		}
		return err
	})
}

// ForbidAll takes all rights that Allow has given from a user.
func (c *Cluster) ForbidAll(user string) {
	c.t.Helper()
	c.do("forbidding "+user, func(ctx context.Context) error {
		results, err := c.admin.DeleteACLs(ctx, kadm.NewACLs().AnyResource().Allow("User:"+user).AllowHosts().
			Operations(kadm.OpAny).ResourcePatternType(kadm.ACLPatternAny))
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		return err
	})
	c.everywhere("rights of "+user, func(ctx context.Context, b *broker) error {
		has, err := b.rights(ctx, user)
		if err == nil && len(has) > 0 {
			err = fmt.Errorf("still %v", has)
		}
		return err
	})
}

// rights returns the rights of a user that the broker knows.
func (b *broker) rights(ctx context.Context, user string) (rights []string, err error) {
	principal := "User:" + user
	request := kmsg.NewPtrDescribeACLsRequest()
	request.ResourceType, request.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	request.Operation, request.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	request.Principal = &principal
	response, err := b.request(ctx, request)
	if err != nil {
		return nil, err
	}
	described := response.(*kmsg.DescribeACLsResponse)
	for _, resource := range described.Resources {
		for _, acl := range resource.ACLs {
			rights = append(rights, right(resource.ResourceType, resource.ResourceName, acl.Operation))
		}
	}
	return rights, kerr.ErrorForCode(described.ErrorCode)
}

func right(kind kmsg.ACLResourceType, name string, operation kmsg.ACLOperation) string {
	return strings.Join([]string{kind.String(), name, operation.String()}, " ")
}
