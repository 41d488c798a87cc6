package inbox_test

import (
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
)

// A file is always kept if its metadata has two values for one field. Such a sidecar is kept too,
// but does not hold up its audio.
func TestContradictoryMetadata(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, metadata := range []map[string]string{
		{"account_id": account, "account-id": "other"},
		{"id": "202601-a", "recording_id": "202601-b"},
		{"caller": "1001", "caller-id-number": "1002"},
	} {
		d.drop(freeform, incomingtest.Sample(t, "vbr-16khz.mp3"), metadata)
		for range 8 { // the metadata is a map: its order varies
			d.arrive(freeform, "0A", incoming.ErrKept)
		}
	}
	if all := d.all(); len(all) > 0 {
		t.Errorf("recordings %+v, want none", all)
	}
	sidecar := box + "1001to1002.json"
	d.drop(freeform, incomingtest.Sample(t, "vbr-16khz.mp3"), nil)
	d.drop(sidecar, []byte(`{"id":"202601-a","recording_id":"202601-b","from":"7@pbx"}`), nil)
	d.arrive(sidecar, "0A", incoming.ErrKept)
	d.arrive(freeform, "0A", incoming.Adopted)
	r := d.only()
	d.hasFields(r.Document, map[string]string{"from": "1001@unknown", "caller_id_number": "1001"})
}
