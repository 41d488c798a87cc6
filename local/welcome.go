package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"callrecordings/local/datadir"
	"callrecordings/shared/auth"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// demoTTL is how long the token of a start is good for.
const demoTTL = 30 * 24 * time.Hour

// envFile is the file of the folder that holds the greeting's values.
const envFile = "demo.env"

// greeting is what a start prints: who to be and what to try.
type greeting struct {
	url, account, user, token string
	// dir is the data folder as it was named.
	dir string
	// play is the id of a recording to play and to tag, last of one to delete;
	// "" where there is none.
	play, last string
}

// welcome writes demo.env and prints the greeting.
func (b *box) welcome(ctx context.Context, out io.Writer) error {
	k := b.dir.Keys
	token, err := auth.Sign(k.Token, auth.Claims{Account: k.Account, Expires: b.now().Add(demoTTL)})
	if err != nil {
		return fmt.Errorf("the demo token: %w", err)
	}
	g := greeting{url: b.url(), account: k.Account, user: k.Users[0], token: token, dir: b.settings.DataDir}
	if err := b.dir.WritePrivate(envFile, g.variables()); err != nil {
		return err
	}
	if g.play, g.last, err = b.pick(ctx); err != nil {
		return err
	}
	_, err = io.WriteString(out, g.text())
	return err
}

// newest is how many of the newest recordings are looked at for an mp3.
const newest = 50

// pick finds recordings to try things on: the newest mp3, and the oldest.
func (b *box) pick(ctx context.Context) (play, last string, err error) {
	page, err := b.store.Page(ctx, store.Query{Account: b.dir.Keys.Account, Limit: newest})
	if err != nil {
		return "", "", err
	}
	for i := range page.Recordings {
		r := &page.Recordings[i]
		if play == "" && r.Audio.Place == recording.Managed && r.Audio.ContentType == "audio/mpeg" {
			play = r.ID
		}
	}
	page, err = b.store.Page(ctx, store.Query{Account: b.dir.Keys.Account, Ascending: true, Limit: 1})
	if err != nil {
		return "", "", err
	}
	if len(page.Recordings) > 0 {
		last = page.Recordings[0].ID
	}
	return play, last, nil
}

// variables are the lines of demo.env.
func (g greeting) variables() string {
	return fmt.Sprintf("ACCOUNT_ID=%s\nUSER_ID=%s\nTOKEN=%s\nURL=%s\n", g.account, g.user, g.token, g.url)
}

// try is a thing to try: curl's arguments behind the header with the token.
type try struct{ what, args string }

// tries are the lines of the greeting; their values come from demo.env.
func (g greeting) tries() []try {
	const list = "$URL/v2/accounts/$ACCOUNT_ID/recordings"
	all := []try{
		{"the recordings of one user", `"$URL/v2/accounts/$ACCOUNT_ID/users/$USER_ID/recordings"`},
		{"as a spreadsheet", `"` + list + `?accept=csv" -o recordings.csv`},
	}
	if g.play != "" {
		one := list + "/" + g.play
		all = append(all,
			try{"one recording", `"` + one + `?pretty_print=true"`},
			try{"its audio", `-H "Accept: audio/mpeg" "` + one + `" -o recording.mp3`},
			try{"the first 1000 bytes of it", `-H "Accept: audio/mpeg" -r 0-999 "` + one + `" -o part.mp3`},
			try{"the same audio, by a redirect to S3", `-H "Accept: audio/mpeg" -L "` + one + `?delivery=redirect" -o recording.mp3`},
			try{"tag it", `-X PATCH -H "Content-Type: application/json" -d '{"data":{"user_metadata":{"tag":"vip"}}}' "` + one + `"`},
			try{"find it by its tag", `"` + list + `?filter_user_metadata.tag=vip"`},
		)
	}
	if g.last != "" {
		all = append(all, try{"delete the oldest", `-X DELETE "` + list + "/" + g.last + `"`})
	}
	return all
}

// text is the greeting.
func (g greeting) text() string {
	var b strings.Builder
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	say("\nThe call recordings API listens on %s; Ctrl-C stops it.\n\n", g.url)
	say("account  %s  user  %s\n", g.account, g.user)
	say("token    %s\n\n", g.token)
	say("The newest recordings:\n\n")
	say("curl -H 'X-Auth-Token: %s' '%s/v2/accounts/%s/recordings?page_size=3&pretty_print=true'\n\n", g.token, g.url, g.account)
	say("The same values, good for 30 days, are in a file. In another terminal:\n\n")
	say(". %s\n\n", shellPath(filepath.Join(g.dir, envFile)))
	for _, t := range g.tries() {
		say("# %s\ncurl -H \"X-Auth-Token: $TOKEN\" %s\n", t.what, t.args)
	}
	say("# add one of your own\n")
	say("go run ./cmd/recordings add FILE --account $ACCOUNT_ID --owner $USER_ID")
	if g.dir != datadir.Default {
		say(" --data-dir %s", shellPath(g.dir))
	}
	say("\n\n")
	return b.String()
}

// shellPath writes a path so that a shell's "." takes it: with a slash in it,
// and in quotes where it needs them.
func shellPath(path string) string {
	if !strings.ContainsAny(path, `/\`) {
		path = "./" + path
	}
	if strings.Trim(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+:@%,") != "" {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
