package httpfield

import "strings"

// AcceptsGzip reports whether Accept-Encoding permits gzip (RFC 9110, 12.5.3):
// gzip, x-gzip or * has a weight above 0 and not below that of identity.
func AcceptsGzip(values []string) bool {
	zip, star, identity := -1.0, -1.0, -1.0
	for element := range Elements(strings.Join(values, ","), ',') {
		coding, weight, ok := parseCoding(element)
		if !ok {
			continue
		}
		switch coding {
		case "gzip", "x-gzip":
			zip = weight
		case "*":
			star = weight
		case "identity":
			identity = weight
		}
	}
	if zip < 0 {
		zip = star
	}
	return zip > 0 && zip >= identity
}

// parseCoding parses an element such as "gzip;q=0.5".
func parseCoding(element string) (coding string, weight float64, ok bool) {
	coding, rest, weighted := strings.Cut(element, ";")
	coding = strings.ToLower(strings.TrimSpace(coding))
	if !weighted {
		return coding, 1, true
	}
	name, value, _ := strings.Cut(rest, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return coding, 0, false
	}
	weight, ok = parseQuality(strings.TrimSpace(value))
	return coding, weight, ok
}
