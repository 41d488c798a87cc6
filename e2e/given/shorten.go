package given

import (
	"net/http"
	"strings"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/media"
)

// Shorten replaces the presigned URL of a redirect by one that is valid for life.
// A presigned URL is otherwise valid for at least ten minutes (contract, Delivery).
func Shorten(dir *datadir.Dir, resp *http.Response, life time.Duration) error {
	at, err := resp.Location()
	if err != nil {
		return err
	}
	endpoint := at.Scheme + "://" + at.Host
	bucket, err := dir.OpenBucket(endpoint, endpoint)
	if err != nil {
		return err
	}
	q := at.Query()
	short, err := bucket.Presign(resp.Request.Context(), strings.TrimPrefix(at.Path, "/"+datadir.Bucket+"/"), media.Grant{
		ContentType: q.Get("response-content-type"), Disposition: q.Get("response-content-disposition"),
		CacheControl: q.Get("response-cache-control"), TTL: life,
	})
	resp.Header.Set("Location", short)
	return err
}
