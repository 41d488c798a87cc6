package recording_test

import (
	"encoding/json"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// benchFilters are typical filters of user interfaces, applied to the sample.
var benchFilters = []struct {
	name  string
	query [][2]string
}{
	{"none", nil},
	{"first", [][2]string{{"filter_call_id", "x"}}},
	{"id", [][2]string{{"filter_not_id", "x"}}},
	{"nested", [][2]string{{"filter_custom_channel_vars.Owner-ID", "77bc"}}},
	{"missing", [][2]string{{"key_missing", "nope"}}},
	{"list", [][2]string{{"filter_direction", `["outbound","inbound"]`}}},
	{"three", [][2]string{{"filter_direction", "inbound"}, {"has_value", "duration"}, {"modified_from", "63866880000"}}},
}

func benchRecording(b *testing.B) *recording.Recording {
	b.Helper()
	return &recording.Recording{
		Account: "acc", ID: sampleID, Modified: 63866880200,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg"}, Document: mustDocument(b, kazooItem),
	}
}

// BenchmarkAppendJSON compares AppendJSON with its lower bound, a copy of the
// same number of bytes.
func BenchmarkAppendJSON(b *testing.B) {
	r := benchRecording(b)
	buf := r.AppendJSON(nil, false)
	b.Run("impl=ours", func(b *testing.B) {
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for b.Loop() {
			buf = r.AppendJSON(buf[:0], false)
		}
	})
	b.Run("impl=copy", func(b *testing.B) {
		text := string(buf)
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for b.Loop() {
			buf = append(buf[:0], text...)
		}
	})
}

func BenchmarkEscapedLen(b *testing.B) {
	text := benchRecording(b).AppendJSON(nil, false)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		recording.EscapedLen(text)
	}
}

// BenchmarkMatch compares Match with decoding the document.
func BenchmarkMatch(b *testing.B) {
	r := benchRecording(b)
	for _, q := range benchFilters {
		f, err := recording.ParseFilter(q.query)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("filter="+q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Match(r)
			}
		})
	}
	b.Run("filter=decoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var fields map[string]any
			if err := json.Unmarshal([]byte(r.Document), &fields); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseFilter(b *testing.B) {
	query := benchFilters[len(benchFilters)-1].query
	b.ReportAllocs()
	for b.Loop() {
		if _, err := recording.ParseFilter(query); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseDocument(b *testing.B) {
	text := []byte(kazooItem)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := recording.ParseDocument(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPatch(b *testing.B) {
	d := mustDocument(b, kazooItem)
	body := []byte(`{"data":{"user_metadata":{"tag":"urgent","x":null,"notes":["called back"],"score":{"agent":4.5}}}}`)
	b.ReportAllocs()
	for b.Loop() {
		p, err := recording.ParsePatch(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Apply(d); err != nil {
			b.Fatal(err)
		}
	}
}
