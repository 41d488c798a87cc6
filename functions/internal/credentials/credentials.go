// Package credentials hands the credentials that Lambda puts into a function's
// environment to the SDK's clients, without the SDK's chain of providers,
// which costs every cold start (docs/adr/007-time-outs.md).
package credentials

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"callrecordings/shared/config"
)

// Of returns a provider of the settings' credentials. They stay the same for
// the life of an execution environment.
func Of(s config.Settings) aws.CredentialsProvider {
	c := aws.Credentials{
		AccessKeyID:     s.AccessKeyID,
		SecretAccessKey: s.SecretAccessKey.Reveal(),
		SessionToken:    s.SessionToken.Reveal(),
		Source:          "environment",
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}
