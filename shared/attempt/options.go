package attempt

import (
	"errors"
	"fmt"
	"net/url"
)

// Require returns an error that names a required option unless it is set.
func Require(name string, set bool) error {
	if set {
		return nil
	}
	return errors.New(name + " is required")
}

// CheckURL returns an error that names an option unless its value is "" or an
// absolute http or https URL.
func CheckURL(name, value string) error {
	if value == "" {
		return nil
	}
	if u, err := url.Parse(value); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("the %s is not an http or https URL", name)
	}
	return nil
}
