package person

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/callrecordings/api/shared/job"
)

// Kind is the kind of job that a certificate is about.
type Kind string

// The kinds.
const (
	erasure Kind = "erasure"
	copied  Kind = "copy"
)

// Certificate states how many recordings of a person were found, and their outcomes. Times are
// RFC 3339 in UTC.
type Certificate struct {
	// Version is that of this format, 1.
	Version int    `json:"version"`
	Kind    Kind   `json:"kind"`
	Account string `json:"account_id"`
	Job     string `json:"job_id"`
	// Subject is the person.
	Subject Subject `json:"subject"`
	// Complete is false if the job was cancelled or has failed before it had worked on
	// every recording that was found.
	Complete  bool   `json:"complete"`
	Planned   string `json:"planned"`
	Confirmed string `json:"confirmed"`
	Finished  string `json:"finished"`
	// Found are the recordings of the plan. The others divide them: Done were erased or
	// copied, Held are on legal hold, Skipped had changed or gone, Failed could not be
	// worked on.
	Found   job.Totals `json:"found"`
	Done    job.Totals `json:"done"`
	Held    job.Totals `json:"held"`
	Skipped job.Totals `json:"skipped"`
	Failed  job.Totals `json:"failed"`
	// Holds are the holds that kept recordings, with the number of recordings. A recording
	// counts for the first job.MaxHolds of its holds.
	Holds map[string]int `json:"holds"`
	// Later are recordings that appeared after the plan was made, which were left alone.
	Later    job.Totals `json:"later"`
	LaterIDs []string   `json:"later_ids"`
	// List describes the list of all recordings of the plan.
	List List `json:"list"`
	// Remains names what stays.
	Remains []string `json:"remains"`
}

// List describes the file with one line of JSON for each recording.
type List struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Lines  int    `json:"lines"`
}

// Signed is a certificate with its signature.
type Signed struct {
	Certificate Certificate `json:"certificate"`
	Signature   Signature   `json:"signature"`
}

// Signature is an Ed25519 signature (RFC 8032) over the text of signedText.
type Signature struct {
	Algorithm string `json:"algorithm"`
	// PublicKey and Value are in base64url without padding. A verifier must get the
	// public key from the operator.
	PublicKey string `json:"public_key"`
	Value     string `json:"value"`
}

const algorithm = "Ed25519"

// Errors of Verify.
var (
	// ErrFormat means that a text is not a certificate of this version.
	ErrFormat = errors.New("not a certificate of version 1")
	// ErrOtherKey means that the certificate was signed with another key.
	ErrOtherKey = errors.New("the certificate was signed with another key")
	// ErrForged means that the certificate was changed after it was signed.
	ErrForged = errors.New("the signature does not match: the certificate was changed")
	// ErrOtherList means that the list is not the one of the certificate.
	ErrOtherList = errors.New("the list is not the one of the certificate")
)

// Signer signs certificates.
type Signer struct{ key ed25519.PrivateKey }

// keyInfo is the purpose of the key, for HKDF.
const keyInfo = "callrecordings person certificate ed25519 v1"

// NewSigner derives a key from the secret of the deployment by HKDF-SHA-256 (RFC 5869).
// The secret is CURSOR_KEY. The other keys that are derived from it have other purposes.
func NewSigner(secret string) (*Signer, error) {
	if secret == "" {
		return nil, errors.New("certificates need a secret")
	}
	seed, err := hkdf.Key(sha256.New, []byte(secret), nil, keyInfo, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive the key of certificates: %w", err)
	}
	return &Signer{ed25519.NewKeyFromSeed(seed)}, nil
}

// PublicKey returns the public key in base64url without padding.
func (s *Signer) PublicKey() string {
	public, _ := s.key.Public().(ed25519.PublicKey) // always
	return base64.RawURLEncoding.EncodeToString(public)
}

// Sign signs a certificate.
func (s *Signer) Sign(c Certificate) (Signed, error) {
	text, err := signedText(c)
	if err != nil {
		return Signed{}, err
	}
	return Signed{c, Signature{algorithm, s.PublicKey(), base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.key, text))}}, nil
}

// signedText returns the bytes that a signature covers: a prefix, and the certificate as
// compact JSON with its members in the order of [Certificate]. So a file that a program has
// indented or sorted still verifies.
func signedText(c Certificate) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a certificate: %w", err)
	}
	return append([]byte(keyInfo+"\n"), text...), nil
}

// Verify parses a signed certificate, and checks its signature with one of the public
// keys. Errors: ErrFormat, ErrOtherKey, ErrForged.
func Verify(text []byte, keys ...string) (Certificate, error) {
	var s Signed
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Certificate{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if d.More() || s.Certificate.Version != 1 || s.Signature.Algorithm != algorithm {
		return Certificate{}, ErrFormat
	}
	value, err := base64.RawURLEncoding.DecodeString(s.Signature.Value)
	if err != nil {
		return Certificate{}, fmt.Errorf("%w: the signature: %w", ErrFormat, err)
	}
	signed, err := signedText(s.Certificate)
	if err != nil {
		return Certificate{}, err
	}
	known := false
	for _, key := range keys {
		public, err := base64.RawURLEncoding.DecodeString(key)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return Certificate{}, fmt.Errorf("%w: the public key is not 32 bytes in base64url", ErrFormat)
		}
		if ed25519.Verify(public, signed, value) {
			return s.Certificate, nil
		}
		known = known || key == s.Signature.PublicKey
	}
	if !known {
		return Certificate{}, ErrOtherKey
	}
	return Certificate{}, ErrForged
}

// CheckList checks that a list is the one of the certificate. Errors: ErrOtherList, and
// those of list.
func (c *Certificate) CheckList(list io.Reader) error {
	sum := sha256.New()
	n, err := io.Copy(sum, list)
	if err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	if n != c.List.Bytes || hex.EncodeToString(sum.Sum(nil)) != c.List.SHA256 {
		return ErrOtherList
	}
	return nil
}
