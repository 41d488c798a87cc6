package recording

import (
	"path"
	"strings"
)

// The prefixes of keys in the bucket. The account follows, except in some keys of
// [SetAsideKey].
const (
	// AudioPrefix is that of audio that is served.
	AudioPrefix = "recordings/"
	// ImportedPrefix is that of audio that an import copied.
	ImportedPrefix = "imported/"
	// SetAsidePrefix is that of rejected audio.
	SetAsidePrefix = "set-aside/"
	// InboxPrefix is that of files that PBXs dropped.
	InboxPrefix = "inbox/"
	// ProbesPrefix is that of files with which Kazoo tests a storage setting.
	ProbesPrefix = "probes/"
	// ExportsPrefix is that of files that jobs make.
	ExportsPrefix = "exports/"
)

// variantMark separates the ID from a suffix that distinguishes two uploads for it. IDs do
// not contain it.
const variantMark = "~"

// ParseKey is the inverse of [AudioKey]. It also accepts keys with a suffix
// after "~" (of audio that was added with a chosen ID). It rejects everything
// that AudioKey does not return: "..", an escape, or a month other than the
// ID's.
func ParseKey(key string) (account, id string, ok bool) {
	rest, ok := strings.CutPrefix(key, AudioPrefix)
	if !ok {
		return "", "", false
	}
	account, rest, _ = strings.Cut(rest, "/")
	month, name, _ := strings.Cut(rest, "/")
	name, suffix, hasVariant := strings.Cut(name, variantMark)
	id, err := ParseID(name)
	if err != nil || month != id[:monthLen] || !isName(account) || hasVariant && strings.Trim(suffix, "0123456789abcdef") != "" {
		return "", "", false
	}
	return account, id, true
}

// ImportedKey returns the key of audio that an import copied. Unlike the keys
// of [AudioKey], these keys cause no notifications of the bucket. So the audio
// is not ingested again, and the document keeps its values
// (docs/adr/014-import.md).
func ImportedKey(account, id string) string {
	return ImportedPrefix + strings.TrimPrefix(AudioKey(account, id), AudioPrefix)
}

// SetAsideKey returns the key of the copy of rejected audio that arrived under
// key.
func SetAsideKey(key string) string { return SetAsidePrefix + strings.TrimPrefix(key, AudioPrefix) }

// InboxKey returns the key of a file in the inbox of an account. Without a name
// it is the prefix of the inbox, and without an account the prefix of all
// inboxes.
func InboxKey(account, name string) string {
	if account == "" {
		return InboxPrefix
	}
	return InboxPrefix + account + "/" + name
}

// ParseInboxKey is the inverse of [InboxKey] for a file. The name may be any
// text.
func ParseInboxKey(key string) (account, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, InboxPrefix)
	account, name, found := strings.Cut(rest, "/")
	if !ok || !found || name == "" || !isName(account) {
		return "", "", false
	}
	return account, name, true
}

// testFileSuffix is the suffix of the text file with which Kazoo tests a storage
// setting: it stores one and reads it back (kazoo.md 7.8).
const testFileSuffix = "_test_credentials_file.txt"

// IsTestFile reports whether a name or a key is that of a file with which Kazoo
// tests a storage setting.
func IsTestFile(name string) bool { return strings.HasSuffix(name, testFileSuffix) }

// TestFilePattern matches the names of Kazoo's test files in an IAM policy.
const TestFilePattern = "*" + testFileSuffix

// TestFileKey returns the key of a Kazoo test file that arrives over HTTP. ok is
// false for any other name. Only random hex digits precede the suffix of such a
// name.
func TestFileKey(account, name string) (key string, ok bool) {
	random, ok := strings.CutSuffix(path.Base(name), testFileSuffix)
	if !ok || random == "" || len(random) > 64 || strings.Trim(random, "0123456789abcdef") != "" || !isName(account) {
		return "", false
	}
	return ProbesPrefix + account + "/" + random, true
}

// Stem returns the name of a file, or a key, without its extension. Audio and
// its sidecar file have the same stem.
func Stem(name string) string {
	return strings.TrimRight(strings.TrimSuffix(name, path.Ext(name)), ".")
}

// SidecarKeys returns the possible keys of the sidecar file for the audio under key
// in an inbox. If several exist, the first takes precedence.
func SidecarKeys(key string) []string {
	stem := Stem(key)
	return []string{stem + ".json", stem + ".JSON"}
}

// isName reports whether s is a valid ID of an account or a user: 1 to 64 of
// [A-Za-z0-9_-] (contract, Routes).
func isName(s string) bool {
	const maxName = 64
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxName
}
