//go:build ignore

// Uses the client that openapi-generator makes for Go.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	client "example.com/recordings/client"
)

func main() {
	account := os.Getenv("ACCOUNT_ID")
	config := client.NewConfiguration()
	config.Servers = client.ServerConfigurations{{URL: os.Getenv("URL")}}
	config.AddDefaultHeader("X-Auth-Token", os.Getenv("TOKEN"))
	api, ctx, v2 := client.NewAPIClient(config), context.Background(), client.V2

	page, _, err := api.ListsAPI.ListRecordings(ctx, v2, account).PageSize(2).Execute()
	check(err == nil && len(page.Data) == 2 && page.GetPageSize() == 2 && page.GetNextStartKey() != "", page, err)
	rest, _, err := api.ListsAPI.ListRecordings(ctx, v2, account).PageSize(2).StartKey(page.GetNextStartKey()).Execute()
	check(err == nil && len(rest.Data) == 1 && !rest.HasNextStartKey(), rest, err)
	check(page.Timestamp.Year() >= 2026, page.Timestamp)

	found, _, err := api.ListsAPI.ListRecordings(ctx, v2, account).FilterDirection("outbound").CreatedFrom("63000000000").Execute()
	check(err == nil && len(found.Data) == 1 && found.Data[0].GetDirection() == "outbound", found, err)
	id := found.Data[0].Id

	one, _, err := api.RecordingsAPI.GetRecording(ctx, v2, account, id).Execute()
	check(err == nil && one.Data.Id == id && one.Data.GetStart() > 1<<32, one, err)

	audio, _, err := api.RecordingsAPI.GetRecordingAudio(ctx, v2, account, id).Execute()
	check(err == nil, err)
	info, err := audio.Stat()
	check(err == nil && info.Size() > 1000, info, err)

	change := client.Change{UserMetadata: map[string]any{"tag": "vip"}}
	body := client.PatchRequest{EnvelopedChange: client.NewEnvelopedChange(change)}
	patched, _, err := api.RecordingsAPI.PatchRecording(ctx, v2, account, id).PatchRequest(body).Execute()
	check(err == nil && patched.Data.UserMetadata["tag"] == "vip", patched, err)

	gone, _, err := api.RecordingsAPI.DeleteRecording(ctx, v2, account, id).Execute()
	check(err == nil && gone.Data.ReadOnly.GetDeleted(), gone, err)

	_, _, err = api.RecordingsAPI.GetRecording(ctx, v2, account, id).Execute()
	var failed *client.GenericOpenAPIError
	check(errors.As(err, &failed), err)
	envelope, ok := failed.Model().(client.Error)
	check(ok && envelope.Error == "404" && envelope.Message == "bad_identifier", failed.Model())
}

func check(ok bool, got ...any) {
	if !ok {
		log.Fatalf("%+v", got)
	}
}
