package auth

import (
	"bytes"
	"crypto/rand"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestVerifyAcceptsSignedTokens(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]jwk{
		"HS256":                   {octKey()},
		"RS256":                   {rsaKey()},
		"ES256":                   {ecKey()},
		"no kid":                  {octKey().with(func(j *jwk) { j.Kid = "" })},
		"after a public key":      {rsaKey().public(), ecKey()},
		"after an encryption key": {octKey().with(func(j *jwk) { j.Use = "enc" }), rsaKey()},
	} {
		for _, want := range []Bearer{
			{Account: account, Expires: now.Add(time.Hour)},
			{Account: account, Owner: owner, Subject: owner, Expires: now.Add(time.Second)},
		} {
			token, err := Sign(jwksOf(keys...), Claims{Account: want.Account, Owner: want.Owner, Expires: want.Expires})
			if err != nil {
				t.Errorf("%s: Sign: %v", name, err)
				continue
			}
			got, err := NewVerifier(keysOf(t, keys...), clock).Verify(t.Context(), token)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: Verify(Sign(%+v)) = %+v, %v", name, want, got, err)
			}
		}
	}
}

func TestSignRejects(t *testing.T) {
	t.Parallel()
	good := Claims{Account: account, Expires: now}
	for name, tt := range map[string]struct {
		claims Claims
		keys   []jwk
		want   string
	}{
		"no account":        {Claims{Expires: now}, []jwk{octKey()}, `account ""`},
		"account of dots":   {Claims{Account: "..", Expires: now}, []jwk{octKey()}, `account ".."`},
		"owner with spaces": {Claims{Account: account, Owner: "a b", Expires: now}, []jwk{octKey()}, `owner "a b"`},
		"no expiry":         {Claims{Account: account}, []jwk{octKey()}, "expiry"},
		"only public":       {good, []jwk{rsaKey().public(), ecKey().public()}, "no key that can sign"},
		"no keys":           {good, nil, "no keys"},
		"weak":              {good, []jwk{octKey().with(func(j *jwk) { j.K = b64([]byte("short")) })}, "key 0: k has 5 bytes"},
		"RSA without p":     {good, []jwk{rsaKey().with(func(j *jwk) { j.P = "" })}, "p is missing"},
		"RSA of another d":  {good, []jwk{rsaKey().with(func(j *jwk) { j.D = j.P })}, "do not belong"},
		"EC of another d":   {good, []jwk{ecKey().with(func(j *jwk) { j.D = b64(bytes.Repeat([]byte{7}, 32)) })}, "does not belong"},
		"EC short d":        {good, []jwk{ecKey().with(func(j *jwk) { j.D = b64([]byte{7}) })}, "does not belong"},
		"EC d not base64":   {good, []jwk{ecKey().with(func(j *jwk) { j.D = "!" })}, "d is not base64url"},
	} {
		_, err := Sign(jwksOf(tt.keys...), tt.claims)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Sign = %v, want an error with %q", name, err, tt.want)
			continue
		}
		checkHidden(t, err, tt.keys)
	}
}

func TestNewKeys(t *testing.T) {
	t.Parallel()
	set, err := NewKeys(rand.Reader, "demo")
	if err != nil {
		t.Fatalf("NewKeys: %v", err)
	}
	token, err := Sign(set, Claims{Account: account, Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	keys, err := ParseKeys(set)
	if err != nil {
		t.Fatalf("ParseKeys: %v", err)
	}
	if _, err := NewVerifier(keys, clock).Verify(t.Context(), token); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if other, err := NewKeys(rand.Reader, "demo"); err != nil || bytes.Equal(other, set) {
		t.Errorf("NewKeys = %s, %v, want a different key each time", other, err)
	}
	broken := errors.New("no randomness")
	if _, err := NewKeys(iotest.ErrReader(broken), "demo"); !errors.Is(err, broken) {
		t.Errorf("NewKeys = %v, want %v", err, broken)
	}
}
