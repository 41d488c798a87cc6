package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/version"
)

// demoEnv is the file in a data folder that has the address of the local server, an
// account and its token.
const demoEnv = "demo.env"

// signedTTL is the lifetime of a token that a command signs for itself with the keys
// of a data folder.
const signedTTL = time.Hour

// apiTarget is the API that a command calls, and the account. Options take precedence
// over the environment.
type apiTarget struct {
	env
	url, token, account, user, reason, dataDir string
}

// apiFlags adds the options that choose the API and the account.
func (e env) apiFlags(fs *pflag.FlagSet) *apiTarget {
	t := &apiTarget{env: e}
	fs.StringVar(&t.url, "url", "", "`URL`: base URL of the API (or URL)")
	fs.StringVar(&t.token, "token", "", "`TOKEN`: access token; set TOKEN instead to keep it out of process lists")
	fs.StringVar(&t.account, "account", "", "`ID`: ID of the account (or ACCOUNT_ID; default: the token's)")
	fs.StringVar(&t.user, "user", "", "`ID`: only recordings of this user, under the user's path")
	fs.StringVar(&t.reason, "reason", "", "`TEXT`: why, if the operator demands a reason (docs/access.md)")
	fs.StringVar(&t.dataDir, "data-dir", "", "`FOLDER`: data folder of a running local server, which has its address and a token (or DATA_DIR; default "+datadir.Default+")")
	return t
}

// named adds the ID of a recording to err if err is an error of the API. Commands that take
// several IDs have it in front of every error.
func named(id string, err error) error {
	var e *client.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %w", id, err)
	}
	return err
}

// open makes a client for the API.
func (t *apiTarget) open() (*client.Client, error) {
	if err := t.choose(); err != nil {
		return nil, err
	}
	if t.account == "" {
		t.account = accountOf(t.token)
	}
	switch {
	case t.account == "":
		return nil, usageError{errors.New("--account (or ACCOUNT_ID) is missing, and the token names no account")}
	case t.token == "":
		return nil, usageError{errors.New("--token (or TOKEN) is missing; recordings token makes one")}
	case strings.TrimFunc(t.token, func(r rune) bool { return r <= ' ' || r > '~' }) != t.token || strings.ContainsAny(t.token, "\r\n"):
		return nil, usageError{errors.New("the token has spaces or line breaks around it, or is not a token")}
	case strings.ContainsFunc(t.reason, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return nil, usageError{errors.New("--reason has a line break or another control character")}
	case t.user != "" && !auth.ValidName(t.user):
		return nil, usageError{fmt.Errorf("--user %q: want 1 to %d of A-Z, a-z, 0-9, _ -", t.user, auth.MaxName)}
	}
	if err := checkIDs(t.account, ""); err != nil {
		return nil, usageError{err}
	}
	c, err := client.New(client.Options{
		URL: t.url, Token: t.token, Account: t.account, User: t.user, Reason: t.reason, Agent: "recordings/" + version.Number,
		Retrying: func(cause error, wait time.Duration) {
			printf(t.stderr, "%s%v; next try in %s\n", eraseLine(t.stderr), cause, wait)
		},
	})
	if errors.Is(err, client.ErrURL) {
		return nil, usageError{err}
	}
	return c, err
}

// choose completes the options from the environment, or from the data folder of a
// local server.
func (t *apiTarget) choose() error {
	if t.url != "" && t.dataDir != "" {
		return usageError{errors.New("--url names an API, --data-dir the folder of a local server: use one or the other")}
	}
	if t.dataDir == "" {
		t.url = first(t.url, t.getenv("URL"))
	}
	if t.url == "" {
		return t.chooseFolder()
	}
	t.token, t.account = first(t.token, t.getenv("TOKEN")), first(t.account, t.getenv("ACCOUNT_ID"))
	return nil
}

// chooseFolder takes the address of the local server and a token from a data folder.
// For another account than the one in demo.env it signs a token with the folder's keys. A
// TOKEN that is set counts, unless --data-dir names the folder: the command must not act
// with more rights than the caller has chosen.
func (t *apiTarget) chooseFolder() error {
	if t.dataDir == "" {
		t.token = first(t.token, t.getenv("TOKEN"))
	}
	folder := first(t.dataDir, t.getenv("DATA_DIR"), datadir.Default)
	vars, err := readDemoEnv(filepath.Join(folder, demoEnv))
	if err != nil {
		return usageError{fmt.Errorf("which API? Give --url and --token (or URL and TOKEN), or start a local server with make run: %w", err)}
	}
	t.url = vars["URL"]
	t.account = first(t.account, t.getenv("ACCOUNT_ID"), accountOf(t.token), vars["ACCOUNT_ID"])
	if t.token == "" && t.account == vars["ACCOUNT_ID"] {
		t.token = vars["TOKEN"]
	}
	if t.token != "" {
		return nil
	}
	if err := checkIDs(t.account, ""); err != nil {
		return usageError{err}
	}
	dir, err := (&target{env: t.env, dataDir: folder}).openFolder()
	if err != nil {
		return err
	}
	t.token, err = auth.Sign(dir.Keys.Token, auth.Claims{Account: t.account, Expires: t.now().Add(signedTTL)})
	return err
}

// readDemoEnv reads the variables in demo.env.
func readDemoEnv(name string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		vars[key] = value
	}
	if vars["URL"] == "" {
		return nil, fmt.Errorf("%s has no URL", name)
	}
	return vars, nil
}

