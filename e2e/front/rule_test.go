package front

// rule is the table of the path rule: raw request targets, and who answers.
var rule = []struct {
	target     string
	recordings bool
	// spans marks what a pattern that spans segments takes in as well. The
	// service answers these with a 404.
	spans bool
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
	// Each is a segment like any other; the service knows no such id.
	{target: "/v2/accounts/A/./recordings", recordings: true},
	{target: "/v2/accounts/A/recordings/../devices", recordings: true},
	{target: "/v2/accounts/A/users/recordings", recordings: true},
	{target: "/v2/accounts/recordings/recordings", recordings: true},

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
	// As its author wrote them, not as they decode.
	{target: "/v2/accounts/A/record%69ngs"},
	{target: "/v2/accounts/A/devices/%2e%2e/recordings", spans: true},
}
