package access

import (
	"reflect"
	"testing"
)

// The form of an account's entry is fixed: entries outlive the version that wrote them.
func TestParseAccount(t *testing.T) {
	t.Parallel()
	got, err := ParseAccount([]byte(`{"parent":"b","ancestors":["b","a"],"disabled":["a"],"name":"Shop"}`))
	want := Account{Name: "Shop", Parent: "b", Ancestors: []string{"b", "a"}, Disabled: []string{"a"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseAccount = %+v, %v, want %+v", got, err, want)
	}
	if got.Enabled() || !got.Below("a") || got.Below("c") {
		t.Errorf("enabled %v, below a %v, below c %v, want only below a", got.Enabled(), got.Below("a"), got.Below("c"))
	}
	if got, err := ParseAccount([]byte(`{}`)); err != nil || !got.Enabled() || got.Below("a") {
		t.Errorf("an empty entry is %+v, %v, want an enabled account that stands alone", got, err)
	}
	if _, err := ParseAccount([]byte(`[]`)); err == nil {
		t.Error("an array was read as an account")
	}
}