// accountOf returns the account in a token, or "". It does not verify the token: the
// API does.
func accountOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Account string `json:"account_id"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Account
}

// selection are the options that select recordings of a list.
type selection struct {
	since, until     recording.Seconds
	direction, owner string
	filters          []string
	// flags are the options of the command.
	flags *pflag.FlagSet
}

// selectionFlags adds the options that select recordings.
func (e env) selectionFlags(c *cobra.Command) *selection {
	fs := c.Flags()
	s := &selection{flags: fs}
	e.periodFlags(fs, &s.since, &s.until)
	fs.StringVar(&s.direction, "direction", "", "only `DIRECTION`: inbound or outbound")
	fs.StringVar(&s.owner, "owner", "", "`ID`: only recordings that belong to this user")
	fs.StringArrayVar(&s.filters, "filter", nil, "only recordings whose field has a value: `KEY=VALUE`, such as user_metadata.tag=vip; or a filter of the API with its full name, such as has_key=owner_id; repeatable")
	complete(c, "direction", "inbound", "outbound")
	return s
}

// searchFlag adds --search.
func searchFlag(fs *pflag.FlagSet, into *string) {
	fs.StringVar(into, "search", "", "`WORDS`: only recordings that have all these words and numbers")
}

// given reports whether any option selects recordings.
func (s *selection) given() bool {
	return s.since != 0 || s.until != 0 || s.direction != "" || s.owner != "" || len(s.filters) > 0
}

// checkNotEmpty returns an error if one of the options is given with an empty value, as a script does
// with an empty variable. As an absent option, it would select more.
func checkNotEmpty(fs *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if f := fs.Lookup(name); f != nil && f.Changed && f.Value.String() == "" {
			return fmt.Errorf("--%s has no value; leave the option out to select more", name)
		}
	}
	return nil
}

// checkFilters returns an error if a filter of a query has no value. A list accepts it, and may ignore
// it, but then a command that deletes would delete more. Jobs have the same rule.
func checkFilters(q url.Values) error {
	for name, values := range q {
		for _, value := range values {
			if recording.IsEmptyFilter(name, value) {
				return fmt.Errorf(`the filter %s=%s has no value (for a field that is empty or missing, write 'KEY=""')`, name, value)
			}
		}
	}
	return nil
}

// query returns the parameters of the list.
func (s *selection) query(limit int) (url.Values, error) {
	if err := errors.Join(checkPeriod(s.since, s.until), checkNotEmpty(s.flags, "direction", "owner", "search", "query")); err != nil {
		return nil, usageError{err}
	}
	if s.direction != "" && s.direction != "inbound" && s.direction != "outbound" {
		return nil, usageError{fmt.Errorf("--direction %q: want inbound or outbound", s.direction)}
	}
	q := url.Values{"page_size": {client.PageSize(limit)}}
	for name, at := range map[string]recording.Seconds{"created_from": s.since, "created_to": s.until} {
		if at != 0 {
			q.Set(name, strconv.FormatInt(int64(at), 10))
		}
	}
	if s.direction != "" {
		q.Set("filter_direction", s.direction)
	}
	if s.owner != "" {
		q.Set("filter_owner_id", s.owner)
	}
	for _, f := range s.filters {
		key, value, ok := strings.Cut(f, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("--filter %q: want KEY=VALUE", f)}
		}
		if !recording.IsFilter(key) {
			key = "filter_" + key
		}
		q.Add(key, value)
	}
	return q, nil
}
