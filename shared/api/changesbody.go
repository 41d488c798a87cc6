package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/callrecordings/api/shared/csvtable"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/httpfield"
)

// writeChangesJSON answers with a page. next is its cursor.
func writeChangesJSON(w http.ResponseWriter, r *request, page *feed.Page, next string) error {
	data := make([]feed.View, len(page.Entries))
	for i := range page.Entries {
		data[i] = page.Entries[i].View()
	}
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode the changes: %w", err)
	}
	withBuffer(func(buf []byte) []byte {
		buf = append(appendOpening(buf), text...)
		buf = append(buf, `,"page_size":`...)
		buf = strconv.AppendInt(buf, int64(len(data)), 10)
		buf = appendMember(buf, "cursor", next)
		buf = append(buf, `,"more":`...)
		buf = strconv.AppendBool(buf, page.More)
		return r.writeJSON(w, http.StatusOK, r.appendClosing(buf, extras{}))
	})
	return nil
}

// changeColumns are the columns of the feed as CSV.
var changeColumns = []struct {
	name string
	cell func(*feed.View) string
}{
	{"type", func(c *feed.View) string { return string(c.Type) }},
	{"id", func(c *feed.View) string { return c.ID }},
	{"revision", func(c *feed.View) string { return c.Revision }},
	{"owner_id", func(c *feed.View) string { return c.Owner }},
	{"state", func(c *feed.View) string { return string(c.State) }},
	{"reason", func(c *feed.View) string { return string(c.Reason) }},
	{"time", func(c *feed.View) string { return c.Time }},
}

// writeChangesCSV answers with a table. Its cursor is in a Link header, also at the end of
// the feed.
func writeChangesCSV(w http.ResponseWriter, r *request, query parameters, entries []feed.Entry, next string) error {
	table := csvtable.New(pageBytes)
	names := make([]string, len(changeColumns))
	for i, c := range changeColumns {
		names[i] = c.name
	}
	table.Only(names)
	for i := range entries {
		data := entries[i].View()
		for _, c := range changeColumns {
			table.Text([]byte(c.name), []byte(c.name), c.cell(&data))
		}
		table.EndRow()
	}
	var body bytes.Buffer
	if err := table.Lines(func(line []byte) error { body.Write(line); return nil }); err != nil {
		return fmt.Errorf("encode the changes: %w", err)
	}
	h := w.Header()
	h.Set("Link", nextLink(r.URL, query, "cursor", next))
	h.Set("Content-Type", csvType)
	h.Set("Content-Disposition", httpfield.ContentDisposition(false, "changes.csv"))
	r.writeBody(w, http.StatusOK, body.Bytes())
	return nil
}
