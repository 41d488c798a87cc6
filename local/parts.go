package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"callrecordings/local/datadir"
)

// partsTimeout is the time limit for one of its requests.
const partsTimeout = time.Minute

// abortUploads aborts uploads in parts that began more than partsTime ago, which
// removes their parts. It speaks S3, because package media has no such operation:
// in the cloud, a lifecycle rule does the job.
func (b *box) abortUploads(ctx context.Context) error {
	keys := b.dir.Keys
	// An idle connection would delay the end of the S3 server.
	transport := &http.Transport{DisableKeepAlives: true}
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(b.s3.URL()), UsePathStyle: true,
		HTTPClient: &http.Client{Transport: transport, Timeout: partsTimeout},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: keys.S3AccessKeyID, SecretAccessKey: keys.S3SecretAccessKey}, nil
		}),
	})
	in := &s3.ListMultipartUploadsInput{Bucket: aws.String(datadir.Bucket)}
	var failures error
	for {
		page, err := client.ListMultipartUploads(ctx, in)
		if err != nil {
			return errors.Join(failures, fmt.Errorf("list uploads in parts: %w", err))
		}
		for _, u := range page.Uploads {
			if b.now().Sub(aws.ToTime(u.Initiated)) < partsTime {
				continue
			}
			_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: in.Bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil {
				failures = errors.Join(failures, fmt.Errorf("abort an upload in parts: %w", err))
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return failures
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}
