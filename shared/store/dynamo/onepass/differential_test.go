package onepass

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithy "github.com/aws/smithy-go"
)

// equal compares two outputs.
func equal(a, b smithy.Deserializable) bool { return reflect.DeepEqual(a, b) }

// compare decodes an answer to the i-th operation with this package, with and without
// rows, and with the SDK. What this package accepts, the SDK must accept, and the results
// must be equal. It returns whether this package accepts the answer.
func compare(t testing.TB, i int, body []byte) bool {
	t.Helper()
	op := operations[i]
	got, rows := op.output(), new(items)
	accepts := decode(t.Context(), body, got)
	if !accepts {
		if !equal(got, op.output()) {
			t.Errorf("%s: the SDK gets a filled output for %q", op.name, body)
		}
		return false
	}
	want := op.output()
	if err := theSDK.DeserializeResponse(context.Background(), op.schema, dynamodb.TypeRegistry, response(200, string(body), ""), want); err != nil {
		t.Errorf("%s: accepts %q, but the SDK says %v", op.name, body, err)
	}
	if !equal(got, want) {
		t.Errorf("%s of %q = %v, want %v", op.name, body, got, want)
	}
	if query, ok := want.(*dynamodb.QueryOutput); ok {
		streamed := new(dynamodb.QueryOutput)
		if !decode(WithRows(t.Context(), rows), body, streamed) || streamed.Items != nil {
			t.Errorf("%s with rows does not accept %q", op.name, body)
		}
		if len(rows.list) != len(query.Items) || len(rows.list) > 0 && !reflect.DeepEqual(rows.list, query.Items) {
			t.Errorf("%s of %q has the rows %v, want %v", op.name, body, rows.list, query.Items)
		}
	}
	return true
}

// generator writes answers of the usual form.
type generator struct {
	*rand.Rand
	b strings.Builder
}

func (g *generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

// text writes a JSON string.
func (g *generator) text() {
	g.b.WriteByte('"')
	for range g.IntN(6) {
		g.b.WriteString(g.pick("202311-abcdef", "x", "", `\"`, `\\`, `\/`, `\n`, `\u0001`, `\u00e4`, `\u20AC`, `\ud83d\ude00`, "ä", "€", "😀", "\x7f",
			"a longer text without any escapes in it", `{\"call_id\":\"1\",`, " ", ":", "{", "}"))
	}
	g.b.WriteByte('"')
}

// space writes white space now and then.
func (g *generator) space() {
	if g.IntN(20) == 0 {
		g.b.WriteString(g.pick(" ", "\n", "\t", "\r", "  "))
	}
}

// token writes text between white space.
func (g *generator) token(text string) {
	g.space()
	g.b.WriteString(text)
	g.space()
}

// list writes up to most values between brackets, separated by commas.
func (g *generator) list(brackets string, most int, value func(i int)) {
	g.token(brackets[:1])
	for i := range g.IntN(most + 1) {
		if i > 0 {
			g.token(",")
		}
		value(i)
	}
	g.token(brackets[1:])
}

func (g *generator) item() {
	g.list("{}", 5, func(int) {
		g.token(g.pick(`"a"`, `"id"`, `"c"`, `"o"`, `"doc"`, `"rev"`, `"mod"`, `"unknown"`, `""`, `"ä"`))
		g.token(":")
		g.token("{")
		switch g.IntN(6) {
		case 0:
			g.b.WriteString(`"N":"` + strconv.FormatInt(g.Int64(), 10) + `"`)
		case 1:
			g.b.WriteString(g.pick(`"BOOL":true`, `"BOOL":false`, `"NULL":true`, `"NULL": false`))
		default:
			g.b.WriteString(`"S":`)
			g.text()
		}
		g.token("}")
	})
}

func (g *generator) capacity() {
	g.b.WriteString(g.pick(`{"CapacityUnits":6.5,"TableName":"recordings"}`, `{"TableName":"t","CapacityUnits":1}`, `{}`, `{"CapacityUnits":0.5}`))
}

// answer returns an answer to the i-th operation.
func (g *generator) answer(i int) string {
	g.b.Reset()
	members := [3][]func(){
		{
			func() { g.token(`"Items":`); g.list("[]", 3, func(int) { g.item() }) },
			func() { g.token(`"Count":` + strconv.Itoa(g.IntN(2000))) },
			func() { g.token(`"ScannedCount":` + strconv.Itoa(g.IntN(999_999_999))) },
			func() { g.token(`"LastEvaluatedKey":`); g.item() },
			func() { g.token(`"ConsumedCapacity":`); g.capacity() },
		},
		{func() { g.token(`"Item":`); g.item() }, func() { g.token(`"ConsumedCapacity":`); g.capacity() }},
		{
			func() {
				g.token(`"Responses":`)
				g.list("{}", 2, func(n int) { g.token(`"t` + strconv.Itoa(n) + `":`); g.list("[]", 2, func(int) { g.item() }) })
			},
			func() { g.token(`"UnprocessedKeys":{}`) },
			func() { g.token(`"ConsumedCapacity":`); g.list("[]", 2, func(int) { g.capacity() }) },
		},
	}[i]
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	g.list("{}", len(members), func(n int) { members[n]() })
	return g.b.String()
}

// mutated returns an answer with a few changes.
func (g *generator) mutated(answer string) []byte {
	b := []byte(answer)
	for range 1 + g.IntN(3) {
		at := g.IntN(len(b) + 1)
		end := min(at+1+g.IntN(8), len(b))
		switch g.IntN(4) {
		case 0:
			b = append(b[:at:at], b[end:]...)
		case 1:
			b = append(b[:at:at], append([]byte(string(b[at:end])), b[at:]...)...)
		case 2:
			if at < len(b) {
				b[at] = byte(g.IntN(256))
			}
		default:
			piece := g.pick(`"`, `\`, `\u12`, `\ud83d`, `\ude00`, "{", "}", "[", "]", ",", ":", "null", "true", "0", "-1", "1e5", ".5", `"S":"x"`, `"B":"AA=="`, `"M":{}`,
				`"Items":[`, `"Count":1,`, "\xff", "\x00", "\x1f", " ", "é")
			b = append(b[:at:at], append([]byte(piece), b[at:]...)...)
		}
	}
	return b
}

// TestDifferential compares the package with the SDK on generated answers and on two
// mutants of each. ONEPASS_ANSWERS is the number of all, ONEPASS_SEED repeats a run.
func TestDifferential(t *testing.T) {
	t.Parallel()
	total, seed := 30_000, rand.Uint64()
	if text := os.Getenv("ONEPASS_ANSWERS"); text != "" {
		var err error
		if total, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("ONEPASS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	count, mutants := 0, 0
	for n := 0; n < total && !t.Failed(); n += 3 {
		i := g.IntN(len(operations))
		answer := g.answer(i)
		if !compare(t, i, []byte(answer)) {
			t.Errorf("%s: an answer of the usual form is left to the SDK: %q", operations[i].name, answer)
		}
		count++
		for range 2 {
			if compare(t, i, g.mutated(answer)) {
				mutants++
			}
		}
	}
	summary := fmt.Sprintf("%d answers and %d mutants, of which %d were accepted; ONEPASS_SEED=%d", count, 2*count, mutants, seed)
	if t.Failed() || mutants == 0 {
		t.Error(summary)
	}
	t.Log(summary)
}

func FuzzDecode(f *testing.F) {
	for i := range operations {
		for _, body := range append(accepted[i], rejected[i]...) {
			f.Add(byte(i), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, operation byte, body []byte) {
		compare(t, int(operation)%len(operations), body)
	})
}
