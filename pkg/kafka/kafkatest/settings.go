package kafkatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// properties returns a broker's server.properties. Where clients need TLS or names, the test and the other brokers do
// not: they come in at the ADMIN listener, as the superuser User:ANONYMOUS.
func (c *Cluster) properties(b *broker) []byte {
	all := int(min(3, len(c.brokers))) // replicas of internal topics
	settings := map[string]string{
		"process.roles":                            "broker,controller",
		"node.id":                                  fmt.Sprint(b.id),
		"controller.quorum.voters":                 c.voters(),
		"listeners":                                fmt.Sprintf("CLIENT://%s,ADMIN://%s,CONTROLLER://%s", b.clients, b.admin, b.controllers),
		"advertised.listeners":                     fmt.Sprintf("CLIENT://%s,ADMIN://%s", c.advertised(b), b.admin),
		"listener.security.protocol.map":           "CLIENT:" + c.protocol() + ",ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"inter.broker.listener.name":               "ADMIN",
		"controller.listener.names":                "CONTROLLER",
		"log.dirs":                                 b.data(),
		"auto.create.topics.enable":                "false",
		"auto.leader.rebalance.enable":             "false", // leaders stay where the test has moved them
		"offsets.topic.replication.factor":         fmt.Sprint(all),
		"offsets.topic.num.partitions":             "5",
		"transaction.state.log.replication.factor": fmt.Sprint(all),
		"transaction.state.log.min.isr":            fmt.Sprint((all + 1) / 2),
		"transaction.state.log.num.partitions":     "5",
		// Sooner than usual: a dead broker is replaced, an abandoned transaction aborted, a group of readers formed.
		"broker.session.timeout.ms":                                   "5000",
		"broker.heartbeat.interval.ms":                                "500",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
		"group.initial.rebalance.delay.ms":                            "0",
		"log.segment.delete.delay.ms":                                 "1000",
		// Less memory and fewer threads.
		"log.cleaner.dedupe.buffer.size": "2097152",
		"num.io.threads":                 "3",
		"num.network.threads":            "2",
		"metric.reporters":               "",
	}
	c.secure(settings, b)
	maps.Copy(settings, c.config.Settings)
	return lines(settings)
}

func (c *Cluster) voters() string {
	var voters []string
	for _, b := range c.brokers {
		voters = append(voters, fmt.Sprintf("%d@%s", b.id, b.controllers))
	}
	return strings.Join(voters, ",")
}

// protocol is that of the clients.
func (c *Cluster) protocol() string {
	transport, names := "PLAINTEXT", ""
	if c.authority != nil {
		transport = "SSL"
	}
	if c.config.Users != nil {
		names = "SASL_"
	}
	return names + transport
}

// secure adds what Config says about TLS, Users and ACL.
func (c *Cluster) secure(settings map[string]string, b *broker) {
	if c.authority != nil {
		store := c.authority.store(fmt.Sprintf("broker-%d", b.id))
		settings["ssl.keystore.type"], settings["ssl.keystore.location"] = "PEM", store
		settings["ssl.truststore.type"], settings["ssl.truststore.location"] = "PEM", c.authority.CA
	}
	if c.config.ClientCertificates {
		settings["listener.name.client.ssl.client.auth"] = "required"
	}
	if c.config.Users != nil {
		settings["sasl.enabled.mechanisms"] = strings.Join(c.mechanisms(), ",")
		for _, mechanism := range c.mechanisms() {
			key := "listener.name.client." + strings.ToLower(mechanism) + ".sasl.jaas.config"
			settings[key] = "org.apache.kafka.common.security." + c.login(mechanism) + ";"
		}
	}
	if c.config.ACL {
		settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		settings["super.users"] = "User:ANONYMOUS"
	}
}

func (c *Cluster) mechanisms() []string {
	if len(c.config.Mechanisms) > 0 {
		return c.config.Mechanisms
	}
	return []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}
}

// login is the module that checks users, and its options. SCRAM's passwords are in the cluster's metadata.
func (c *Cluster) login(mechanism string) string {
	switch mechanism {
	case "PLAIN":
		escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		module := "plain.PlainLoginModule required"
		for _, user := range slices.Sorted(maps.Keys(c.config.Users)) {
			module += fmt.Sprintf(` user_%s="%s"`, user, escape.Replace(c.config.Users[user]))
		}
		return module
	case "OAUTHBEARER":
		return `oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"`
	default:
		return "scram.ScramLoginModule required"
	}
}

// lines returns settings as a properties file.
func lines(settings map[string]string) []byte {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		// A backslash would be an escape there.
		fmt.Fprintf(&text, "%s=%s\n", key, strings.ReplaceAll(settings[key], `\`, `\\`))
	}
	return []byte(text.String())
}
