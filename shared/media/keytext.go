package media

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// KeyText returns the form of a key for errors and logs. The name of a file in an
// inbox usually contains phone numbers, so everything after the account becomes
// "#" and 16 hex digits of the whole key's SHA-256: "inbox/A/#5e8a…". The keys of
// this service's own objects, recordings/{account}/{month}/{id}, stay unchanged.
// To find the object, compare the digits with "printf %s KEY | sha256sum".
func KeyText(key string) string {
	head, rest := key, ""
	for i, slashes := 0, depth(key); i < len(key); i++ {
		if key[i] == '/' {
			if slashes--; slashes == 0 {
				head, rest = key[:i+1], key[i+1:]
				break
			}
		}
	}
	switch {
	case head == key && !strings.HasSuffix(key, "/"):
		head = ""
	case rest == "", isOwn(rest) && !strings.Contains(head, inbox):
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return head + "#" + hex.EncodeToString(sum[:8])
}

// inbox is the segment of keys that PBXs choose.
const inbox = "inbox/"

// depth returns the number of segments up to the account.
func depth(key string) int {
	if strings.HasPrefix(key, "set-aside/"+inbox) {
		return 3
	}
	return 2
}

// isOwn reports whether the part of a key after the account is a month and an ID.
func isOwn(rest string) bool {
	month, id, ok := strings.Cut(rest, "/")
	if !ok || len(month) != 6 || strings.Trim(month, "0123456789") != "" || !strings.HasPrefix(id, month+"-") {
		return false
	}
	return !strings.ContainsFunc(id, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune("-_.~@", c)
	})
}
