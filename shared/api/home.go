package api

import (
	"net/http"
	"slices"

	"github.com/callrecordings/api/shared/httpfield"
)

// wantsHome reports whether a browser opens the service's address. Browsers name
// text/html in Accept, and clients of the API do not, so they get the same 401 or 404
// at "/" as without a page (contract, Routes).
func (r *request) wantsHome() bool {
	if r.env.Home == "" || r.URL.EscapedPath() != "/" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	return slices.ContainsFunc(httpfield.ParseAccept(r.Header.Get("Accept"), nil), func(m httpfield.MediaRange) bool {
		return m.Type == "text" && m.Subtype == "html" && m.Quality > 0
	})
}
