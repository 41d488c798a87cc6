package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/callrecordings/api/console"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/version"
)

// demoTTL is the lifetime of the token that a start prints.
const demoTTL = 30 * 24 * time.Hour

// envFile is the file in the data folder with the greeting's values, for scripts.
const envFile = "demo.env"

// greeting is the text that a start prints: the address, credentials, and
// commands to try.
type greeting struct {
	version, url, account, user string
	// token is a token for the account, or "" if the server has no key that can sign.
	token string
	// dir is the data folder as the user named it.
	dir string
	// hideToken leaves the token out; it is in demo.env.
	hideToken bool
	// console is true if the server has the console.
	console bool
	// tool is the command line to show: the program itself, or how to run it.
	tool string
	// play is the ID of a recording to play and to tag, last the ID of one to
	// delete. Either is "" if the account has none.
	play, last string
}

// welcome writes demo.env and prints the greeting, with the demo token if
// showToken is true. A disk that is too full for demo.env does not keep the server
// from starting.
func (b *box) welcome(ctx context.Context, out io.Writer, showToken bool) error {
	k := b.dir.Keys
	token, err := auth.Sign(b.tokenKeys(), auth.Claims{Account: k.Account, Expires: b.now().Add(demoTTL)})
	if err != nil && !errors.Is(err, auth.ErrNoSigningKey) {
		return fmt.Errorf("sign the demo token: %w", err)
	}
	g := greeting{version: version.Number, url: b.url(), account: k.Account, user: k.Users[0], token: token, dir: b.settings.DataDir, hideToken: !showToken, console: b.settings.Console, tool: tool()}
	switch err := b.dir.WritePrivate(envFile, g.variables()); {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		b.log.WarnContext(ctx, "the disk is full: demo.env and new recordings cannot be written", slog.String("cause", err.Error()))
	case err != nil:
		return err
	}
	if g.play, g.last, err = b.pick(ctx); err != nil {
		return err
	}
	_, err = io.WriteString(out, g.text())
	return err
}

// newest is how many of the newest recordings pick searches for an mp3.
const newest = 50

// pick chooses recordings for the example commands: the newest mp3, and the
// oldest recording of any type.
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

// variables returns the content of demo.env.
func (g greeting) variables() string {
	token := ""
	if g.token != "" {
		token = "TOKEN=" + g.token + "\n"
	}
	return fmt.Sprintf("ACCOUNT_ID=%s\nUSER_ID=%s\n%sURL=%s\n", g.account, g.user, token, g.url)
}

// example is a command to try. args are curl's arguments after the token's
// header.
type example struct{ title, args string }

// examples returns the example commands. They use the variables of demo.env.
func (g greeting) examples() []example {
	const list = "$URL/v2/accounts/$ACCOUNT_ID/recordings"
	all := []example{
		{"List the recordings of one user", `"$URL/v2/accounts/$ACCOUNT_ID/users/$USER_ID/recordings"`},
		{"Download the list as a spreadsheet (CSV)", `"` + list + `?accept=csv" -o recordings.csv`},
	}
	if g.play != "" {
		one := list + "/" + g.play
		all = append(all,
			example{"Show one recording", `"` + one + `?pretty_print=true"`},
			example{"Download its audio", `-H "Accept: audio/mpeg" "` + one + `" -o recording.mp3`},
			example{"Download only the first 1000 bytes", `-H "Accept: audio/mpeg" -r 0-999 "` + one + `" -o part.mp3`},
			example{"Download the audio through a redirect to S3", `-H "Accept: audio/mpeg" -L "` + one + `?delivery=redirect" -o recording.mp3`},
			example{"Tag the recording", `-X PATCH -H "Content-Type: application/json" -d '{"data":{"user_metadata":{"tag":"vip"}}}' "` + one + `"`},
			example{"Find it by its tag", `"` + list + `?filter_user_metadata.tag=vip"`},
		)
	}
	if g.last != "" {
		all = append(all, example{"Delete the oldest recording", `-X DELETE "` + list + "/" + g.last + `"`})
	}
	return all
}

// link returns the address of the console. With the token in its fragment, which no
// browser sends, it logs in.
func (g greeting) link() string {
	link := g.url + "/" + console.Path
	if g.token != "" && !g.hideToken {
		link += "#token=" + g.token
	}
	return link
}

// invitation returns the line before the link.
func (g greeting) invitation() string {
	if g.token != "" && !g.hideToken {
		return "Open this link in a browser to find and play recordings. It logs you in:"
	}
	return "Open this link in a browser to find and play recordings. It asks for a token:"
}

// text returns the greeting.
func (g greeting) text() string {
	var b strings.Builder
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	printf("\nCall recordings API %s is ready at %s\n\n", g.version, g.url)
	if g.console {
		printf("%s\n\n%s\n\n", g.invitation(), g.link())
	}
	printf("  account  %s\n  user     %s\n", g.account, g.user)
	load := shellPath(filepath.Join(g.dir, envFile))
	switch {
	case g.token == "":
		printf("\nThe keys in TOKEN_KEYS only verify tokens, so this server cannot make one.\n")
		printf("Press Ctrl-C to stop the server; all data stays in %s.\n\n", g.dir)
		printf("To try commands in another terminal, load these values into shell variables,\nand set TOKEN to a token of your login service:\n\n")
	case g.hideToken:
		printf("\nA token for this account is in %s, valid for %d days; --token prints it.\n", load, demoTTL/(24*time.Hour))
		printf("Press Ctrl-C to stop the server; all data stays in %s.\n\n", g.dir)
		printf("To try commands in another terminal, load these values into shell variables:\n\n")
	default:
		printf("  token    %s\n\n", g.token)
		printf("The token is valid for %d days. Press Ctrl-C to stop the server; all data stays in %s.\n\n", demoTTL/(24*time.Hour), g.dir)
		printf("List the newest recordings from another terminal:\n\n")
		printf("curl -H 'X-Auth-Token: %s' '%s/v2/accounts/%s/recordings?page_size=3&pretty_print=true'\n\n", g.token, g.url, g.account)
		printf("To try more, load the same values into shell variables:\n\n")
	}
	printf(". %s\n\n", load)
	for _, e := range g.examples() {
		printf("# %s\ncurl -H \"X-Auth-Token: $TOKEN\" %s\n", e.title, e.args)
	}
	printf("# Add a recording of your own: an mp3, wav, Ogg or m4a file\n")
	printf("%s add FILE --account $ACCOUNT_ID --owner $USER_ID", g.tool)
	if g.dir != datadir.Default {
		printf(" --data-dir %s", shellPath(g.dir))
	}
	printf("\n\n")
	return b.String()
}

// tool returns how to run the recordings command. A release has it in the same folder
// as the server.
func tool() string {
	server, err := os.Executable()
	if err == nil {
		name := "recordings" + filepath.Ext(server)
		if info, err := os.Stat(filepath.Join(filepath.Dir(server), name)); err == nil && info.Mode().IsRegular() {
			return shellPath(filepath.Join(filepath.Dir(server), name))
		}
	}
	return "go run ./cmd/recordings"
}

// shellPath returns a path that a shell's "." command accepts: with a slash in it,
// and quoted if necessary.
func shellPath(path string) string {
	if !strings.ContainsAny(path, `/\`) {
		path = "./" + path
	}
	if strings.Trim(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+:@%,") != "" {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
