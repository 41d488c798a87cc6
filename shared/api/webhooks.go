package api

import (
	"net/http"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/webhook"
)

// hookManager lists, makes and removes the webhooks of an account.
type hookManager struct {
	book *webhook.Book // nil if the feed is off
}

// webhookData is a webhook in answers. Only the answer to POST has the secret.
type webhookData struct {
	ID        string            `json:"id"`
	URL       string            `json:"url"`
	Secret    string            `json:"secret,omitempty"`
	Created   recording.Seconds `json:"created"`
	State     string            `json:"state"`
	Delivered recording.Seconds `json:"delivered,omitempty"`
	Failing   recording.Seconds `json:"failing_since,omitempty"`
	Failure   string            `json:"failure,omitempty"`
	Next      recording.Seconds `json:"next_attempt,omitempty"`
}

func webhookDataOf(w *webhook.Webhook) webhookData {
	d := webhookData{
		ID: w.ID, URL: w.URL, Created: w.Created, State: w.State(), Delivered: w.Delivered, Failing: w.Failing, Failure: w.Failure,
	}
	if !w.Parked {
		d.Next = w.Next
	}
	return d
}

// serve answers the requests about webhooks (contract, Webhooks).
func (m *hookManager) serve(w http.ResponseWriter, r *request) error {
	if err := r.allow(access.Manage); err != nil {
		return err
	}
	if err := r.acceptsDocument(); err != nil {
		return err
	}
	if m.book == nil {
		return errFeedOff
	}
	status, data, err := m.action(r.Method + " " + r.target.path())(r)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.writeData(w, status, data, paging{})
}

// action returns the function that serves a route about webhooks, given by its method and path.
func (m *hookManager) action(route string) func(*request) (status int, data any, err error) {
	return map[string]func(*request) (int, any, error){
		"GET " + accountHooks: m.list, "POST " + accountHooks: m.make,
		"GET " + accountHook: m.get, "DELETE " + accountHook: m.remove,
	}[route]
}

func (m *hookManager) list(r *request) (int, any, error) {
	all, err := m.book.List(r.Context(), r.account)
	data := make([]webhookData, len(all))
	for i := range all {
		data[i] = webhookDataOf(&all[i])
	}
	return http.StatusOK, data, err
}

func (m *hookManager) get(r *request) (int, any, error) {
	hook, err := m.book.Get(r.Context(), r.account, r.target.webhook)
	return http.StatusOK, webhookDataOf(&hook), err
}

func (m *hookManager) make(r *request) (int, any, error) {
	var target string
	if err := readEntry(r, map[string]any{"url": &target}); err != nil {
		return 0, nil, err
	}
	hook, err := m.book.Draft(r.Context(), r.account, target)
	if err != nil {
		return 0, nil, err
	}
	data := webhookDataOf(&hook)
	data.Secret = hook.Secret
	return http.StatusCreated, data, changeHook(r, hook.ID, func() error { return m.book.Make(r.Context(), &hook) })
}

func (m *hookManager) remove(r *request) (int, any, error) {
	hook, err := m.book.Get(r.Context(), r.account, r.target.webhook)
	if err != nil {
		return 0, nil, err
	}
	err = changeHook(r, hook.ID, func() error {
		_, err := m.book.Remove(r.Context(), r.account, hook.ID)
		return err
	})
	return http.StatusOK, webhookDataOf(&hook), err
}

// changeHook makes or removes the webhook with this ID, after its entry in the audit trail.
func changeHook(r *request, id string, do func() error) error {
	r.object = "webhook/" + id
	_, err := audited(r, access.Manage, "", func(record func() error) (struct{}, error) {
		if err := record(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, do()
	})
	return err
}

// noHook returns the 404 for the webhook of the path.
func noHook(r *request) *publicError {
	return &publicError{
		status: http.StatusNotFound, code: "bad_identifier", data: map[string]any{"message": "bad identifier", "cause": r.target.webhook},
	}
}

// badHookURL returns the 400 for the URL of a new webhook.
func badHookURL(*request) *publicError {
	return &publicError{
		status: http.StatusBadRequest, code: "validation error",
		data: map[string]any{"url": map[string]any{"wrong_format": map[string]any{
			"message": "Field is not in the correct format", "format": webhook.ErrURL.Error(),
		}}},
	}
}
