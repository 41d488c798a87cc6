package e2e

// exceptions are the scripts that an emulator cannot carry, each with the
// cause. They run against make run and through the event codec; here they are
// expected to fail, and one that passes means that its row can go.
var exceptions = []struct{ target, script, cause string }{
	{"sam", "create", noEvents},
	{"sam", "create-audio", noEvents},
	{"sam", "create-failed", noEvents},
	{"sam", "inbox", noEvents},
	{"sam", "receive", noEvents},
	{"localstack", "receive-form", "LocalStack's gateway drops the body of a PUT that is a multipart form (rolo's restore_payload); POST loses the types of its parts"},
	{"sam", "audio-refused", "sam local decodes base64 only when Accept matches the answer's type; here it is compressed JSON for a client of audio"},
	{"sam", "encoded-slash", "sam local decodes %2F before it routes, so the path has a segment more"},
}

// noEvents is why nothing arrives behind sam local.
const noEvents = "sam local has no events: nobody calls ingest when S3 has new audio; the same scripts run against the deployed stack"

// exception returns why the target cannot carry the script, "" if it can.
func exception(target, script string) string {
	for _, e := range exceptions {
		if e.target == target && e.script == script {
			return e.cause
		}
	}
	return ""
}
