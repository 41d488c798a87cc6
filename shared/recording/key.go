package recording

import (
	"path"
	"strings"
)

const (
	// keyPrefix begins the keys of audio that is served, importedPrefix those of
	// what an import has brought, asidePrefix those of what was set aside because
	// it cannot be served, inboxPrefix those of what others drop in.
	keyPrefix      = "recordings/"
	importedPrefix = "imported/"
	asidePrefix    = "set-aside/"
	inboxPrefix    = "inbox/"
	// variant parts the id from what tells two uploads for it apart. No id has
	// it.
	variant = "~"
)

// ParseKey is the inverse of [AudioKey], also for keys that go on behind a "~"
// (of audio that was added under a chosen id). It takes nothing but what
// AudioKey gives: neither "..", nor an escape, nor another month than the id's.
func ParseKey(key string) (account, id string, ok bool) {
	rest, ok := strings.CutPrefix(key, keyPrefix)
	if !ok {
		return "", "", false
	}
	account, rest, _ = strings.Cut(rest, "/")
	month, name, _ := strings.Cut(rest, "/")
	name, mark, varied := strings.Cut(name, variant)
	id, err := ParseID(name)
	if err != nil || month != id[:monthLen] || !isName(account) || varied && strings.Trim(mark, "0123456789abcdef") != "" {
		return "", "", false
	}
	return account, id, true
}

// ImportedKey is where the audio of a recording lies that an import has brought.
// The bucket tells nobody of it, as it does of what lies under the keys of
// [AudioKey]: nobody looks at it again, and the document stays as it was
// (docs/adr/014-import.md).
func ImportedKey(account, id string) string {
	return importedPrefix + strings.TrimPrefix(AudioKey(account, id), keyPrefix)
}

// AsideKey is where audio lies that came under key and cannot be served.
func AsideKey(key string) string { return asidePrefix + strings.TrimPrefix(key, keyPrefix) }

// InboxKey is where the inbox of an account has a file of that name; "" for the
// name is what all its keys begin with, and "" for both those of all inboxes.
func InboxKey(account, name string) string {
	if account == "" {
		return inboxPrefix
	}
	return inboxPrefix + account + "/" + name
}

// ParseInboxKey is the inverse of [InboxKey] for a file. The name is any text.
func ParseInboxKey(key string) (account, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, inboxPrefix)
	account, name, found := strings.Cut(rest, "/")
	if !ok || !found || name == "" || !isName(account) {
		return "", "", false
	}
	return account, name, true
}

// probeSuffix ends the name of the text file with which Kazoo tests a storage
// setting: it puts one and reads it back (kazoo.md 7.8).
const probeSuffix = "_test_credentials_file.txt"

// IsProbe reports whether a name, or a key, is that of the file with which Kazoo
// tests a storage setting.
func IsProbe(name string) bool { return strings.HasSuffix(name, probeSuffix) }

// ProbePattern is what the names of such files look like in a policy of IAM.
const ProbePattern = "*" + probeSuffix

// ProbeKey is where such a file lies that came over HTTP; false for what is
// none. Its name has random hex digits in front, and nothing else.
func ProbeKey(account, name string) (string, bool) {
	random, ok := strings.CutSuffix(path.Base(name), probeSuffix)
	if !ok || random == "" || len(random) > 64 || strings.Trim(random, "0123456789abcdef") != "" || !isName(account) {
		return "", false
	}
	return "probes/" + account + "/" + random, true
}

// Stem is the name of a file, or a key, without its extension: what audio and
// the metadata beside it have in common.
func Stem(name string) string {
	return strings.TrimRight(strings.TrimSuffix(name, path.Ext(name)), ".")
}

// BesideKey is where metadata lie beside the audio under key in an inbox.
func BesideKey(key string) string { return Stem(key) + ".json" }

// isName reports whether s can be the id of an account or of a user
// (contract, Routes): 1 to 64 of [A-Za-z0-9_-].
func isName(s string) bool {
	const most = 64
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= most
}
