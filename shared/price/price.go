// Package price reads the prices of an operator, and works out what recordings cost. Amounts
// are exact until they are rounded to 4 decimals.
package price

import (
	"encoding/json"
	"fmt"
	"math/big"
)

// decimals is the number of decimals of an amount.
const decimals = 4

// Prices are the prices of an operator, as decimal numbers; "" counts as 0. A gigabyte has
// 10^9 bytes.
type Prices struct {
	Currency string `json:"currency"`
	// Recording and Hour are for a recording and an hour of it, once.
	Recording json.Number `json:"recording"`
	Hour      json.Number `json:"hour"`
	// Gigabyte is for a gigabyte that is stored for a month.
	Gigabyte json.Number `json:"gigabyte_month"`
	// Download is for a gigabyte that clients download.
	Download json.Number `json:"gigabyte_download"`
}

// Parse reads prices from JSON.
func Parse(text []byte) (*Prices, error) {
	p := new(Prices)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, err
	}
	for _, n := range []json.Number{p.Recording, p.Hour, p.Gigabyte, p.Download} {
		if _, err := rat(n); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// rat returns a price as an exact number.
func rat(n json.Number) (*big.Rat, error) {
	if n == "" {
		return new(big.Rat), nil
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || r.Sign() < 0 {
		return nil, fmt.Errorf("%q is not a price", n)
	}
	return r, nil
}

// gigabyte is the number of bytes of a gigabyte.
const gigabyte = 1_000_000_000

// times returns price × amount / unit; 0 for a price that Parse would refuse.
func times(n json.Number, amount, unit int64) *big.Rat {
	r, err := rat(n)
	if err != nil {
		return new(big.Rat)
	}
	return r.Mul(r, big.NewRat(amount, unit))
}

// Usage returns the cost of recordings of that many seconds in a month, and of storing
// bytes in it.
func (p *Prices) Usage(recordings, seconds, bytes int64) string {
	sum := times(p.Recording, recordings, 1)
	sum.Add(sum, times(p.Hour, seconds, 3600))
	return sum.Add(sum, times(p.Gigabyte, bytes, gigabyte)).FloatString(decimals)
}

// Storage returns the cost of storing bytes for a month.
func (p *Prices) Storage(bytes int64) string {
	return times(p.Gigabyte, bytes, gigabyte).FloatString(decimals)
}

// daysOfMonth is the number of days of a month, for prices.
const daysOfMonth = 30

// File returns the cost of a file that is stored for some days and downloaded once.
func (p *Prices) File(bytes, days int64) string {
	sum := times(p.Gigabyte, bytes, gigabyte)
	sum.Mul(sum, big.NewRat(days, daysOfMonth))
	return sum.Add(sum, times(p.Download, bytes, gigabyte)).FloatString(decimals)
}
