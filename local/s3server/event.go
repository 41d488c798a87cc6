package s3server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// event is the part of an S3 event that identifies the stored object.
type event struct {
	Records []eventRecord
}

type eventRecord struct {
	EventVersion string  `json:"eventVersion"`
	EventSource  string  `json:"eventSource"`
	AWSRegion    string  `json:"awsRegion"`
	EventTime    string  `json:"eventTime"`
	EventName    string  `json:"eventName"`
	S3           eventS3 `json:"s3"`
}

type eventS3 struct {
	SchemaVersion string `json:"s3SchemaVersion"`
	Bucket        struct {
		Name string `json:"name"`
		ARN  string `json:"arn"`
	} `json:"bucket"`
	Object struct {
		Key       string `json:"key"`
		ETag      string `json:"eTag"`
		Sequencer string `json:"sequencer"`
	} `json:"object"`
}

// Event returns the event that S3 sends for an object stored at that time. The
// sequencer is the time in nanoseconds.
func Event(bucket, key, etag, region string, at time.Time) []byte {
	r := eventRecord{
		EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: region,
		EventTime: at.UTC().Format("2006-01-02T15:04:05.000Z"), EventName: "ObjectCreated:Put",
	}
	r.S3.SchemaVersion = "1.0"
	r.S3.Bucket.ARN = "arn:aws:s3:::" + bucket
	r.S3.Object.ETag = strings.Trim(etag, `"`)
	r.S3.Object.Sequencer = fmt.Sprintf("%016X", at.UnixNano())
	return r.of(bucket, key)
}

// RecheckEvent returns an event for an object that is to be examined again. It has
// no sequencer, because the object was not stored again.
func RecheckEvent(bucket, key string) []byte {
	return eventRecord{EventName: "ObjectCreated:Recheck"}.of(bucket, key)
}

// of returns r as the event about an object. The key is encoded like a form value,
// except for slashes.
func (r eventRecord) of(bucket, key string) []byte {
	r.S3.Bucket.Name = bucket
	r.S3.Object.Key = strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
	text, err := json.Marshal(event{Records: []eventRecord{r}})
	if err != nil { // impossible: all members are strings
		return nil
	}
	return text
}

// notify returns the function that calls Created for a new object.
func (o Options) notify() func(ctx context.Context, key, etag string) {
	if o.Created == nil {
		return func(context.Context, string, string) {}
	}
	return func(ctx context.Context, key, etag string) {
		o.Created(ctx, Event(o.Bucket, key, etag, o.Region, time.Now()))
	}
}
