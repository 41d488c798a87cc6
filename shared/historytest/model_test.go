package historytest

import (
	"errors"
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// done returns the answer of a success.
func done(revision string, ready bool, tags ...string) Output {
	out := Output{Result: Done, ID: "202311-x", Revision: revision, Document: Document{Ready: ready}}
	copy(out.Document.Tags[:], tags)
	return out
}

// TestModel checks histories of calls that follow each other. A call without an answer
// stays open.
func TestModel(t *testing.T) {
	t.Parallel()
	type call struct {
		in  Input
		out Output
	}
	create := Input{Kind: Create, Body: "a"}
	created := call{create, done("1", false, "a")}
	get := Input{Kind: Get}
	patch := func(ifMatch, value string) Input { return Input{Kind: Patch, Value: value, IfMatch: ifMatch} }
	complete, remove := Input{Kind: Complete}, Input{Kind: Delete}
	removeForNow, restore := Input{Kind: Delete, Restorable: true}, Input{Kind: Restore}
	place, release := Input{Kind: Hold, Case: "1"}, Input{Kind: Release, Case: "1"}
	keyed := func(body string) Input { return Input{Kind: Create, Body: body, Keyed: true} }
	is := func(r Result) Output { return Output{Result: r} }
	for _, tt := range []struct {
		name  string
		calls []call
		want  bool
	}{
		{"nothing exists at first", []call{{get, is(Missing)}, {patch("", "b"), is(Missing)}, {remove, is(Missing)}}, true},
		{"a success without a recording", []call{{get, done("1", false, "a")}}, false},
		{"created and read", []call{created, {get, done("1", false, "a")}}, true},
		{"created, but missing", []call{created, {get, is(Missing)}}, false},
		{"the same request again", []call{created, created}, true},
		{"the same request makes another", []call{created, {create, done("2", false, "a")}}, false},
		{"another request for the ID", []call{created, {Input{Kind: Create, Body: "b"}, is(Conflict)}}, true},
		{"a conflict without a recording", []call{{create, is(Conflict)}}, false},
		{"another document", []call{created, {get, done("1", false, "b")}}, false},
		{"another revision", []call{created, {get, done("2", false, "a")}}, false},
		{"changed", []call{created, {patch("1", "b"), done("2", false, "b")}, {get, done("2", false, "b")}}, true},
		{"a revision again", []call{created, {patch("", "b"), done("2", false, "b")}, {patch("", "c"), done("1", false, "c")}}, false},
		{"changed under an old revision", []call{created, {patch("", "b"), done("2", false, "b")}, {patch("1", "c"), done("3", false, "c")}}, false},
		{"412 with the current revision", []call{created, {patch("1", "b"), is(Mismatch)}}, false},
		{"412 with an old revision", []call{created, {patch("", "b"), done("2", false, "b")}, {patch("1", "c"), is(Mismatch)}}, true},
		{"412 without If-Match", []call{created, {patch("", "b"), is(Mismatch)}}, false},
		{"409 with an effect", []call{created, {patch("", "b"), is(Conflict)}, {get, done("2", false, "b")}}, false},
		{"503 with an effect", []call{created, {patch("", "b"), is(Unknown)}, {get, done("2", false, "b")}}, true},
		{"503 without an effect", []call{created, {patch("", "b"), is(Unknown)}, {get, done("1", false, "a")}}, true},
		{"503 with a late effect", []call{created, {patch("", "b"), is(Unknown)}, {get, done("1", false, "a")}, {get, done("2", false, "b")}}, true},
		{"503 with an effect that ends", []call{created, {patch("", "b"), is(Unknown)}, {get, done("2", false, "b")}, {get, done("1", false, "a")}}, false},
		{"503 with two effects", []call{
			created,
			{patch("", "b"), is(Unknown)},
			{get, done("2", false, "b")},
			{patch("", "c"), done("3", false, "c")},
			{get, done("4", false, "b")},
		}, false},
		{"503 with an effect despite If-Match", []call{
			created, {patch("", "c"), done("2", false, "c")}, {patch("1", "b"), is(Unknown)}, {get, done("3", false, "b")},
		}, false},
		{"completed", []call{created, {complete, is(Done)}, {get, done("2", true, "a")}, {complete, is(Unchanged)}}, true},
		{"completed twice", []call{created, {complete, done("2", true, "a")}, {complete, done("3", true, "a")}}, false},
		{"completed, and pending again", []call{created, {complete, is(Done)}, {get, done("2", false, "a")}}, false},
		{"deleted", []call{created, {remove, done("1", false, "a")}, {get, is(Missing)}, {remove, is(Missing)}, {create, is(Conflict)}}, true},
		{"deleted, and created again", []call{created, {remove, done("1", false, "a")}, {create, done("2", false, "a")}}, false},
		{"deleted, with the document of another time", []call{created, {remove, done("1", false, "b")}}, false},
		{"503, and deleted", []call{created, {remove, is(Unknown)}, {remove, is(Missing)}}, true},
		{"503, deleted and there again", []call{created, {remove, is(Unknown)}, {get, is(Missing)}, {get, done("1", false, "a")}}, false},
		{"restored", []call{created, {removeForNow, done("1", false, "a")}, {restore, done("2", false, "a")}, {get, done("2", false, "a")}}, true},
		{"restored twice", []call{created, {removeForNow, done("1", false, "a")}, {restore, done("2", false, "a")}, {restore, done("2", false, "a")}}, true},
		{"restored with another document", []call{created, {removeForNow, done("1", false, "a")}, {restore, done("2", false, "b")}}, false},
		{"restored under the old revision", []call{created, {removeForNow, done("1", false, "a")}, {restore, done("1", false, "a")}}, false},
		{"restored after a deletion for good", []call{created, {remove, done("1", false, "a")}, {restore, done("2", false, "a")}}, false},
		{"restored, and missing", []call{created, {removeForNow, done("1", false, "a")}, {restore, done("2", false, "a")}, {get, is(Missing)}}, false},
		{"nothing to restore", []call{{restore, is(Missing)}}, true},
		{"deleted, and nothing to restore", []call{created, {removeForNow, done("1", false, "a")}, {restore, is(Missing)}}, false},
		{"503, and restored", []call{created, {removeForNow, is(Unknown)}, {restore, done("2", false, "a")}}, true},
		{"back without a restore", []call{created, {removeForNow, done("1", false, "a")}, {get, done("1", false, "a")}}, false},
		{"held", []call{created, {place, is(Done)}, {remove, is(Held)}, {get, done("1", false, "a")}}, true},
		{"deleted despite a hold", []call{created, {place, is(Done)}, {remove, done("1", false, "a")}}, false},
		{"deleted after the release", []call{created, {place, is(Done)}, {release, is(Done)}, {remove, done("1", false, "a")}}, true},
		{"held after the release", []call{created, {place, is(Done)}, {release, is(Done)}, {remove, is(Held)}}, false},
		{"held without a hold", []call{created, {remove, is(Held)}}, false},
		{"503, and held", []call{created, {place, is(Unknown)}, {remove, is(Held)}}, true},
		{"503, and not held", []call{created, {place, is(Unknown)}, {remove, done("1", false, "a")}}, true},
		{"a key for two requests", []call{{keyed("a"), is(Unknown)}, {keyed("b"), is(Conflict)}, {keyed("a"), done("1", false, "a")}}, true},
		{"a key that both requests get", []call{{keyed("a"), is(Unknown)}, {keyed("b"), is(Conflict)}, {keyed("b"), done("1", false, "b")}}, false},
		{"a key without a request", []call{{keyed("a"), is(Conflict)}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var history []porcupine.Operation
			for i, c := range tt.calls {
				end := int64(2*i + 1)
				if c.out.Result == Unknown {
					end = math.MaxInt64
				}
				history = append(history, porcupine.Operation{Input: c.in, Output: c.out, Call: int64(2 * i), Return: end})
			}
			err := (&recorder{history: history}).check()
			if got := err == nil; got != tt.want {
				t.Errorf("linearizable = %v, want %v; %v", got, tt.want, err)
			}
		})
	}
}

func TestUnexpectedAnswerFails(t *testing.T) {
	t.Parallel()
	want := errors.New("500")
	r := &recorder{history: []porcupine.Operation{{Input: Input{Kind: Get}, Output: Output{Err: want}}}}
	if err := r.check(); !errors.Is(err, want) {
		t.Errorf("check = %v, want %v", err, want)
	}
}
