package api

// isAbsent reports whether a parameter's value says nothing: interfaces send
// "undefined" and "null" for what they do not have.
func isAbsent(value string) bool { return value == "" || value == "undefined" || value == "null" }
