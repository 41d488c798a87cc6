package stack

import (
	"bytes"
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"
)

// Streaming lists the resources of the functions that answer with audio.
var Streaming = []string{"GetFunction", "ShareFunction"}

const (
	// streamingMode is SAM's name for the response transfer mode STREAM of an integration.
	// SAM compares it as text: it must not be an intrinsic function, so that no parameter
	// and no condition of the template can choose it.
	streamingMode = "RESPONSE_STREAM"
	// streamingTimeout is the longest time in seconds that a function runs, and
	// integrationTimeout the longest in milliseconds that an integration streams. Without
	// the latter, API Gateway ends a stream after 29 s.
	streamingTimeout   = "900"
	integrationTimeout = "900000"
	// streamDelivery makes the functions answer in the format of a stream, as the value of
	// the parameter MediaDelivery.
	streamDelivery = "stream"
)

// Stream returns the template with two changes: the integrations of the functions in
// [Streaming] stream their responses, and MediaDelivery may be stream. Both belong together, because
// API Gateway cannot read the format of a stream from an integration that does not stream.
// A template that streams already comes back with the same content.
func Stream(template []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(template, &doc); err != nil {
		return nil, err
	}
	root := &doc
	if root.Kind == yaml.DocumentNode {
		root = root.Content[0]
	}
	values := member(root, "Parameters", "MediaDelivery", "AllowedValues")
	if values == nil {
		return nil, errors.New("the template has no list of values of MediaDelivery")
	}
	if !has(values, streamDelivery) {
		values.Content = append(values.Content, text(streamDelivery))
	}
	for _, name := range Streaming {
		properties := member(root, "Resources", name, "Properties")
		events := member(properties, "Events")
		if events == nil {
			return nil, fmt.Errorf("the template has no events of %s", name)
		}
		put(properties, "Timeout", number(streamingTimeout))
		for i := 1; i < len(events.Content); i += 2 {
			event := events.Content[i]
			if kind := member(event, "Type"); kind == nil || kind.Value != "Api" {
				return nil, fmt.Errorf("the event %s of %s is not of the type Api, and cannot be streamed to", events.Content[i-1].Value, name)
			}
			put(member(event, "Properties"), "ResponseTransferMode", text(streamingMode))
			put(member(event, "Properties"), "TimeoutInMillis", number(integrationTimeout))
		}
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// member returns the value at a path of keys in mappings, nil if it does not exist.
func member(node *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if node = value(node, key); node == nil {
			return nil
		}
	}
	return node
}

// value returns the value of a key in a mapping, nil if it does not exist.
func value(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// put sets the value of a key in a mapping.
func put(node *yaml.Node, key string, to *yaml.Node) {
	if old := value(node, key); old != nil {
		*old = *to
		return
	}
	node.Content = append(node.Content, text(key), to)
}

// has reports whether a list has a text.
func has(list *yaml.Node, wanted string) bool {
	for _, item := range list.Content {
		if item.Value == wanted {
			return true
		}
	}
	return false
}

// number returns the node of a whole number.
func number(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: s} }

// text returns the node of a text.
func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }
