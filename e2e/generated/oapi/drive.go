//go:build ignore

// Uses the client that oapi-codegen makes.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	client "example.com/recordings/client"
)

func main() {
	account, ctx := os.Getenv("ACCOUNT_ID"), context.Background()
	api, err := client.NewClientWithResponses(os.Getenv("URL"), client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-Auth-Token", os.Getenv("TOKEN"))
		return nil
	}))
	check(err == nil, err)

	size := int64(2)
	page, err := api.ListRecordingsWithResponse(ctx, "v2", account, &client.ListRecordingsParams{PageSize: &size})
	check(err == nil && page.JSON200 != nil && len(page.JSON200.Data) == 2 && page.JSON200.NextStartKey != nil, page, err)
	rest, err := api.ListRecordingsWithResponse(ctx, "v2", account, &client.ListRecordingsParams{PageSize: &size, StartKey: page.JSON200.NextStartKey})
	check(err == nil && rest.JSON200 != nil && len(rest.JSON200.Data) == 1 && rest.JSON200.NextStartKey == nil, rest, err)
	check(page.JSON200.Timestamp.Year() >= 2026, page.JSON200.Timestamp)

	direction, from := "outbound", "63000000000"
	found, err := api.ListRecordingsWithResponse(ctx, "v2", account, &client.ListRecordingsParams{FilterDirection: &direction, CreatedFrom: &from})
	check(err == nil && found.JSON200 != nil && len(found.JSON200.Data) == 1 && *found.JSON200.Data[0].Direction == "outbound", found, err)
	id := found.JSON200.Data[0].Id

	one, err := api.GetRecordingWithResponse(ctx, "v2", account, id, nil)
	check(err == nil && one.JSON200 != nil && one.JSON200.Data.Id == id && int64(*one.JSON200.Data.Start) > 1<<32, one, err)

	audio, err := api.GetRecordingAudioWithResponse(ctx, "v2", account, id, nil)
	check(err == nil && audio.StatusCode() == http.StatusOK && len(audio.Body) > 1000, audio.Status(), err)

	var body client.PatchRecordingJSONRequestBody
	tags := map[string]any{"tag": "vip"}
	check(body.FromEnvelopedChange(client.EnvelopedChange{Data: client.Change{UserMetadata: &tags}}) == nil)
	patched, err := api.PatchRecordingWithResponse(ctx, "v2", account, id, nil, body)
	check(err == nil && patched.JSON200 != nil && (*patched.JSON200.Data.UserMetadata)["tag"] == "vip", patched, err)

	gone, err := api.DeleteRecordingWithResponse(ctx, "v2", account, id, nil)
	check(err == nil && gone.JSON200 != nil && *gone.JSON200.Data.UnderscoreReadOnly.Deleted, gone, err)

	missing, err := api.GetRecordingWithResponse(ctx, "v2", account, id, nil)
	check(err == nil && missing.JSON404 != nil && missing.JSON404.Error == "404" && missing.JSON404.Message == "bad_identifier", missing, err)
}

func check(ok bool, got ...any) {
	if !ok {
		log.Fatalf("%+v", got)
	}
}
