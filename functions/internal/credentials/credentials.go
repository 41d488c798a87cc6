// Package credentials passes the credentials in a function's environment, which
// Lambda sets, to the SDK's clients. It bypasses the SDK's chain of providers,
// which slows down every cold start (docs/adr/007-time-outs.md).
package credentials

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/shared/config"
)

// Of returns a provider of the credentials in s. They stay valid for the life of
// an execution environment. Their expiry is unknown, because Lambda sets no variable
// with it, so it cannot limit presigned URLs (docs/how-to/operate.md, Presigned URLs).
func Of(s *config.Settings) aws.CredentialsProvider {
	c := aws.Credentials{
		AccessKeyID:     s.AccessKeyID,
		SecretAccessKey: s.SecretAccessKey.Reveal(),
		SessionToken:    s.SessionToken.Reveal(),
		Source:          "environment",
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}
