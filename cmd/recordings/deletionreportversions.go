package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/callrecordings/api/shared/recording"
)

// objectVersion is a version of an object in the bucket.
type objectVersion struct {
	key, id string
	size    int64
	latest  bool
	// stored is when it was stored, and ended when the next version or a delete marker was; zero
	// for the latest.
	stored, ended time.Time
}

const (
	// versionsOfOne is how many pages of the versions of one object are read. Other keys may begin
	// with the same text.
	versionsOfOne = 100
	// versionsOfExports is how many pages of an account's exports are read.
	versionsOfExports = 20
)

// errManyVersions means that a list of versions has more than the pages that were read.
var errManyVersions = errors.New("there are too many versions of objects to read all")

// bucket returns a client of the bucket.
func (o *deletionReport) bucket(settings aws.Config) *s3.Client {
	return s3.NewFromConfig(settings, func(s *s3.Options) {
		s.BaseEndpoint = o.endpointFor("S3")
		s.UsePathStyle = s.BaseEndpoint != nil
	})
}

// listVersions lists the versions of the objects with keys that begin with a prefix, the newest of
// each key first. Error: errManyVersions with those that were read.
func (o *deletionReport) listVersions(ctx context.Context, client *s3.Client, prefix string, pages int) (found []objectVersion, err error) {
	ended := map[string]time.Time{} // when the newer version of a key was stored
	list := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &o.target.bucket, Prefix: &prefix})
	for ; list.HasMorePages(); pages-- {
		if pages == 0 {
			return found, errManyVersions
		}
		page, err := list.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list versions: %w", err)
		}
		for _, m := range page.DeleteMarkers {
			if at := aws.ToTime(m.LastModified); ended[aws.ToString(m.Key)].Before(at) {
				ended[aws.ToString(m.Key)] = at
			}
		}
		for _, v := range page.Versions { // newest first
			one := objectVersion{
				key: aws.ToString(v.Key), id: aws.ToString(v.VersionId), size: aws.ToInt64(v.Size),
				latest: aws.ToBool(v.IsLatest), stored: aws.ToTime(v.LastModified),
			}
			if !one.latest {
				one.ended = ended[one.key]
			}
			ended[one.key] = one.stored
			found = append(found, one)
		}
	}
	return found, nil
}

// lifecycle has the days after which the lifecycle rules of the bucket remove what a purge has left.
type lifecycle struct {
	// unknown is true if the rules could not be read.
	unknown bool
	// old is for old versions, and exports for the files of jobs, counted from when they became
	// old or were stored; 0 if no rule removes them.
	old, exports int
}

// lifecycle reads the lifecycle rules of the bucket.
func (o *deletionReport) lifecycle(ctx context.Context, client *s3.Client) lifecycle {
	out, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &o.target.bucket})
	if err != nil {
		return lifecycle{unknown: true}
	}
	var l lifecycle
	for _, r := range out.Rules {
		if r.Status != types.ExpirationStatusEnabled {
			continue
		}
		if r.NoncurrentVersionExpiration != nil {
			l.old = int(aws.ToInt32(r.NoncurrentVersionExpiration.NoncurrentDays))
		}
		prefix := aws.ToString(r.Prefix) //nolint:staticcheck // templates may use it, and S3 then answers with it
		if r.Filter != nil && r.Filter.Prefix != nil {
			prefix = *r.Filter.Prefix
		}
		if prefix == recording.ExportsPrefix && r.Expiration != nil {
			l.exports = int(aws.ToInt32(r.Expiration.Days))
		}
	}
	return l
}

// text says when old versions end.
func (l lifecycle) text() string {
	switch {
	case l.unknown:
		return "the lifecycle rules of the bucket are unknown"
	case l.old == 0:
		return "no lifecycle rule removes old versions"
	}
	return "old versions end after " + count(l.old, "day")
}

// ruled returns when a lifecycle rule acts on something that has been so since a time: rules run at
// midnight UTC.
func ruled(since time.Time, days int) time.Time {
	return since.UTC().AddDate(0, 0, days+1).Truncate(24 * time.Hour)
}

// endOfOld returns when an old version ends; the zero time if it has no known end.
func (l lifecycle) endOfOld(v objectVersion) time.Time {
	if v.latest || l.old == 0 || v.ended.IsZero() {
		return time.Time{}
	}
	return ruled(v.ended, l.old)
}

// endOfExport returns when a version of a file of a job ends; the zero time if it has no known end. The
// latest version first expires, and is an old one then.
func (l lifecycle) endOfExport(v objectVersion) time.Time {
	if !v.latest {
		return l.endOfOld(v)
	}
	if l.old == 0 || l.exports == 0 {
		return time.Time{}
	}
	return ruled(ruled(v.stored, l.exports), l.old)
}
