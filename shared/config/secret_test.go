package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-7f3a"

// A secret is never printed, encoded or logged: not by itself, not inside settings, and
// not in an unexported field, where fmt cannot call its methods.
func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	s := NewSecret(canary)
	settings := Settings{TokenKeys: s, CursorKey: s, CursorKeyPrevious: s, SecretAccessKey: s, SessionToken: s}
	private := struct{ s Secret }{s}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("settings", slog.Any("secret", s), slog.Any("settings", settings), slog.Any("private", private), slog.Any("pointer", &s))
	}
	texts := map[string]string{"log": log.String(), "error": errors.Join(fmt.Errorf("%v", s), fmt.Errorf("%s", settings.TokenKeys)).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10.3v", "%T"} {
		texts[verb] = fmt.Sprintf(strings.Repeat(verb+" ", 6), s, &s, settings, []Secret{s}, map[Secret]Secret{s: s}, private)
	}
	for name, v := range map[string]any{"json": s, "json of settings": settings, "json of a map": map[Secret]any{s: s}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		texts[name] = string(b)
	}
	for name, text := range texts {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) || strings.Contains(text, fmt.Sprintf("%X", canary)) {
			t.Errorf("%s shows the secret: %s", name, text)
		}
	}
	if got := s.Reveal(); got != canary {
		t.Errorf("Reveal() = %q, want %q", got, canary)
	}
}

func TestUnsetSecret(t *testing.T) {
	t.Parallel()
	for _, s := range []Secret{{}, NewSecret("")} {
		if s.IsSet() || s.Reveal() != "" || fmt.Sprint(s) != "" || fmt.Sprintf("%#v", s) != `config.Secret("")` {
			t.Errorf("an unset secret = %t, %q, %#v", s.IsSet(), s.Reveal(), s)
		}
	}
	if s := NewSecret("x"); !s.IsSet() || s.String() != hidden || s.LogValue().String() != hidden {
		t.Errorf("a set secret prints as %q", s.String())
	}
}
