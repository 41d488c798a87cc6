package e2e

// exceptions lists the scripts that an emulator cannot run, with the cause. They
// pass against make run, and the functions' tests cover the same behavior through
// the event codec. On the emulator these scripts must fail. If one passes, the suite
// fails, and the script's row can be removed.
var exceptions = []struct{ target, script, cause string }{
	{"sam", "bulk", noQueues},
	{"sam", "create", noEvents},
	{"sam", "create-audio", noEvents},
	{"sam", "create-failed", noEvents},
	{"sam", "inbox", noEvents},
	{"sam", "person", noQueues},
	{"sam", "receive", noEvents},
	{"localstack", "receive-form", "LocalStack's gateway drops the body of a PUT with a multipart form (rolo's restore_payload); a POST loses the types of the parts"},
	{"sam", "audio-refused", "sam local decodes base64 only if Accept matches the answer's type; here the client accepts audio and gets compressed JSON"},
	{"sam", "audio-path", "sam local decodes base64 only if Accept matches the answer's type; here the client accepts JSON and gets audio"},
	{"sam", "encoded-slash", "sam local decodes %2F before it routes, so the path has one more segment"},
}

// noEvents is the cause for every script that waits for audio to be ingested.
const noEvents = "sam local delivers no S3 events, so ingest does not run when audio is stored; the same scripts run against the deployed stack"

// noQueues is the cause for every script that waits for a job.
const noQueues = "sam local delivers no messages of queues; the same script runs against the deployed stack"

// exception returns the reason why the target cannot run the script, or "" if it can.
func exception(target, script string) string {
	for _, e := range exceptions {
		if e.target == target && e.script == script {
			return e.cause
		}
	}
	return ""
}
