package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"callrecordings/local/datadir"
	"callrecordings/shared/auth"
)

// demoTTL is how long the token of a start is good for.
const demoTTL = 30 * 24 * time.Hour

// welcome is what a start prints: who to be and what to try.
type welcome struct {
	*datadir.Dir
	url string
	now time.Time
}

// print writes the greeting and the same values to demo.env.
func (w welcome) print(out io.Writer) error {
	token, err := auth.Sign(w.Keys.Token, auth.Claims{Account: w.Keys.Account, Expires: w.now.Add(demoTTL)})
	if err != nil {
		return fmt.Errorf("the demo token: %w", err)
	}
	env := fmt.Sprintf("ACCOUNT_ID=%s\nUSER_ID=%s\nTOKEN=%s\nURL=%s\n", w.Keys.Account, w.Keys.Users[0], token, w.url)
	if err := writePrivate(w.File("demo.env"), env); err != nil {
		return fmt.Errorf("the data folder cannot be written: %w", err)
	}
	_, err = io.WriteString(out, w.text(token))
	return err
}

// writePrivate replaces a file that only its owner may read.
func writePrivate(name, text string) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}

// text is the greeting.
func (w welcome) text(token string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nThe call recordings API listens on %s\n\n", w.url)
	fmt.Fprintf(&b, "account  %s\nuser     %s\ntoken    %s\n\n", w.Keys.Account, w.Keys.Users[0], token)
	base := w.url + "/v2/accounts/" + w.Keys.Account
	try := func(what, line string) {
		fmt.Fprintf(&b, "# %s\ncurl -H 'X-Auth-Token: %s' %s\n\n", what, token, line)
	}
	try("the newest recordings", "'"+base+"/recordings?page_size=3&pretty_print=true'")
	try("those of one user", base+"/users/"+w.Keys.Users[0]+"/recordings")
	try("as a spreadsheet", "'"+base+"/recordings?accept=csv' -o recordings.csv")
	if id := seeded(w.Dir); id != "" {
		one := base + "/recordings/" + id
		try("one recording", "'"+one+"?pretty_print=true'")
		try("its audio", "-H 'Accept: audio/mpeg' "+one+" -o recording.mp3")
		try("tag it", "-X PATCH -d '{\"data\":{\"user_metadata\":{\"tag\":\"vip\"}}}' "+one)
	}
	fmt.Fprintf(&b, "The same values are in %s; Ctrl-C stops.\n", w.File("demo.env"))
	return b.String()
}
