// Package shared_test checks which packages may import which others. The test fails
// for a package without a row in the table, so each new package needs a row.
package shared_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/callrecordings/api/"

// arrows lists, for each package, the packages of this module that it may import, and
// whether it may import AWS's packages. No package imports one from a layer above it.
var arrows = map[string]struct {
	ours []string
	aws  bool
}{
	"shared/strictjson":                {},
	"shared/cursor":                    {},
	"shared/auth":                      {ours: []string{"shared/strictjson"}},
	"shared/config":                    {ours: []string{"shared/price"}},
	"shared/requestlog":                {},
	"shared/requestlog/requestlogtest": {},
	"shared/version":                   {},
	"shared/media":                     {},
	"shared/phone":                     {},
	"shared/attempt":                   {ours: []string{"shared/requestlog"}, aws: true},
	"shared/attempt/attempttest":       {},
	"shared/audiofile":                 {ours: []string{"shared/recording"}},
	"shared/openapi":                   {},
	"shared/openapi/openapitest":       {ours: []string{"shared/openapi"}},
	"shared/recording":                 {ours: []string{"shared/strictjson"}},
	"shared/incoming/namepattern":      {ours: []string{"shared/recording"}},
	"shared/store":                     {ours: []string{"shared/recording"}},
	"shared/audit":                     {ours: []string{"shared/access", "shared/recording", "shared/store"}},
	"shared/hold":                      {ours: []string{"shared/media", "shared/phone", "shared/recording", "shared/store", "shared/turns"}},
	"shared/deletion":                  {ours: []string{"shared/hold", "shared/media", "shared/purge", "shared/recording", "shared/store", "shared/turns"}},
	"shared/turns":                     {ours: []string{"shared/requestlog", "shared/store"}},
	"shared/link":                      {ours: []string{"shared/access", "shared/recording", "shared/store"}},
	"shared/access":                    {ours: []string{"shared/auth", "shared/store", "shared/recording"}},
	"shared/issuer":                    {ours: []string{"shared/access", "shared/auth", "shared/store"}},
	"shared/issuer/keyset":             {ours: []string{"shared/auth", "shared/egress", "shared/issuer", "shared/strictjson"}},
	"shared/access/follow":             {ours: []string{"shared/access", "shared/store"}},
	"shared/store/sqlite":              {ours: []string{"shared/store", "shared/recording", "shared/requestlog"}},
	"shared/store/dynamo":              {ours: []string{"shared/store", "shared/recording", "shared/requestlog", "shared/attempt", "shared/store/dynamo/onepass"}, aws: true},
	"shared/store/dynamo/dynamotest":   {ours: []string{"shared/store/dynamo"}, aws: true},
	"shared/store/dynamo/onepass":      {aws: true},
	"shared/store/dynamo/emulator":     {},
	"shared/store/faultstore":          {ours: []string{"shared/store", "shared/recording"}},
	"shared/store/storetest":           {ours: []string{"shared/store", "shared/recording"}},
	"shared/historytest":               {ours: []string{"shared/deletion", "shared/hold", "shared/store", "shared/store/faultstore", "shared/recording"}},
	"shared/media/mediatest":           {ours: []string{"shared/media"}},
	"shared/media/s3media":             {ours: []string{"shared/media", "shared/requestlog", "shared/attempt"}, aws: true},
	"shared/gateway":                   {ours: []string{"shared/requestlog", "shared/version"}, aws: true},
	"shared/purge":                     {ours: []string{"shared/recording", "shared/store", "shared/media"}},
	"shared/reconcile":                 {ours: []string{"shared/access", "shared/deletion", "shared/hold", "shared/media", "shared/purge", "shared/recording", "shared/requestlog", "shared/search", "shared/store"}},
	"shared/tablestream":               {ours: []string{"shared/requestlog", "shared/store"}, aws: true},
	"shared/notify":                    {ours: []string{"shared/recording", "shared/store"}},
	"shared/feed":                      {ours: []string{"shared/notify", "shared/recording", "shared/store"}},
	"shared/waiting":                   {ours: []string{"shared/recording", "shared/store"}},
	"shared/egress":                    {},
	"shared/webhook":                   {ours: []string{"shared/access", "shared/egress", "shared/feed", "shared/recording", "shared/store"}},
	"shared/notify/indexqueue":         {ours: []string{"shared/notify", "shared/requestlog", "shared/attempt"}, aws: true},
	"shared/notify/eventbridge":        {ours: []string{"shared/notify", "shared/requestlog", "shared/attempt"}, aws: true},
	"shared/incoming":                  {ours: []string{"shared/media", "shared/recording", "shared/store"}},
	"shared/zipfile":                   {},
	"shared/job":                       {ours: []string{"shared/access", "shared/audit", "shared/media", "shared/recording", "shared/store"}},
	"shared/job/jobtest":               {ours: []string{"shared/audit", "shared/job", "shared/media", "shared/recording", "shared/store"}},
	"shared/archive":                   {ours: []string{"shared/job", "shared/media", "shared/recording", "shared/store", "shared/zipfile"}},
	"shared/price":                     {},
	"shared/bulk":                      {ours: []string{"shared/access", "shared/archive", "shared/audit", "shared/deletion", "shared/hold", "shared/job", "shared/media", "shared/purge", "shared/recording", "shared/retention", "shared/store"}},
	"shared/person": {ours: []string{
		"shared/archive", "shared/hold", "shared/job", "shared/media", "shared/phone", "shared/recording", "shared/store",
	}},
	"shared/incoming/incomingtest": {ours: []string{
		"shared/hold", "shared/incoming", "shared/incoming/namepattern", "shared/recording", "shared/store", "shared/store/sqlite", "shared/media",
	}},
	"shared/incoming/judge": {ours: []string{"shared/incoming", "shared/recording", "shared/media", "shared/audiofile"}},
	"shared/incoming/inbox": {ours: []string{
		"shared/hold",
		"shared/incoming", "shared/incoming/judge", "shared/incoming/namepattern", "shared/recording", "shared/store", "shared/media",
	}},
	"shared/incoming/bucket": {ours: []string{
		"shared/incoming", "shared/incoming/inbox", "shared/incoming/judge", "shared/incoming/namepattern",
		"shared/recording", "shared/store", "shared/media", "shared/requestlog", "shared/sqsbatch",
	}, aws: true},
	"shared/incoming/upload": {ours: []string{"shared/incoming", "shared/incoming/judge", "shared/recording", "shared/store", "shared/media"}},
	"shared/incoming/importer": {ours: []string{
		"shared/incoming", "shared/incoming/judge", "shared/recording", "shared/store", "shared/media", "shared/attempt",
		"shared/strictjson",
	}},
	"shared/incoming/importer/kazoo":           {ours: []string{"shared/incoming/importer", "shared/recording", "shared/store", "shared/attempt"}},
	"shared/incoming/importer/kazoo/kazootest": {},
	"shared/incoming/importer/folder": {ours: []string{
		"shared/incoming", "shared/incoming/importer", "shared/incoming/namepattern", "shared/recording", "shared/store", "shared/media", "shared/attempt",
	}},
	"shared/search":            {ours: []string{"shared/phone", "shared/recording", "shared/requestlog", "shared/store"}},
	"shared/search/searchtest": {ours: []string{"shared/recording", "shared/search", "shared/store"}},
	"shared/sqsbatch":          {aws: true},
	"shared/search/eventqueue": {ours: []string{"shared/attempt", "shared/recording", "shared/requestlog", "shared/search", "shared/sqsbatch"}, aws: true},
	"shared/httpfield":         {},
	"shared/csvtable":          {},
	"shared/retention/sweep":   {ours: []string{"shared/access", "shared/audit", "shared/deletion", "shared/hold", "shared/recording", "shared/retention", "shared/store", "shared/turns"}},
	"shared/retention":         {ours: []string{"shared/access", "shared/auth", "shared/hold", "shared/recording", "shared/requestlog", "shared/store"}},
	"shared/api": {ours: []string{
		"shared/bulk", "shared/hold", "shared/price", "shared/retention", "shared/job",
		"shared/recording", "shared/incoming", "shared/cursor", "shared/deletion", "shared/strictjson", "shared/auth", "shared/access", "shared/audit", "shared/link", "shared/feed", "shared/webhook", "shared/notify",
		"shared/httpfield", "shared/csvtable", "shared/search",
		"shared/store", "shared/media", "shared/requestlog", "shared/purge", "shared/version",
	}},
}

// goList is the part of a package's `go list -json` output that the test reads.
type goList struct {
	ImportPath string
	Name       string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []goList {
	t.Helper()
	return packagesIn(t, ".")
}

// packagesIn lists the packages with files that are not tests in a folder and below.
func packagesIn(t *testing.T, folder string) []goList {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,GoFiles,Imports", "./...")
	list.Dir = folder
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goList
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goList
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
}

func TestImportsFollowTheArrows(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		row, ok := arrows[name]
		if !ok {
			t.Errorf("%s has no row in arrows: decide what it may import and add it", name)
			continue
		}
		for _, i := range p.Imports {
			ours, mine := strings.CutPrefix(i, module)
			if mine && !slices.Contains(row.ours, ours) {
				t.Errorf("%s imports %s, which its row does not allow", name, ours)
			}
			if strings.HasPrefix(i, "github.com/aws") && !row.aws {
				t.Errorf("%s imports %s, but it may not know AWS", name, i)
			}
		}
	}
}
