package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// hidden is printed in place of every secret that is set.
const hidden = "••••"

// Secret is a setting that must never be shown. Printing, logging or encoding it
// gives dots, or an empty string if it is not set. Only [Secret.Reveal] returns
// the value. The value is behind a pointer because fmt does not call the methods
// of a value in an unexported field, but prints a pointer there as an address.
type Secret struct{ value *string }

// NewSecret returns a secret with the value s. If s is "", the secret is not set.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the value, "" if it is not set.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether the secret has a value.
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

// Format writes dots for every verb; it implements [fmt.Formatter].
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
