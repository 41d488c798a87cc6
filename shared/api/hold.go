package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// holder places, lists and releases legal holds.
type holder struct {
	book *hold.Book
	find store.Finder
}

// seesHolds are the actions that let a bearer see holds.
var seesHolds = []access.Action{access.Hold, access.Release, access.Audit}

// maySeeHolds reports whether the bearer may see the holds of the account.
func (r *request) maySeeHolds() bool {
	return slices.ContainsFunc(seesHolds, func(a access.Action) bool { return r.grant.Scope(a) == access.All })
}

// hideHolds removes the holds from recordings that the bearer gets, unless it may see them.
func (r *request) hideHolds(recordings []recording.Recording) {
	if r.maySeeHolds() {
		return
	}
	for i := range recordings {
		if kept := recordings[i].Kept; kept != nil && len(kept.Holds) > 0 {
			recordings[i].Kept = &recording.Kept{Expires: kept.Expires, Rule: kept.Rule}
		}
	}
}

// holdAnswer is the result of a request about holds.
type holdAnswer struct {
	status int
	data   any
	keys   paging
}

// action returns the function for a method on the routes about holds, and the right that it
// needs. The table is in a function, so that only the function retention links the code
// behind it.
func (c *holder) action(r *request) (func(*request) (holdAnswer, error), access.Action) {
	type row struct {
		do    func(*request) (holdAnswer, error)
		needs access.Action
	}
	found := map[string]row{
		"GET " + accountHolds:   {c.list, access.Hold},
		"POST " + accountHolds:  {c.place, access.Hold},
		"GET " + accountHold:    {c.get, access.Hold},
		"DELETE " + accountHold: {c.release, access.Release},
	}[r.Method+" "+r.target.path()]
	return found.do, found.needs
}

func (c *holder) serve(w http.ResponseWriter, r *request) error {
	do, needs := c.action(r)
	if r.Method == http.MethodGet && r.maySeeHolds() {
		// Who releases holds or reads the trail may see them, too.
		needs = seesHolds[slices.IndexFunc(seesHolds, func(a access.Action) bool { return r.grant.Scope(a) == access.All })]
	}
	if err := r.allowHold(needs); err != nil {
		return err
	}
	if err := r.acceptsDocument(); err != nil {
		return err
	}
	answer, err := do(r)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.writeData(w, answer.status, answer.data, answer.keys)
}

// allowHold is allow for requests about holds. Those that place or release one carry a
// reason in any case, so REQUIRE_REASON asks for no second one.
func (r *request) allowHold(a access.Action) error {
	if r.Method == http.MethodGet {
		return r.allow(a)
	}
	r.action = a
	if !r.grant.Has(a) {
		return r.refusal(a)
	}
	return r.demandReason("")
}

// holdData is a hold in answers.
type holdData struct {
	ID            string            `json:"id"`
	Case          string            `json:"case"`
	Reason        string            `json:"reason"`
	Account       bool              `json:"account,omitempty"`
	Recording     string            `json:"recording_id,omitempty"`
	Owner         string            `json:"owner_id,omitempty"`
	Number        string            `json:"number,omitempty"`
	From          recording.Seconds `json:"from,omitempty"`
	To            recording.Seconds `json:"to,omitempty"`
	Placed        recording.Seconds `json:"placed"`
	By            string            `json:"placed_by,omitempty"`
	Released      recording.Seconds `json:"released,omitempty"`
	ReleasedBy    string            `json:"released_by,omitempty"`
	ReleaseReason string            `json:"release_reason,omitempty"`
}

func holdDataOf(h *hold.Hold) holdData {
	d := holdData{
		ID: h.ID, Case: h.Case, Reason: h.Reason, Account: h.Scope == hold.Scope{},
		Recording: h.Scope.Recording, Owner: h.Scope.Owner, Number: h.Scope.Number, From: h.Scope.From, To: h.Scope.To,
		Placed: h.Placed, By: h.By,
	}
	if h.Released != nil {
		d.Released, d.ReleasedBy, d.ReleaseReason = h.Released.At, h.Released.By, h.Released.Reason
	}
	return d
}

// list answers with all active holds, or with a page of the released ones.
func (c *holder) list(r *request) (holdAnswer, error) {
	query := parseParameters(r.URL.RawQuery)
	text, _ := query.first("released")
	released, err := parseBool("released", text)
	if err != nil {
		return holdAnswer{}, err
	}
	if released {
		return c.listReleased(r)
	}
	active, err := c.book.Active(r.Context(), r.account)
	return holdAnswer{http.StatusOK, holdDataOfAll(active.Holds()), paging{}}, err
}

func holdDataOfAll(holds []hold.Hold) []holdData {
	data := make([]holdData, len(holds))
	for i := range holds {
		data[i] = holdDataOf(&holds[i])
	}
	return data
}

func (c *holder) listReleased(r *request) (holdAnswer, error) {
	size, after, err := pageOfIDs(r)
	if err != nil {
		return holdAnswer{}, err
	}
	page, next, err := c.book.Released(r.Context(), r.account, after, size)
	return holdAnswer{http.StatusOK, holdDataOfAll(page), paging{size: len(page), start: after, end: next, byID: true}}, err
}

