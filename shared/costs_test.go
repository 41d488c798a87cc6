package shared_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// costPage works out what the service costs.
const costPage = "docs/reference/cost.md"

var (
	// amount matches a cell that is an amount of money, and boldAmount one that is a sum or
	// a result.
	amount     = regexp.MustCompile(`^\**\$?([\d,]+\.\d+)\**$`)
	boldAmount = regexp.MustCompile(`\*\*\$?([\d,]+\.\d+)\*\*`)
	// product matches factors and a price, such as "1.5 M units × $0.125" or
	// "60,000 × $4.26 / 1 M". "M" is left out where the price is that of a million.
	product = regexp.MustCompile(`((?:[\d,.]+(?: [A-Za-z-]+)* × )+)\$([\d.]+)(?: / ([\d,]+)( M)?)?`)
	factor  = regexp.MustCompile(`([\d,.]+)(?: [A-Za-z-]+)* × `)
)

// money parses a number with commas between thousands.
func money(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// tables returns the rows of the tables of a page, without their heads, as cells.
func tables(page string) (all [][][]string) {
	open := false
	for line := range strings.Lines(fenced.ReplaceAllString(page, "")) {
		switch text := strings.TrimSpace(line); {
		case !strings.HasPrefix(text, "|"):
			open = false
		case strings.HasPrefix(text, "|---"):
			all, open = append(all, nil), true
		case open:
			var cells []string
			for _, c := range strings.Split(strings.Trim(text, "|"), "|") {
				cells = append(cells, strings.TrimSpace(c))
			}
			all[len(all)-1] = append(all[len(all)-1], cells)
		}
	}
	return all
}

// isSum reports whether a row has the sums of the rows above it.
func isSum(row []string) bool {
	return (row[0] == "" || row[0] == "**Sum**") && boldAmount.MatchString(row[len(row)-1])
}

// products returns the sum of the products in the text of a row. ok is false without any.
func products(t *testing.T, text string) (sum float64, ok bool) {
	t.Helper()
	for _, m := range product.FindAllStringSubmatch(text, -1) {
		n := money(t, m[2])
		for _, f := range factor.FindAllStringSubmatch(m[1], -1) {
			n *= money(t, f[1])
		}
		if m[4] != "" {
			n /= 1e6
		}
		if m[3] != "" {
			n /= money(t, m[3])
		}
		sum += n
	}
	return sum, sum != 0
}

// misfits returns what does not add up on a page: sums of columns, and products in rows. Each
// amount is rounded, so it may be off by half of its last digit.
func misfits(t *testing.T, page string) (wrong []string) {
	t.Helper()
	for _, rows := range tables(page) {
		sums := map[int]float64{}
		for i, row := range rows {
			text := strings.Join(row, " | ")
			for column, cell := range row {
				m := amount.FindStringSubmatch(cell)
				if m == nil {
					continue
				}
				want, got := sums[column], money(t, m[1])
				half := math.Pow10(-len(m[1][strings.Index(m[1], ".")+1:]))/2 + 1e-6
				if isSum(row) {
					if math.Abs(got-want) > half*float64(i+1) {
						wrong = append(wrong, "the rows above make "+strconv.FormatFloat(want, 'f', 2, 64)+": "+text)
					}
					continue
				}
				sums[column] += got
				if made, ok := products(t, text); ok && math.Abs(got-made) > half {
					wrong = append(wrong, "the product is "+strconv.FormatFloat(made, 'f', -1, 64)+": "+text)
				}
			}
		}
	}
	return wrong
}

// resultsOf returns the amounts in the sum rows of a page.
func resultsOf(page string) map[string]bool {
	results := map[string]bool{}
	for _, rows := range tables(page) {
		for _, row := range rows {
			if !isSum(row) {
				continue
			}
			for _, m := range boldAmount.FindAllStringSubmatch(strings.Join(row, "|"), -1) {
				results[m[1]] = true
			}
		}
	}
	return results
}

// The tables of the page add up, and the table at its top has their results.
func TestCostsAddUp(t *testing.T) {
	t.Parallel()
	page := source(t, costPage)
	for _, w := range misfits(t, page) {
		t.Errorf("%s: %s", costPage, w)
	}
	results := resultsOf(page)
	if len(results) < 10 {
		t.Errorf("%s has %d sums; the test expects more", costPage, len(results))
	}
	for _, row := range tables(page)[0] {
		if m := boldAmount.FindStringSubmatch(row[1]); m != nil && !results[m[1]] {
			t.Errorf("%s: no table has the sum %s: %s", costPage, m[1], row[0])
		}
	}
}

// The example uses the prices that the rest of the page works out.
func TestExampleOfCostsUsesThePrices(t *testing.T) {
	t.Parallel()
	page := source(t, costPage)
	_, after, ok := strings.Cut(page, "## An example\n")
	example, rest, found := strings.Cut(after, "\n## ")
	if !ok || !found {
		t.Fatalf("%s has no example", costPage)
	}
	results := resultsOf(rest)
	for _, row := range tables(example)[0] {
		last := row[len(row)-1]
		prices := product.FindAllStringSubmatch(row[1], -1)
		for _, m := range prices {
			if !strings.Contains(rest, m[2]) {
				t.Errorf("%s does not work out $%s: %s", costPage, m[2], row[0])
			}
		}
		if len(prices) == 0 && !isSum(row) && !results[last] {
			t.Errorf("%s: no table has the sum %s: %s", costPage, last, row[0])
		}
	}
}

// The check does find faults.
func TestWrongCostsAreFound(t *testing.T) {
	t.Parallel()
	page := "| | | |\n|---|---|---|\n| a | 3 M × $0.625 | 1.88 |\n| b | 60,000 × $4.26 / 1 M, and 2 GB × $0.10 of storage | %s |\n| | | **%s** |\n"
	for _, tt := range []struct {
		row, sum string
		want     int
	}{
		{"0.46", "2.34", 0},
		{"0.46", "2.35", 0}, // the rows are rounded
		{"0.46", "2.36", 1},
		{"0.47", "2.35", 1},
	} {
		text := strings.Replace(strings.Replace(page, "%s", tt.row, 1), "%s", tt.sum, 1)
		if got := misfits(t, text); len(got) != tt.want {
			t.Errorf("with %s and %s: %q, want %d faults", tt.row, tt.sum, got, tt.want)
		}
	}
}
