package price_test

import (
	"testing"

	"github.com/callrecordings/api/shared/price"
)

func TestAmounts(t *testing.T) {
	t.Parallel()
	p, err := price.Parse([]byte(`{"currency":"EUR","recording":"0.001","hour":0.02,"gigabyte_month":"0.03","gigabyte_download":"0.1"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, got, want string }{
		{"usage", p.Usage(1000, 7200, 2_000_000_000), "1.1000"},
		{"no usage", p.Usage(0, 0, 0), "0.0000"},
		{"storage", p.Storage(1_500_000_000), "0.0450"},
		{"rounded", p.Storage(1_666_667), "0.0001"},
		{"more than a float can hold exactly", p.Storage(9_007_199_254_740_993), "270215.9776"},
		{"a file", p.File(3_000_000_000, 7), "0.3210"},
		{"no price for downloads", (&price.Prices{Gigabyte: "30"}).File(1_000_000_000, 1), "1.0000"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestBadPrices(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "[]", `{"hour":"-1"}`, `{"recording":"cheap"}`, `{"gigabyte_month":true}`, `{"gigabyte_download":"1e"}`, `{"currency":1}`,
	} {
		if p, err := price.Parse([]byte(text)); err == nil {
			t.Errorf("%s: %+v", text, p)
		}
	}
}
