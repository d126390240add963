package kafka

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/credential"
)

// trust returns the configuration of TLS; nil without TLS.
func (c *Config) trust() (*tls.Config, error) {
	if !c.Target.TLS {
		return nil, nil
	}
	config, err := credential.TLS(c.CAFile, c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return config, nil
}

// mechanism returns how clients prove who they are; nil: not at all. Files are read for each connection, so that a
// secret can change without a restart.
func (c *Config) mechanism() (sasl.Mechanism, error) {
	if c.Target.SASL == OAuthBearer {
		if _, err := credential.ReadFile(c.TokenFile); err != nil {
			return nil, fmt.Errorf("kafka: the token: %w", err)
		}
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			token, err := credential.ReadFile(c.TokenFile)
			return oauth.Auth{Token: token}, err
		}), nil
	}
	if c.Target.SASL == "" {
		return nil, nil
	}
	password, err := c.password()
	if err != nil {
		return nil, fmt.Errorf("kafka: the password: %w", err)
	}
	if password == "" {
		return nil, fmt.Errorf("kafka: the user %q has no password: set KAFKA_PASSWORD or give --kafka-password-file",
			c.Target.User)
	}
	scramAuth := func(context.Context) (scram.Auth, error) {
		password, err := c.password()
		return scram.Auth{User: c.Target.User, Pass: password}, err
	}
	switch c.Target.SASL {
	case Scram256:
		return scram.Sha256(scramAuth), nil
	case Scram512:
		return scram.Sha512(scramAuth), nil
	}
	return plain.Plain(func(context.Context) (plain.Auth, error) {
		password, err := c.password()
		return plain.Auth{User: c.Target.User, Pass: password}, err
	}), nil
}
