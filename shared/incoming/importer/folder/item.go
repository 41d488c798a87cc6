package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/recording"
)

// maxExported limits the size of an exported document, in bytes. Every store has a
// lower limit.
const maxExported = 1 << 20

// addGroup adds the items of a group. An error means that a file could not be read;
// a retry may succeed.
func (sc *scan) addGroup(ctx context.Context, g *group) error {
	if len(g.json) == 0 {
		sc.addFiles(g.files, nil, nil)
		return nil
	}
	f := g.json[0]
	raw, err := sc.read(ctx, f)
	if err != nil {
		sc.watch.missed(g)
		return fmt.Errorf("read %s: %w", f.name, cause(err))
	}
	for _, second := range g.json[1:] {
		sc.add(sc.refused(second.name, errSecondSidecar))
	}
	d, exported, err := parseExported(raw)
	if exported {
		sc.addExported(g, f, d, err)
		return nil
	}
	sc.addWithSidecar(g, f, raw)
	return nil
}

// addWithSidecar adds the files of a group that has a sidecar.
func (sc *scan) addWithSidecar(g *group, f file, raw []byte) {
	call, err := recording.ParseCall(raw)
	switch {
	case err != nil || len(raw) > incoming.MaxSidecar:
		sc.addUnreadable(g, f, errBadSidecar)
	case !sc.addFiles(g.files, call, nil) && sc.watch == nil:
		sc.add(sc.refused(f.name, errNoAudio))
	}
}

// addUnreadable reports a metadata file that cannot be read. Audio beside the file
// is not imported without its metadata, so the report names the audio. Without
// audio, the report names the metadata file.
func (sc *scan) addUnreadable(g *group, f file, why error) {
	if !sc.addFiles(g.files, nil, fmt.Errorf("%w; the metadata beside it cannot be read", why)) {
		sc.add(sc.refused(f.name, why))
	}
}

// read reads a metadata file, up to the size limit.
func (s Source) read(ctx context.Context, f file) ([]byte, error) {
	r, err := os.Open(s.path(f.name))
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // read-only
	return io.ReadAll(&contextReader{ctx: ctx, Reader: skipBOM(io.LimitReader(r, maxExported+1))})
}

// addFiles adds the items of files, with the metadata of their sidecar, or with the
// fault that prevents their import. It reports whether any file was audio.
func (sc *scan) addFiles(files []file, sidecar recording.Call, fault error) (hasAudio bool) {
	seen := map[string]bool{}
	for _, f := range files {
		if f.kind == irregular {
			sc.add(sc.refused(f.name, errIrregular))
			continue
		}
		if f.kind != audioFile {
			sc.add(sc.refused(f.name, notTaken(f.name)))
			continue
		}
		hasAudio = true
		if fault != nil {
			sc.add(sc.refused(f.name, fault))
			continue
		}
		it := sc.item(f, sidecar)
		switch {
		case it.Fault != nil:
		case seen[it.ID+"/"+it.Stem]:
			it = sc.refused(f.name, errSameRecording)
		default:
			seen[it.ID+"/"+it.Stem] = true
		}
		sc.add(it)
	}
	return hasAudio
}

// item returns the item of a file, with its metadata from all sources.
func (sc *scan) item(f file, sidecar recording.Call) importer.Item {
	row, err := sc.rows.forFile(f.name)
	if err != nil {
		return sc.refused(f.name, err)
	}
	name, matched := sc.Names.Match(f.name)
	if !matched {
		name = namepattern.Unmatched(f.name)
	}
	row, badRow := row.In(sc.Names.Zone)
	sidecar, badSidecar := sidecar.In(sc.Names.Zone)
	if badRow != nil || badSidecar != nil {
		return sc.refused(f.name, errBadStart)
	}
	id, err := incoming.Agree(sc.Account, sidecar, row, name.Call)
	switch {
	case errors.Is(err, recording.ErrBadID):
		return sc.refused(f.name, errBadID)
	case err != nil:
		return sc.refused(f.name, fmt.Errorf("%w: %w", importer.ErrRefused, err))
	}
	call := sidecar.Under(row).Under(name.Call)
	started, note := startOf(call, f)
	if !matched && row == nil && sidecar == nil {
		note = joined(unnamedFile, note)
	}
	it := importer.Item{
		Name: f.name, Account: sc.Account, ID: id, Started: started, Note: note, Document: call.Document(),
		Audio: recording.Audio{Place: recording.Managed, Size: f.size},
		Ref:   &origin{name: f.name, size: f.size, sized: true, link: f.link},
	}
	if id == "" {
		it.Stem = stemOf(f.name)
	}
	return it
}

// addExported adds the item of an exported document, or the reason why the document
// cannot be imported. It reports other files beside the document as refused.
func (sc *scan) addExported(g *group, f file, d document, fault error) {
	if fault != nil {
		sc.addUnreadable(g, f, fmt.Errorf("%w: %w", importer.ErrRefused, fault))
		return
	}
	own := g.stem[:strings.LastIndexByte(g.stem, '/')+1] + d.audio.File
	switch {
	case d.audio.File == "":
		own = ""
	case strings.ContainsAny(d.audio.File, `/\`), stemOf(own) != g.stem, kindOf(own) != audioFile && kindOf(own) != unnamed:
		sc.add(sc.refused(f.name, errOtherFile))
		sc.refuseOthers(g.files, "")
		return
	}
	if exists := sc.refuseOthers(g.files, own); !exists && own != "" && sc.watch != nil {
		return // the audio may still arrive
	}
	it := d.item(sc.Account, f, own)
	if o, ok := it.Ref.(*origin); ok {
		o.link = slices.ContainsFunc(g.files, func(f file) bool { return f.name == own && f.link })
	}
	sc.add(it)
}

// refuseOthers reports all files as refused except for own, the audio file of the
// document. It reports whether own exists.
func (sc *scan) refuseOthers(files []file, own string) (exists bool) {
	for _, f := range files {
		switch {
		case f.name == own:
			exists = true
		case f.kind == other:
			sc.add(sc.refused(f.name, notTaken(f.name)))
		default:
			sc.add(sc.refused(f.name, errOtherAudio))
		}
	}
	return exists
}
