package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// maxExports is how many files of jobs of an account are read from a data folder.
	maxExports = 10 * media.MaxList
	// uploadDays is after how many days the bucket removes the parts of an unfinished file
	// (template.yaml).
	uploadDays = 2
)

// addJobs adds the jobs that name the recording in their parameters, plans, reports or results.
func (o *deletionReport) addJobs(ctx context.Context, entries store.Entries) error {
	o.namer = &job.Namer{Entries: entries, Account: o.account, Recording: o.id}
	found, err := o.namer.All(ctx)
	for i := range found {
		n := &found[i]
		note := fmt.Sprintf("%s, %s; it has the ID", n.Action, n.State)
		if n.Outcome != "" {
			note += ", and what became of it: " + string(n.Outcome)
		}
		o.traces = append(o.traces, trace{What: "job " + n.ID, Exists: true, Until: clock(n.Until.Time()), Note: note})
	}
	switch {
	case errors.Is(err, job.ErrTooMuch):
		o.traces = append(o.traces, trace{What: "other jobs", Cause: err.Error()})
	case err != nil:
		return err
	case len(found) == 0:
		o.traces = append(o.traces, trace{What: "jobs", Note: "none of the account names it"})
	}
	const age = job.PlanAge + job.ChunkAge
	o.traces = append(o.traces, o.atMost("plans and reports of jobs that have expired", o.lastWork(), age,
		"IDs; they end 60 days after the work, which may begin 7 days after the plan, and take days itself"))
	return nil
}

// exportFile is a file that a job has made, or is making.
type exportFile struct {
	key  string
	note string
	// end is when it ends; the zero time if it has no known end.
	end time.Time
}

// jobOf returns the ID of the job of a file.
func (o *deletionReport) jobOf(key string) string {
	name := strings.TrimPrefix(key, recording.ExportsPrefix+o.account+"/")
	id, _, _ := strings.Cut(name, ".")
	return id
}

// exportTraces returns the traces of the files of jobs that may have the recording.
func (o *deletionReport) exportTraces(ctx context.Context, files []exportFile) ([]trace, error) {
	var found []trace
	for _, f := range files {
		n, ok, err := o.namer.Of(ctx, o.jobOf(f.key))
		t := trace{What: "a file of the job " + n.ID, Exists: true, Note: f.key} // a key has no more than account and job
		if !f.end.IsZero() {
			t.Until = clock(f.end)
		}
		switch {
		case errors.Is(err, job.ErrTooMuch):
			t.Cause = err.Error()
		case err != nil:
			return nil, err
		case !ok && n.Chunks == 0 && n.State == "":
			t.Cause = "the plan of its job has expired, so it may have any recording"
		case !ok:
			continue
		case strings.HasSuffix(f.key, archive.ListSuffix):
			t.Note += ": the ID and what became of it"
		case n.MayHold():
			t.Note += ": the document and the audio"
		default:
			t.Note += ": the ID; the recording itself was left out"
		}
		t.Note += f.note
		found = append(found, t)
	}
	if len(found) == 0 {
		found = []trace{{What: "exports by jobs", Note: "no file of a job has the recording"}}
	}
	return found, nil
}

// addExports adds the files of jobs in a data folder.
func (o *deletionReport) addExports(ctx context.Context, audio interface {
	media.Lister
	Stat(ctx context.Context, key string) (media.Object, error)
},
) error {
	var files []exportFile
	for after := ""; ; {
		keys, err := audio.List(ctx, recording.ExportsPrefix+o.account+"/", after)
		if err != nil {
			return err
		}
		for _, key := range keys {
			object, err := audio.Stat(ctx, key)
			if errors.Is(err, media.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			// The server looks for files that are over at its start and once a day.
			files = append(files, exportFile{key: key, end: object.Modified.Add(archive.FileAge + 24*time.Hour), note: ", if the server runs then"})
		}
		if len(keys) < media.MaxList || len(files) >= maxExports {
			break
		}
		after = keys[len(keys)-1]
	}
	found, err := o.exportTraces(ctx, files)
	if err != nil {
		return err
	}
	if len(files) >= maxExports {
		found = append(found, trace{What: "other exports by jobs", Cause: "the account has too many to read all"})
	}
	o.traces = append(o.traces, found...)
	return nil
}

// exports reports the versions of the files of jobs that may have the recording, and the parts of those
// that are not finished.
func (o *deletionReport) exports(ctx context.Context, settings aws.Config) ([]trace, error) {
	client := o.bucket(settings)
	rules, prefix := o.lifecycle(ctx, client), recording.ExportsPrefix+o.account+"/"
	all, err := o.listVersions(ctx, client, prefix, versionsOfExports)
	many := errors.Is(err, errManyVersions)
	if err != nil && !many {
		return nil, err
	}
	var files []exportFile
	for _, v := range all {
		f := exportFile{key: v.key, end: rules.endOfExport(v)}
		if f.end.IsZero() {
			f.note = ", " + rules.text()
		}
		files = append(files, f)
	}
	parts, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &o.target.bucket, Prefix: &prefix})
	if err != nil {
		return nil, fmt.Errorf("list unfinished files: %w", err)
	}
	for _, u := range parts.Uploads {
		files = append(files, exportFile{key: aws.ToString(u.Key), end: ruled(aws.ToTime(u.Initiated), uploadDays), note: ", in parts that are not joined"})
	}
	found, err := o.exportTraces(ctx, files)
	if many || aws.ToBool(parts.IsTruncated) {
		found = append(found, trace{What: "other exports by jobs", Cause: errManyVersions.Error()})
	}
	return found, err
}
