package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
)

var playUsage = usage{
	name: "play", summary: "play the audio of a recording", args: "ID [--player COMMAND] [OPTIONS]",
	does: `Plays the audio of a recording with a program of this machine: the first of ` + strings.Join(playerNames(), ", ") + `
that is installed, or the one of --player.`,
	examples: []string{
		"play 202601-1f2e3d4c",
		"play 202601-1f2e3d4c --player 'mpv --speed=1.5'",
	},
}

// players are the programs that play a file, the best first. Each takes the file as
// its last argument, and ends when the audio does.
var players = [][]string{
	{"ffplay", "-nodisp", "-autoexit", "-hide_banner", "-loglevel", "error"},
	{"mpv", "--no-video", "--really-quiet"},
	{"cvlc", "--quiet", "--play-and-exit"},
	{"afplay"}, // part of macOS
	{"mplayer", "-really-quiet"},
	{"play", "-q"}, // SoX
}

// playerNames returns the names of the players.
func playerNames() []string {
	names := make([]string, len(players))
	for i, p := range players {
		names[i] = p[0]
	}
	return names
}

// playCommand makes the command that plays a recording.
func (e env) playCommand() *cobra.Command {
	var player string
	var asJSON bool
	c := playUsage.command()
	t := e.apiFlags(c.Flags())
	c.Flags().StringVar(&player, "player", "", "`COMMAND` that plays a file, with its options; the file's name is added")
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, ids []string) error {
		if err := checkRecordings(ids); err != nil {
			return err
		}
		if err := unexpected(ids, 1); err != nil {
			return err
		}
		command, err := findPlayer(player, exec.LookPath)
		if err != nil {
			return err
		}
		d := downloader{env: e, sleep: client.Sleep}
		if d.api, err = t.open(); err != nil {
			return err
		}
		defer d.api.Close()
		return named(ids[0], d.play(c.Context(), ids[0], command, asJSON))
	}
	return c
}

// findPlayer returns the command line of a player: the chosen one, or the first that
// is installed.
func findPlayer(chosen string, look func(string) (string, error)) ([]string, error) {
	if words := strings.Fields(chosen); len(words) > 0 {
		if _, err := look(words[0]); err != nil {
			return nil, usageError{fmt.Errorf("--player: there is no program %s", words[0])}
		}
		return words, nil
	}
	for _, p := range players {
		if _, err := look(p[0]); err == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("no player is installed (looked for %s). Install one: ffplay comes with ffmpeg (apt install ffmpeg, "+
		"brew install ffmpeg, winget install ffmpeg). Or name yours with --player, or use recordings download", strings.Join(playerNames(), ", "))
}

// play stores the audio in a temporary file and plays it.
func (d *downloader) play(ctx context.Context, id string, command []string, asJSON bool) error {
	document, _, err := d.api.Get(ctx, id)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "recordings-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a left-over goes with the system's temporary files
	d.folder = folder
	r := d.one(ctx, document, id)
	if r.Outcome != isDownloaded {
		return errors.New(r.Error)
	}
	if asJSON {
		if err := printJSON(d.stdout, map[string]any{"id": id, "player": command[0], "bytes": r.Bytes}); err != nil {
			return err
		}
	} else {
		printf(d.stderr, "%s  %s  %s, with %s\n", id, length(document), clean(party(document.CallerNumber, document.CallerName, document.From)), filepath.Base(command[0]))
	}
	player := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], r.File)...) //nolint:gosec // the user chooses the player
	player.Stdin, player.Stderr = d.stdin, d.stderr
	if !asJSON {
		player.Stdout = d.stdout
	}
	if err := player.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", command[0], err)
	}
	return nil
}
