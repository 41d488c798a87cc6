package api

import (
	"html"
	"maps"
	"strings"
)

// errorsPath is the path of the page that explains the errors, relative to the
// service's address, as the path in Location is.
const errorsPath = "/v2/errors"

// errorGuide explains each error code to the client's developer. The page at
// errorsPath and docs/errors.md are made from it. A test checks that it has every code.
var errorGuide = []struct {
	code, status, meaning, remedy string
}{
	{
		"validation error", "400", "A parameter, a field of the body, or the cursor is invalid. data names each field and the rule that it breaks.",
		"Correct the fields that data names. For start_key, send next_start_key of the same list unchanged, and for cursor that of the last changes.",
	},
	{
		"parse_error", "400", "The body is not the JSON that the request needs.",
		"Send one JSON object in UTF-8 without duplicate keys, as {\"data\": {…}}.",
	},
	{
		"faulty_request", "400", "The gateway rejects the request before this service sees it.",
		"Check that the path and the query are valid and encoded.",
	},
	{
		"invalid_credentials", "401", "There is no token, or it is invalid. data.cause gives the reason, such as expired, unknown key or bad signature. For a storage request, the secret in the path is invalid.",
		"Send a valid token in X-Auth-Token, in Authorization: Bearer, or as auth_token. If it has expired, get a new one.",
	},
	{
		"forbidden", "403", "The token is valid, but not for this account or this action. data.cause, if there is one, names the action that the bearer has no right to, or why the account is closed.",
		"Use a token of the account in the path or of one above it. For a missing right, ask an administrator of the account.",
	},
	{
		"reason_required", "403", "The operator demands a reason for this action, which data.cause names.",
		"Send the reason in X-Reason, or as reason= in the query.",
	},
	{
		"bad_identifier", "404", "There is no such recording, user, group, link, webhook, hold, job or audio. data.cause is the ID.",
		"Check the ID. If the audio has not arrived yet, retry after Retry-After seconds, or send Prefer: wait=10.",
	},
	{
		"not_found", "404", "The path is not part of this API, it is that of a link that does not work or no longer works, or the operator has switched off the feed of changes.",
		"Compare the path with the definition at /v2/openapi.json. Ask the sender of the link for another one.",
	},
	{
		"invalid_method", "405", "The path exists, but not with this method. Allow lists the methods.",
		"Use one of the methods in Allow.",
	},
	{
		"not_acceptable", "406", "The answer is not available in any type that the client accepts. data.accepted lists its types.",
		"Send one of these types in Accept, or no Accept.",
	},
	{
		"datastore_conflict", "409", "Another recording has this ID or idempotency key, there is other audio already, the recording was deleted, the recording has as many links or the account as many webhooks or active holds as it may have, a job is not in the state for this request or has another plan, or other clients changed the recording too often at the same moment.",
		"Read the recording or the job again and decide. Use another ID for another recording. Revoke links that are no longer needed.",
	},
	{
		"confirmation_required", "409", "The retention policy would remove recordings: another policy, or the present one after a change of the members of a group that it names. Nothing is changed. data.preview has their number and size.",
		"Repeat the preview, or for a group the request itself, until complete is true. If these recordings may go, send its count as confirm.",
	},
	{
		"on_hold", "409", "The recording is on legal hold: it cannot be deleted or erased, its audio cannot be changed, and a number that is on hold cannot be removed. data.cause lists the holds.",
		"Ask the person who placed the hold to release it. Until then everything else works as before.",
	},
	{
		"would_expire", "409", "The change would take away, or add, a tag by which the retention policy removes the recording at once. Nothing is changed.",
		"Keep the tag. If the recording may go, delete it, which needs the right to delete.",
	},
	{
		"gone", "410", "The recording was deleted, and can no longer be restored: its audio is being removed, or is gone.",
		"Nothing brings it back. Ask the operator to set RestoreDays, so that later deletions can be reversed.",
	},
	{
		"cursor_expired", "410", "Changes after the cursor are no longer kept: they are older than 400 days, or the operator has switched the feed off in between. Or a change could not be added to the feed, so the service has restarted it.",
		"Ask for changes with from=now and keep its cursor. Read the whole list, then follow the changes after that cursor.",
	},
	{
		"precondition_failed", "412", "The recording has changed since you read it: If-Match does not match.",
		"Read it again, apply your change to the new version, and retry with its ETag.",
	},
	{
		"entity_too_large", "413", "The body, the audio or the resulting document is too large. data.details names the limit.",
		"For audio, ask for a presigned URL and upload to it.",
	},
	{
		"range not satisfiable", "416", "The range starts after the end of the audio, or an unpaged list, a sorted list or a summary covers too much for one answer. data.details says which.",
		"Ask for a range within the size in Content-Range. Read long lists in pages, with page_size. Choose a shorter time.",
	},
	{
		"unsupported_media_type", "415", "The body has a type or a coding that this request does not accept. data.accepted lists the types.",
		"Set Content-Type to one of these types, and do not compress the body.",
	},
	{
		"too_many_requests", "429", "Too many requests are being served, too many streams of the account are being sent, or too many jobs of the account have not ended; data.message says if it is the jobs. A plan that is not confirmed counts as a job, for 7 days.",
		"Retry after Retry-After seconds; instead of a stream, delivery=redirect works at once. If the jobs are too many, confirm or cancel some plans first.",
	},
	{
		"unspecified_fault", "500", "A fault of this service.",
		"Report the request_id of the answer to the operator, who finds the cause in the log.",
	},
	{
		"datastore_unreachable", "503", "The database or the audio storage does not answer in time.",
		"Retry after Retry-After seconds. A retry does nothing twice if it has the same ID, idempotency key or If-Match.",
	},
}

// anchor returns the fragment that leads to a code on the page.
func anchor(code string) string { return strings.ReplaceAll(code, " ", "_") }

// documented returns the data of p with a link to the explanation of its code: as the
// member doc beside the message, or in each rule if data names invalid fields, because
// clients take the other members of such data for fields (kazoo.md, 5.4).
func (p *publicError) documented() map[string]any {
	link := errorsPath + "#" + anchor(p.code)
	data := maps.Clone(p.data)
	if data == nil {
		data = map[string]any{}
	}
	named := false
	for field, value := range data {
		rules, ok := value.(map[string]any)
		if !ok {
			continue
		}
		named = true
		linked := make(map[string]any, len(rules))
		for code, rule := range rules {
			if members, ok := rule.(map[string]any); ok {
				members = maps.Clone(members)
				members["doc"] = link
				rule = members
			}
			linked[code] = rule
		}
		data[field] = linked
	}
	if !named {
		data["doc"] = link
	}
	return data
}

// errorPage returns the page that explains the errors, as HTML.
func errorPage() []byte {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Errors of the call recordings API</title>
<style>body{font:16px/1.5 sans-serif;max-width:44em;margin:2em auto;padding:0 1em}:target{background:#ff9}</style>
</head><body><h1>Errors</h1>
<p>Each error has the members error (the status), message (the code below) and request_id.</p>
`)
	for _, e := range errorGuide {
		b.WriteString(`<h2 id="` + anchor(e.code) + `">` + e.status + " " + e.code + "</h2>\n<p>" +
			html.EscapeString(e.meaning) + "</p>\n<p>" + html.EscapeString(e.remedy) + "</p>\n")
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String())
}
