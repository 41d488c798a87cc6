package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// licenseID identifies the terms in LICENSE (SPDX, annex D). The API's definition names it, too.
const licenseID = "LicenseRef-Proprietary"

// license adds the license of the program to its bill of materials at path. The tool that
// writes it does not look for one.
func license(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var bill map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&bill); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	metadata, _ := bill["metadata"].(map[string]any)
	program, ok := metadata["component"].(map[string]any)
	if !ok {
		return fmt.Errorf("%s: the bill of materials does not name its program", path)
	}
	program["licenses"] = []map[string]string{{"expression": licenseID}}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(bill); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644) //nolint:gosec // for everyone
}
