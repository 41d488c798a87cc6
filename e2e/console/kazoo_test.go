//go:build e2e

package console

import (
	"crypto/md5" // Kazoo wants it
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// testKazooLogin logs in with account name, user and password. The gate plays the part of
// a Kazoo at the same address. It has a second account below the first, and the switcher
// opens that.
func testKazooLogin(t *testing.T, s *site) {
	a := s.tenantOf(t, randomID(), "")
	a.add(fields{"owner_id": "77bc", "start": 63956000000}, "", nil)
	b := s.newTab(t)
	b.gate.handle(kazoo(a))
	b.do(chromedp.Navigate(b.gate.url + "/console/"))
	b.until(`document.querySelectorAll("#login form").length === 2`)
	enter := func(password string) {
		eval[bool](b, `((form, values) => {
			form.querySelectorAll("input").forEach((field, i) => (field.value = values[i]));
			form.requestSubmit();
			return true;
		})(document.querySelectorAll("#login form")[1], ["Acme", "anna", "`+password+`"])`)
	}
	enter("wrong")
	b.until(`document.querySelector("#login [role=alert]").textContent.includes("is wrong")`)
	enter("secret")
	b.until(rows(1))
	b.until(`document.getElementById("row-0").textContent.includes("Anna Abel")`)
	b.until(`document.querySelector("#accounts select").textContent.includes("Branch")`)
	eval[bool](b, `((choice) => (choice.value = "branch", choice.dispatchEvent(new Event("change")), true))(document.querySelector("#accounts select"))`)
	b.until(`location.search.includes("account=branch") && document.getElementById("account-name").textContent === "Branch"`)
}

// kazoo answers the requests that a Kazoo would answer.
func kazoo(a *tenant) func(*http.Request) http.HandlerFunc {
	answer := func(status int, data any, more map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			body := map[string]any{"data": data, "status": "success"}
			for name, value := range more {
				body[name] = value
			}
			_ = json.NewEncoder(w).Encode(body)
		}
	}
	sum := md5.Sum([]byte("anna:secret"))
	return func(r *http.Request) http.HandlerFunc {
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/v2/user_auth":
			var login struct {
				Data struct {
					Credentials, Method string
					AccountName         string `json:"account_name"`
				}
			}
			_ = json.NewDecoder(r.Body).Decode(&login)
			switch {
			case login.Data.AccountName == "":
				return answer(http.StatusBadRequest, map[string]any{}, nil)
			case login.Data.AccountName == "Acme" && login.Data.Method == "md5" && login.Data.Credentials == hex.EncodeToString(sum[:]):
				return answer(http.StatusCreated, map[string]any{"account_id": a.account}, map[string]any{"auth_token": a.token})
			}
			return answer(http.StatusUnauthorized, map[string]any{}, nil)
		case strings.HasSuffix(r.URL.Path, "/users"):
			return answer(http.StatusOK, []map[string]any{{"id": "77bc", "first_name": "Anna", "last_name": "Abel"}}, nil)
		case strings.HasSuffix(r.URL.Path, "/descendants"):
			return answer(http.StatusOK, []map[string]any{{"id": "branch", "name": "Branch"}}, nil)
		}
		return nil
	}
}
