package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// sharer makes, lists and revokes links.
type sharer struct {
	store store.Reader
	links *link.Links
	// publicURL is the URL before /v2, "" to take the one of the request.
	publicURL string
}

// Share makes, lists and revokes links, and plays recordings by them (contract, Links).
// publicURL is the API's address in links, without a slash at its end; "" means the
// address that the client used.
func Share(env Env, s store.Reader, links *link.Links, m media.Reader, d Delivery, publicURL string) http.Handler {
	c := &sharer{store: s, links: links, publicURL: publicURL}
	g := newGetter(s, m, d)
	return env.handle(OpShare, func(w http.ResponseWriter, r *request) error {
		if r.target.linkSecret != "" {
			return g.playLink(w, r, links)
		}
		return c.serve(w, r)
	})
}

// action returns the function that serves a method on the routes about links. The table is in
// a function, so that only the function share links its entries.
func (c *sharer) action(method string) func(*request, *recording.Recording) (status int, data any, err error) {
	return map[string]func(*request, *recording.Recording) (int, any, error){
		http.MethodGet: c.list, http.MethodPost: c.make, http.MethodDelete: c.revoke,
	}[method]
}

func (c *sharer) serve(w http.ResponseWriter, r *request) error {
	id, err := r.authorizeChange(access.Share)
	if err != nil {
		return err
	}
	rec, err := c.store.Get(r.Context(), r.account, id)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := r.reaches(rec, access.Share); err != nil {
		return err
	}
	status, data, err := c.action(r.Method)(r, rec)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.writeData(w, status, data, paging{})
}

// linkData is a link in answers. Only the answer to POST has the URL.
type linkData struct {
	ID      string            `json:"id"`
	URL     string            `json:"url,omitempty"`
	Created recording.Seconds `json:"created"`
	Expires recording.Seconds `json:"expires"`
	Plays   int               `json:"plays,omitempty"`
	Played  int               `json:"played"`
	Inline  bool              `json:"inline"`
	Maker   string            `json:"maker_id,omitempty"`
}

func linkDataOf(l *link.Link) linkData {
	return linkData{ID: l.ID, Created: l.Created, Expires: l.Expires, Plays: l.Plays, Played: l.Used, Inline: l.Inline, Maker: l.Maker.Owner}
}

func (c *sharer) list(r *request, rec *recording.Recording) (int, any, error) {
	live, err := c.links.List(r.Context(), r.account, rec.ID)
	data := make([]linkData, len(live))
	for i := range live {
		data[i] = linkDataOf(&live[i])
	}
	return http.StatusOK, data, err
}

// defaultAge is the lifetime of a link made without expires_in.
const defaultAge = time.Hour

func (c *sharer) make(r *request, rec *recording.Recording) (int, any, error) {
	seconds, plays, inline := int(defaultAge/time.Second), 0, false
	if err := readEntry(r, map[string]any{"expires_in": &seconds, "plays": &plays, "inline": &inline}); err != nil {
		return 0, nil, err
	}
	if err := checkLink(seconds, plays); err != nil {
		return 0, nil, err
	}
	// The token's own restrictions do not apply to the listeners of the link.
	if !r.allowedBy(http.MethodGet, rec.ID) {
		return 0, nil, errRestricted
	}
	made, secret, err := c.links.Draft(link.Link{
		Account: r.account, Recording: rec.ID, Maker: makerOf(r.bearer),
		Expires: recording.SecondsOf(r.env.Now()) + recording.Seconds(seconds), Plays: plays, Inline: inline,
	})
	if err != nil {
		return 0, nil, err
	}
	if err := c.change(r, rec, made.ID, func() error { return c.links.Make(r.Context(), made, secret) }); err != nil {
		return 0, nil, err
	}
	data := linkDataOf(&made)
	data.URL = c.baseURL(r) + "/" + r.version + "/accounts/" + r.account + "/recordings/" + rec.ID + "/links/" + made.ID + "/" + secret
	return http.StatusCreated, data, nil
}

// checkLink checks the numbers of a new link.
func checkLink(seconds, plays int) error {
	var errs recording.FieldErrors
	for _, f := range []struct {
		name        string
		value       int
		least, most int
	}{{"expires_in", seconds, 1, int(link.MaxAge / time.Second)}, {"plays", plays, 0, link.MaxPlays}} {
		switch {
		case f.value < f.least:
			errs = append(errs, recording.FieldError{Field: f.name, Code: "minimum", Message: fmt.Sprintf("Value must be at least %d", f.least), Target: f.least})
		case f.value > f.most:
			errs = append(errs, recording.FieldError{Field: f.name, Code: "maximum", Message: fmt.Sprintf("Value must be at most %d", f.most), Target: f.most})
		}
	}
	return errs.Err()
}

// baseURL returns the URL before /v2.
func (c *sharer) baseURL(r *request) string {
	if c.publicURL != "" {
		return c.publicURL
	}
	scheme := "https"
	if r.Header.Get("X-Forwarded-Proto") == "http" {
		scheme = "http"
	}
	return scheme + "://" + r.Host + r.Header.Get("X-Forwarded-Prefix")
}

func (c *sharer) revoke(r *request, rec *recording.Recording) (int, any, error) {
	l, err := c.links.Find(r.Context(), r.account, rec.ID, r.target.link)
	if errors.Is(err, link.ErrDead) {
		return 0, nil, badIdentifier(r.target.link, "")
	}
	if err != nil {
		return 0, nil, err
	}
	err = c.change(r, rec, l.ID, func() error { return c.links.Revoke(r.Context(), r.account, rec.ID, l.ID) })
	return http.StatusOK, linkDataOf(&l), err
}

// change makes or revokes the link with this ID, after its entry in the audit trail.
func (c *sharer) change(r *request, rec *recording.Recording, id string, do func() error) error {
	r.link = id
	_, err := audited(r, access.Share, rec.ID, func(record func() error) (struct{}, error) {
		if err := record(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, do()
	})
	return err
}

func makerOf(b auth.Bearer) link.Maker {
	return link.Maker{Issuer: b.Issuer, Account: b.Account, Owner: b.Owner, Role: b.Role, Groups: b.Groups}
}
