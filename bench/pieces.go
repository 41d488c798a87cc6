package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

// pieces measures the time and allocations of the parts of a request. The floor of
// each is the underlying operation of the library.
func (b *bench) pieces(ctx context.Context) error {
	if err := b.cursors(); err != nil {
		return err
	}
	if err := b.presign(ctx); err != nil {
		return err
	}
	return b.tokens(ctx)
}

// compare measures two functions and adds their times and allocations.
func (b *bench) compare(name string, ours, floor func()) {
	measure := func(f func()) testing.BenchmarkResult {
		return testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	o, f := measure(ours), measure(floor)
	b.add(name, "ns", float64(o.NsPerOp()), float64(f.NsPerOp()))
	b.add(name+", allocations", "", float64(o.AllocsPerOp()), float64(f.AllocsPerOp()))
}

func (b *bench) cursors() error {
	s, err := cursor.New(cursorKey, "")
	if err != nil {
		return err
	}
	query, position := []byte("list\x00"+account), []byte("63866880062#202311-00000000000000000000000000000000")
	text := s.Seal(query, position)
	block, err := aes.NewCipher([]byte(cursorKey))
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	nonce := make([]byte, gcm.NonceSize())
	sealed := gcm.Seal(nil, nonce, position, query)
	b.compare("cursor seal", func() { s.Seal(query, position) }, func() { gcm.Seal(nil, nonce, position, query) })
	b.compare("cursor open", func() { _, _ = s.Open(query, text) }, func() { _, _ = gcm.Open(nil, nonce, sealed, query) })
	return nil
}

func (b *bench) presign(ctx context.Context) error {
	bucket, err := s3media.Open(s3media.Options{Region: region, Bucket: "bucket", Credentials: credentials})
	if err != nil {
		return err
	}
	grant := media.Grant{ContentType: "audio/mpeg", Disposition: "attachment", CacheControl: "private", TTL: time.Minute}
	keys, err := credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	b.compare("presign", func() { _, _ = bucket.Presign(ctx, "recordings/a/202311/x", grant) }, func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://bucket.s3.us-east-1.amazonaws.com/recordings/a/202311/x", http.NoBody)
		if err == nil {
			_, _, _ = signer.PresignHTTP(ctx, keys, r, "UNSIGNED-PAYLOAD", "s3", region, time.Now())
		}
	})
	return nil
}

// tokens measures the verification of a token for each algorithm. The floor is the
// verification of the signature alone.
func (b *bench) tokens(ctx context.Context) error {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("content"))
	rsaSig, err := rsa.SignPKCS1v15(rand.Reader, rsaKey, 5, digest[:])
	if err != nil {
		return err
	}
	ecSig, err := ecdsa.SignASN1(rand.Reader, ecKey, digest[:])
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name, jwks string
		floor      func()
	}{
		{"HS256", jwks, func() { m := hmac.New(sha256.New, []byte(cursorKey)); m.Write(digest[:]); m.Sum(nil) }},
		{"RS256", rsaJWKS(rsaKey), func() { _ = rsa.VerifyPKCS1v15(&rsaKey.PublicKey, 5, digest[:], rsaSig) }},
		{"ES256", ecJWKS(ecKey), func() { ecdsa.VerifyASN1(&ecKey.PublicKey, digest[:], ecSig) }},
	} {
		keys, err := auth.ParseKeys([]byte(c.jwks))
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		token, err := auth.Sign([]byte(c.jwks), auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		v := auth.NewVerifier(keys, time.Now)
		if _, err := v.Verify(ctx, token); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		b.compare("token "+c.name, func() { _, _ = v.Verify(ctx, token) }, c.floor)
	}
	return nil
}

func number(n *big.Int, size int) string {
	return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, size)))
}

func set(key map[string]string) string {
	text, _ := json.Marshal(map[string]any{"keys": []any{key}}) // strings always encode
	return string(text)
}

func rsaJWKS(k *rsa.PrivateKey) string {
	const half = 128
	return set(map[string]string{
		"kty": "RSA", "kid": "r", "alg": "RS256", "e": "AQAB", "n": number(k.N, 2*half), "d": number(k.D, 2*half),
		"p": number(k.Primes[0], half), "q": number(k.Primes[1], half),
		"dp": number(k.Precomputed.Dp, half), "dq": number(k.Precomputed.Dq, half), "qi": number(k.Precomputed.Qinv, half),
	})
}

func ecJWKS(k *ecdsa.PrivateKey) string {
	const size = 32
	public, err := k.PublicKey.Bytes()
	if err != nil {
		return ""
	}
	private, err := k.Bytes()
	if err != nil {
		return ""
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return set(map[string]string{
		"kty": "EC", "kid": "e", "alg": "ES256", "crv": "P-256", "x": b64(public[1 : 1+size]), "y": b64(public[1+size:]), "d": b64(private),
	})
}
