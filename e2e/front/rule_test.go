package front

// rule is the table of the path rule: raw request targets and the server that answers
// each of them.
var rule = []struct {
	target     string
	recordings bool
	// spans is true for paths that CloudFront sends to recordings as well, because
	// a * in its patterns spans segments. The service answers them with 404.
	spans bool
	// refused is true for paths that nginx answers itself, because they may contain a
	// storage secret.
	refused bool
}{
	{target: "/v2/accounts/A/recordings", recordings: true},
	{target: "/v1/accounts/A/recordings", recordings: true},
	{target: "/v2/accounts/A/recordings/", recordings: true},
	{target: "/v2/accounts/A/recordings/202601-a", recordings: true},
	{target: "/v2/accounts/A/recordings/202601-a/more", recordings: true},
	{target: "/v2/accounts/A/users/U/recordings", recordings: true},
	{target: "/v1/accounts/A/users/U/recordings/202601-a", recordings: true},
	{target: "/v2/accounts/A/U/recordings", recordings: true},
	{target: "/v2/accounts/A/U/recordings/202601-a", recordings: true},
	{target: "/v2/accounts/A/recordings?page_size=2&_=1&created_from=undefined", recordings: true},
	{target: "/v2/accounts/A/recordings/202601-a?accept=audio%2Fmpeg&inline=true", recordings: true},
	{target: "/v2/accounts/A/recordings?x=/../devices", recordings: true},
	{target: "/v2/accounts/A/recordings/a%2Fb", recordings: true},
	{target: "/v2/accounts/A/recordings/a%20b%3Fc", recordings: true},
	{target: "/v2/accounts/A%2Fb/recordings", recordings: true},
	{target: "/v2/accounts/A%2Fdevices%2FD/recordings", recordings: true},
	// These are ordinary segments to the rule. The service finds no recording with
	// such an ID.
	{target: "/v2/accounts/A/./recordings", recordings: true},
	{target: "/v2/accounts/A/recordings/../devices", recordings: true},
	{target: "/v2/accounts/A/users/recordings", recordings: true},
	{target: "/v2/accounts/recordings/recordings", recordings: true},
	{target: "/v2/storage/A/S/call_recording_a%401.mp3?from=a", recordings: true},
	{target: "/v2/storage/A/S/A/202601-a/x.mp3", recordings: true},
	{target: "/v1/storage/A/S/plans", recordings: true},
	// Only segments of the name, after the secret, may be empty.
	{target: "/v2/storage/A/S//x.mp3", recordings: true},
	{target: "/v2/storage/A/S///A//202601-a//x.mp3?from=a", recordings: true},

	{target: "/v2/storage"},
	{target: "/v2/storage/plans"},
	{target: "/v2/storage/plans/P"},
	{target: "/v2/storage/plans/P?x=/y"},
	{target: "/v2/storage/A", refused: true},
	{target: "/v2/storage/A/S", refused: true},
	{target: "/v2/storage/A/S?x=/y", refused: true},
	{target: "//v2/storage/A/S/x.mp3", refused: true},
	{target: "/v2//storage/A/S/x.mp3", refused: true, spans: true},
	{target: "/v2/storage//A/S/x.mp3", refused: true, spans: true},
	{target: "/V2/storage/A/S/x.mp3", refused: true},
	{target: "/v2/Storage/A/S/x.mp3", refused: true},
	{target: "/v2/%73tor%41ge/A/S/x.mp3", refused: true},
	{target: "/v2/storage%2fA/S/x.mp3", refused: true},
	{target: "/live/v2/storage/A/S/x.mp3", refused: true},
	{target: "/storage/A/S/x.mp3", refused: true},
	{target: "/v2/accounts/A/storage/S/x.mp3", refused: true},
	{target: "/v2/accounts/storage/devices"},
	{target: "/v2/accounts/A/users/U/storage/plans/P"},
	{target: "/v2/devices?x=/v2/storage/A/S/x.mp3"},
	{target: "/v2/accounts/A/storage"},
	{target: "/v2/accounts/A/storage/plans/P"},
	{target: "/v2/accounts/A/storage/plans/P/x", spans: true},
	{target: "/v2/storage/A//x.mp3", refused: true, spans: true},
	{target: "/v2/storage/A//S//x.mp3", refused: true, spans: true},
	{target: "/v2/storage/A/S/", refused: true, spans: true},
	{target: "/v2/storage/A/S//", refused: true, spans: true},
	{target: "/v2/storage/A/S//?x=/y", refused: true, spans: true},
	{target: "/"},
	{target: "/?auth_token=x"},
	{target: "/v2/user_auth"},
	{target: "/v1/user_auth"},
	{target: "/v2/accounts/A"},
	{target: "/v2/accounts/A/devices"},
	{target: "/v2/accounts/A/users/U"},
	{target: "/v2/accounts/A/users/U/devices?paginate=false"},
	{target: "/v2/accounts/A/call%20recordings"},
	{target: "/v2/accounts/recordings"},
	{target: "/v2/accounts//recordings", spans: true},
	{target: "/accounts/A/recordings"},
	{target: "/api/v2/accounts/A/recordings"},
	{target: "//v2/accounts/A/recordings"},
	{target: "/V2/accounts/A/recordings"},
	{target: "/v2/Accounts/A/recordings"},
	{target: "/v2/accounts/A/Recordings"},
	{target: "/v2/accounts/A/faxes?x=/v2/accounts/A/recordings"},
	{target: "/v2/accounts/A/recordings%2F..", spans: true},
	{target: "/v2/accounts/A/recordingsX", spans: true},
	{target: "/v2/accounts/A/devices/recordingsX", spans: true},
	{target: "/v2/accounts/A/users/U/x/recordings", spans: true},
	{target: "/v2/accounts/A/devices/D/recordings", spans: true},
	{target: "/v2/accounts/A//recordings", spans: true},
	{target: "/v2//accounts/A/recordings", spans: true},
	{target: "/v2/x/accounts/A/recordings", spans: true},
	{target: "/v2/accounts%2FA/recordings"},
	// The rule matches the path as the client wrote it, without decoding it.
	{target: "/v2/accounts/A/record%69ngs"},
	{target: "/v2/accounts/A/devices/%2e%2e/recordings", spans: true},
}