// parseBool parses a parameter that is true or false; false if it is absent.
func parseBool(name, value string) (bool, error) {
	switch {
	case recording.IsAbsent(value), value == "false":
		return false, nil
	case value == "true":
		return true, nil
	}
	return false, recording.FieldError{
		Field: name, Code: "type", Message: "Value did not match type(s): boolean", Target: "boolean",
		Value: json.RawMessage(recording.Quote(value)),
	}
}

func (c *holder) get(r *request) (holdAnswer, error) {
	h, err := c.book.Find(r.Context(), r.account, r.target.hold)
	return holdAnswer{http.StatusOK, holdDataOf(&h), paging{}}, err
}

// place places the hold of the body. A retry gets the hold of the first attempt.
func (c *holder) place(r *request) (holdAnswer, error) {
	asked, err := c.read(r)
	if err != nil {
		return holdAnswer{}, err
	}
	h, err := c.book.Draft(asked)
	if err != nil {
		return holdAnswer{}, err
	}
	if err := h.Scope.CheckRecording(r.Context(), c.find, r.account); errors.Is(err, hold.ErrNoRecording) {
		return holdAnswer{}, badIdentifier(h.Scope.Recording, "")
	} else if err != nil {
		return holdAnswer{}, err
	}
	active, err := c.book.Active(r.Context(), r.account)
	if err != nil {
		return holdAnswer{}, err
	}
	if twin, ok := active.Twin(h); ok {
		return holdAnswer{http.StatusCreated, holdDataOf(&twin), paging{}}, nil
	}
	err = c.change(r, access.Hold, &h, h.Reason, func() error { return c.book.Place(r.Context(), r.account, h) })
	if twin := (*hold.TwinError)(nil); errors.As(err, &twin) { // another attempt was faster
		h, err = twin.Hold, nil
	}
	return holdAnswer{http.StatusCreated, holdDataOf(&h), paging{}}, err
}

// read reads the hold of a POST. The client must name the whole account explicitly: a
// forgotten field must not hold everything.
func (c *holder) read(r *request) (hold.Hold, error) {
	h := hold.Hold{By: r.bearer.Owner}
	var whole bool
	var from, to int
	err := readEntry(r, map[string]any{
		"case": &h.Case, "reason": &h.Reason, "account": &whole, "recording_id": &h.Scope.Recording,
		"owner_id": &h.Scope.Owner, "number": &h.Scope.Number, "from": &from, "to": &to,
	})
	if err != nil {
		return h, err
	}
	h.Scope.From, h.Scope.To = recording.Seconds(from), recording.Seconds(to)
	if whole != (h.Scope == hold.Scope{}) {
		return h, recording.FieldErrors{{
			Field: "account", Code: "wrong_format",
			Message: "Give recording_id, owner_id, number, from or to, or else account: true",
		}}
	}
	if h.Scope.Owner != "" && !auth.ValidName(h.Scope.Owner) {
		return h, recording.FieldErrors{{Field: "owner_id", Code: "wrong_format", Message: "Field is not in the correct format"}}
	}
	if h.Scope.Recording != "" {
		if h.Scope.Recording, err = recording.ParseID(h.Scope.Recording); err != nil {
			return h, recording.FieldErrors{{Field: "recording_id", Code: "wrong_format", Message: "Field is not in the correct format"}}
		}
	}
	return h, nil
}

// release releases the hold of the path. The reason is in the body, or is given as for any
// other request.
func (c *holder) release(r *request) (holdAnswer, error) {
	reason := r.reason
	if r.ContentLength != 0 {
		if err := readEntry(r, map[string]any{"reason": &reason}); err != nil {
			return holdAnswer{}, err
		}
	}
	h, err := c.book.Find(r.Context(), r.account, r.target.hold)
	if err != nil {
		return holdAnswer{}, err
	}
	end := hold.Release{By: r.bearer.Owner, Reason: reason}
	if err := end.Check(); err != nil {
		return holdAnswer{}, err
	}
	if h.Released != nil {
		return holdAnswer{http.StatusOK, holdDataOf(&h), paging{}}, nil
	}
	err = c.change(r, access.Release, &h, reason, func() (err error) {
		h, err = c.book.Release(r.Context(), r.account, h.ID, end)
		return err
	})
	return holdAnswer{http.StatusOK, holdDataOf(&h), paging{}}, err
}

// change places or releases a hold, after its entry in the audit trail.
func (c *holder) change(r *request, a access.Action, h *hold.Hold, reason string, do func() error) error {
	r.object, r.reason = "hold/"+h.ID, reason
	_, err := audited(r, a, h.Scope.Recording, func(record func() error) (struct{}, error) {
		if err := record(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, do()
	})
	return err
}

// noHold returns the 404 for the hold of the path.
func noHold(r *request) *publicError {
	return &publicError{
		status: http.StatusNotFound, code: "bad_identifier",
		data: map[string]any{"message": "bad identifier", "cause": r.target.hold},
	}
}

// held returns the 409 for a recording on hold. Everyone learns the IDs of the holds. Only
// bearers with a right to see holds learn the names of the cases.
func (r *request) held(e *hold.HeldError) *publicError {
	cause := make([]map[string]any, len(e.Holds))
	for i := range e.Holds {
		cause[i] = map[string]any{"hold_id": e.Holds[i].ID}
		if r.maySeeHolds() {
			cause[i]["case"] = e.Holds[i].Case
		}
	}
	return &publicError{
		status: http.StatusConflict, code: "on_hold", cause: e,
		data: map[string]any{"message": "the recording is on legal hold", "cause": cause},
	}
}
