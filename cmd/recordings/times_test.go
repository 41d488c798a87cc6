package main

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "12h": 12 * time.Hour, "30d": 720 * time.Hour, "2w": 336 * time.Hour,
		"1d12h": 36 * time.Hour, "1w1d1h": 193 * time.Hour, "0.5d": 12 * time.Hour, "1ns": 1, "0s": 0,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "30", "30y", "-1d", "1d-1h", "1h1d", "1d1w", "99999999d", "NaNd", "1e9d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("parseDuration(%q) = %s, want an error", text, got)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 2, 7, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31T09:30:00Z": time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC),
		"7d":                   time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		"90m":                  time.Date(2026, 2, 7, 10, 30, 0, 0, time.UTC),
		"1769851800":           time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC),
	} {
		if got, err := parseTime(text, now); err != nil || got != recording.SecondsOf(want) {
			t.Errorf("parseTime(%q) = %s, %v, want %s", text, got.Time(), err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "0d", "-7d", "2026-13-01"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("parseTime(%q) = %s, want an error", text, got.Time())
		}
	}
}
