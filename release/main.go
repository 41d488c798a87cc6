// Command release builds the archives of a release; `make release` runs it. For each
// target, an archive has the programs recordings (cmd/recordings) and recordings-server
// (local), a README of its own, CHANGELOG.md, LICENSE and the documentation. Beside the
// archives it writes a software bill of materials (CycloneDX) for each program, and
// SHA256SUMS.
//
// The archives are reproducible: the same commit and the same version of Go give the
// same bytes, in any folder and on any machine. All files in them have the time of the
// commit, or that of SOURCE_DATE_EPOCH (reproducible-builds.org/specs/source-date-epoch).
//
//	go run ./release -out dist [-version 1.0.0] [-targets linux/amd64,windows/arm64]
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/version"
)

// allTargets are the systems that releases are built for.
const allTargets = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

// release is one run of the program.
type release struct {
	version string
	// out is the folder for the results.
	out string
	// sbom is the command that describes a program; "" leaves the descriptions out.
	sbom string
	// getenv and environ read the environment.
	getenv  func(string) string
	environ func() []string
	// at is the time of all files in the archives.
	at time.Time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := release{getenv: os.Getenv, environ: os.Environ}
	flag.StringVar(&r.version, "version", version.Number, "must be the number in shared/version")
	flag.StringVar(&r.out, "out", "dist", "folder for the archives; its earlier archives are removed")
	flag.StringVar(&r.sbom, "sbom", "", "cyclonedx-gomod, or \"\" to leave out the bills of materials")
	targets := flag.String("targets", allTargets, "systems to build for, separated by commas")
	flag.Parse()
	if err := r.run(ctx, strings.Split(*targets, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func (r *release) run(ctx context.Context, targets []string) error {
	if r.version != version.Number {
		return fmt.Errorf("the version is %s, but shared/version has %s; CONTRIBUTING.md (Releases) describes how to change it", r.version, version.Number)
	}
	if err := r.setTime(ctx); err != nil {
		return err
	}
	if err := r.clean(); err != nil {
		return err
	}
	for _, target := range targets {
		goos, goarch, ok := strings.Cut(target, "/")
		if !ok || !slices.Contains(strings.Split(allTargets, ","), target) {
			return fmt.Errorf("unknown target %q; want some of %s", target, allTargets)
		}
		if err := r.build(ctx, goos, goarch); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return r.sum()
}

// setTime determines the time of the files in the archives.
func (r *release) setTime(ctx context.Context) error {
	text := r.getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return fmt.Errorf("the time of the commit is unknown, set SOURCE_DATE_EPOCH: %w", err)
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH is %q, want seconds since 1970", text)
	}
	r.at = time.Unix(seconds, 0).UTC()
	return nil
}

// clean removes earlier results, so that SHA256SUMS lists only those of this run.
func (r *release) clean() error {
	results, err := r.results()
	for _, name := range append(results, "SHA256SUMS") {
		if gone := os.Remove(filepath.Join(r.out, name)); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// results returns the names of the archives and of the bills of materials.
func (r *release) results() ([]string, error) {
	entries, err := os.ReadDir(r.out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		n := e.Name()
		if strings.HasPrefix(n, "recordings") && (strings.HasSuffix(n, ".tar.gz") || strings.HasSuffix(n, ".zip") || strings.HasSuffix(n, ".cdx.json")) {
			names = append(names, n)
		}
	}
	return names, err
}

// programs maps the programs in an archive to the names that go build gives them.
var programs = []struct{ name, built string }{{"recordings", "recordings"}, {"recordings-server", "local"}}

// build builds the archive of one system. The programs stay in the folder "bin" of out.
func (r *release) build(ctx context.Context, goos, goarch string) error {
	bin, err := filepath.Abs(filepath.Join(r.out, "bin", goos+"-"+goarch))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(bin); err != nil {
		return err
	}
	// Not the version control's state: it would differ between a clone and an archive.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", //nolint:gosec // the Makefile names the folder
		"-o", bin+string(filepath.Separator), "./local", "./cmd/recordings")
	build.Env = append(r.environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	top, ext, exe := fmt.Sprintf("recordings-%s-%s-%s", r.version, goos, goarch), ".tar.gz", ""
	if goos == "windows" {
		ext, exe = ".zip", ".exe"
	}
	files, err := writeDocuments(filepath.Join(bin, "documents"), top, r.version)
	if err != nil {
		return err
	}
	for _, p := range programs {
		path := filepath.Join(bin, p.name+exe)
		if err := os.Rename(filepath.Join(bin, p.built+exe), path); err != nil {
			return err
		}
		files = append(files, file{top + "/" + p.name + exe, path, 0o755})
		if err := r.describe(ctx, path, fmt.Sprintf("%s-%s-%s-%s.cdx.json", p.name, r.version, goos, goarch)); err != nil {
			return err
		}
	}
	return writeArchive(filepath.Join(r.out, top+ext), files, r.at)
}

// describe writes the bill of materials of a program.
func (r *release) describe(ctx context.Context, program, name string) error {
	if r.sbom == "" {
		return nil
	}
	describe := exec.CommandContext(ctx, r.sbom, "bin", "-json", "-std", "-noserial", "-notimestamp", "-version", "v"+r.version, //nolint:gosec // the Makefile names it
		"-output", filepath.Join(r.out, name), program)
	if out, err := describe.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", r.sbom, err, out)
	}
	return license(filepath.Join(r.out, name))
}

// sum writes SHA256SUMS, which `sha256sum --check` reads.
func (r *release) sum() error {
	names, err := r.results()
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, name := range names {
		in, err := os.Open(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil {
			return errors.Join(err, in.Close())
		}
		if err := in.Close(); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sum.Sum(nil), name)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644) //nolint:gosec // for everyone
}
