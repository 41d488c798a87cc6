package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what a set secret looks like wherever it is printed.
const hidden = "••••"

// Secret is a setting that must never be shown. However it is printed, logged
// or encoded, it comes out as dots, or as nothing when it is not set; only
// [Secret.Reveal] gives it away. It is kept behind a pointer because fmt does
// not ask the methods of a value in somebody's unexported field.
type Secret struct{ value *string }

// NewSecret makes a secret of a text; "" makes one that is not set.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the secret itself, "" if it is not set.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a secret.
func (s Secret) IsSet() bool { return s.value != nil }

// String returns dots; it implements [fmt.Stringer].
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return hidden
}

// GoString returns dots; it implements [fmt.GoStringer].
func (s Secret) GoString() string { return fmt.Sprintf("config.Secret(%q)", s.String()) }

// Format writes dots whatever the verb; it implements [fmt.Formatter].
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text)
}

// LogValue returns dots; it implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns dots, for encoders and map keys.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns dots in quotes; it implements [json.Marshaler].
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }
