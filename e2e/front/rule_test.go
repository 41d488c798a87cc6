package front

import (
	"regexp"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/api"
)

// shaped has the form of a storage secret (shared/auth) and of a link's secret.
const shaped = "0a1b2c3d-ShapedShapedShapedShapedShaped-Shaped_Shape"

// rule is the table of the path rule: raw request targets and the server that answers
// each of them.
var rule = []struct {
	target     string
	recordings bool
	// spans is true for paths that CloudFront sends to recordings as well, because
	// a * in its patterns spans segments. The service answers them with 404.
	spans bool
	// refused is true for paths that nginx answers itself, because they may contain a
	// storage secret. CloudFront's function answers them unless spans is true.
	refused bool
}{
	{target: "/v2/accounts/A/recordings", recordings: true},
	{target: "/v1/accounts/A/recordings", recordings: true},
	{target: "/v2/accounts/A/recordings/", recordings: true},
	{target: "/v2/accounts/A/recordings/202601-a", recordings: true},
	{target: "/v2/accounts/A/recordings/202601-a/more", recordings: true},
	{target: "/v2/accounts/A/recordings/202601-a/links", recordings: true},
	{target: "/v2/accounts/A/recordings/202601-a/links/0a1b2c3d4e5f6071/" + shaped, recordings: true},
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
	{target: "/v2/openapi.json", recordings: true},
	{target: "/v1/openapi.json?x=/y", recordings: true},
	{target: "/v2/errors", recordings: true},
	{target: "/v1/errors?x=/y", recordings: true},

	{target: "/console", recordings: true},
	{target: "/console/", recordings: true},
	{target: "/console/?account=A", recordings: true},
	{target: "/console?account=A", recordings: true},
	{target: "/console/0123456789abcdef0123/app.js", recordings: true},

	{target: "/consoles"},
	{target: "/consoles/app.js"},
	{target: "/v2/console"},
	{target: "/v2/console/app.js"},
	{target: "/Console/"},
	{target: "/"},
	{target: "/openapi.json"},
	{target: "/v2/openapi.jsonX"},
	{target: "/v2/openapiXjson"},
	{target: "/v2/accounts/A/openapi.json", spans: true},
	{target: "/errors"},
	{target: "/v2/errorsX"},
	{target: "/v2/errors/x"},
	{target: "/v2/accounts/A/errors", spans: true},
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
	{target: "/v2/./storage/A/S/x.mp3", refused: true, spans: true},
	{target: "/v2/x/../storage/A/S/x.mp3", refused: true, spans: true},
	{target: "/v2/storage/./A/S/x.mp3", recordings: true},
	{target: "/./v2/storage/A/S/x.mp3", refused: true},
	{target: "/v2%2Fstorage%2FA%2FS%2Fx.mp3", refused: true},
	{target: "/v2%2fstorage/A/S/x.mp3", refused: true},
	{target: "/v2/storage/A%2FS/x.mp3", refused: true},
	{target: "/v2/storage/A%2FS/x/y.mp3", recordings: true},
	{target: "/v2/storage/A/S%2Fx.mp3", refused: true},
	{target: "/v2%252Fstorage%252FA%252FS%252Fx.mp3", refused: true},
	{target: "/v2%25252fstorage%25252fA%25252fS%25252fx.mp3", refused: true},
	{target: "/v2/storage%252fA/S/x.mp3", refused: true},
	{target: "/v2/storage/A%252fS/x.mp3", refused: true},
	{target: "/v2/s%2574orag%2545/A/S/x.mp3", refused: true},
	{target: "/V2%252FSTORAGE%252FA%252FS%252Fx.mp3", refused: true},
	// A secret is recognized by its form.
	{target: "/v2/stroage/A/" + shaped + "/x.mp3", refused: true},
	{target: `/v2\storage\A\` + shaped + `\x.mp3`, refused: true},
	{target: "/v2/storage;v=1/A/" + shaped + "/x.mp3", refused: true},
	{target: "/v2/" + shaped, refused: true},
	{target: "/v2/A%2F" + shaped + "%252Fx.mp3", refused: true},
	{target: "/v2/A/0A1B2C3D%2d" + shaped[9:] + "?x=1", refused: true},
	{target: "/v2/storage/" + shaped + "/x.mp3", refused: true},
	{target: "/v2/storage/plans/" + shaped, refused: true},
	{target: "/" + shaped + "/storage/x", refused: true},
	{target: "/v2/accounts/A/recordings/" + shaped, recordings: true},
	{target: "/v2/storage/" + shaped + "/x/y.mp3", recordings: true},
	// The secrets of links have the same form.
	{target: "//v2/accounts/A/recordings/202601-a/links/0a1b2c3d4e5f6071/" + shaped, refused: true},
	{target: "/v2/accounts/A/Recordings/202601-a/links/0a1b2c3d4e5f6071/" + shaped, refused: true},
	{target: "/v2/accounts/A/devices/" + shaped[:51]},
	{target: "/v2/accounts/A/channels/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"},
	{target: "/v2/accounts/A/cdrs/202601-0a1b2c3d4e5f60718293a4b5c6d7e8f9"},
	{target: "/v2/accounts/A/x/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"},
	{target: "/v2/user_auth?x=" + shaped},
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

// placeholder matches the parameters in the path of a route, and {proxy+} apart from
// the others, because it stands for one or more segments.
var placeholder = regexp.MustCompile(`\\\{(proxy\\\+|\w+)\\\}`)

// A new path outside accounts/ needs a row, and the row makes the tests of nginx and
// CloudFront fail until they route the path.
func TestRuleHasEveryPath(t *testing.T) {
	for _, r := range api.Routes {
		if strings.HasPrefix(r.Path, "/{version}/accounts/") {
			continue
		}
		pattern := placeholder.ReplaceAllStringFunc(regexp.QuoteMeta(r.Path), func(name string) string {
			if strings.Contains(name, "proxy") {
				return ".+"
			}
			return "[^/]+"
		})
		path := regexp.MustCompile("^" + pattern + "$")
		found := false
		for _, row := range rule {
			target, _, _ := strings.Cut(row.target, "?")
			found = found || row.recordings && path.MatchString(target)
		}
		if !found {
			t.Errorf("rule has no row for %s that goes to recordings", r.Path)
		}
	}
}
