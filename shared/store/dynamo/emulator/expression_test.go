package emulator

import "testing"

func TestExpressions(t *testing.T) {
	t.Parallel()
	m := attributes{"id": attributes{"S": "b"}, "n": attributes{"N": "5"}}
	values := attributes{":a": attributes{"S": "a"}, ":b": attributes{"S": "b"}, ":c": attributes{"S": "c"}, ":4": attributes{"N": "4"}, ":10": attributes{"N": "10"}}
	for text, want := range map[string]bool{
		"attribute_exists(id)": true, "attribute_exists(x)": false, "attribute_not_exists(x)": true, "attribute_not_exists(id)": false,
		"id = :b": true, "id = :a": false, "x = :a": false, "n <= :10": true, "n <= :4": false, "x <= :10": false,
		"n > :4": true, "n > :10": false, "x > :4": false,
		"id BETWEEN :a AND :c": true, "id BETWEEN :c AND :c": false, "begins_with(id, :b)": true, "begins_with(id, :a)": false,
		"id = :a OR n <= :10": true, "id = :b AND n <= :4": false, "id = :b OR (id = :a AND n <= :4)": true,
		"(id = :b OR id = :a) AND n <= :4": false, "id BETWEEN :a AND :c AND n <= :10": true,
	} {
		if got := evaluate(text, m, values); got != want {
			t.Errorf("evaluate(%q) = %v, want %v", text, got, want)
		}
	}
}
