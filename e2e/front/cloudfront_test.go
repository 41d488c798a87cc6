package front

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// The IDs of the managed policies in front/cloudfront.yaml.
const (
	cachingDisabled           = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	allViewer                 = "216adef6-5c7f-47e4-b989-5492eafa07d3"
	allViewerExceptHostHeader = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
)

// behavior is a CloudFront cache behavior.
type behavior struct {
	PathPattern           string        `yaml:"PathPattern"`
	TargetOriginID        string        `yaml:"TargetOriginId"`
	ViewerProtocolPolicy  string        `yaml:"ViewerProtocolPolicy"`
	AllowedMethods        []string      `yaml:"AllowedMethods"`
	Compress              *bool         `yaml:"Compress"`
	CachePolicyID         string        `yaml:"CachePolicyId"`
	OriginRequestPolicyID string        `yaml:"OriginRequestPolicyId"`
	FunctionAssociations  []association `yaml:"FunctionAssociations"`
}

// association makes CloudFront call a function for the requests of a behavior.
type association struct {
	EventType   string `yaml:"EventType"`
	FunctionARN string `yaml:"FunctionARN"`
}

// distribution is the part of front/cloudfront.yaml that the test checks.
type distribution struct {
	Resources struct {
		MisspelledFunction struct {
			Properties struct {
				AutoPublish    bool   `yaml:"AutoPublish"`
				FunctionCode   string `yaml:"FunctionCode"`
				FunctionConfig struct {
					Runtime string `yaml:"Runtime"`
				} `yaml:"FunctionConfig"`
			} `yaml:"Properties"`
		} `yaml:"MisspelledFunction"`
		Distribution struct {
			Properties struct {
				DistributionConfig struct {
					CacheBehaviors       []behavior `yaml:"CacheBehaviors"`
					DefaultCacheBehavior behavior   `yaml:"DefaultCacheBehavior"`
					CustomErrorResponses []struct {
						ErrorCode          int  `yaml:"ErrorCode"`
						ErrorCachingMinTTL *int `yaml:"ErrorCachingMinTTL"`
					} `yaml:"CustomErrorResponses"`
				} `yaml:"DistributionConfig"`
			} `yaml:"Properties"`
		} `yaml:"Distribution"`
	} `yaml:"Resources"`
}

// readTemplate reads front/cloudfront.yaml.
func readTemplate(t *testing.T) *distribution {
	t.Helper()
	text, err := os.ReadFile("../../front/cloudfront.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := &distribution{}
	if err := yaml.Unmarshal(text, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// function returns the code of the function.
func (d *distribution) function() string {
	return d.Resources.MisspelledFunction.Properties.FunctionCode
}

// toRecordings reports whether CloudFront sends path to the recordings service.
func (d *distribution) toRecordings(path string) bool {
	return slices.ContainsFunc(d.Resources.Distribution.Properties.DistributionConfig.CacheBehaviors, func(b behavior) bool {
		return matches(b.PathPattern, path)
	})
}

func TestCloudFront(t *testing.T) {
	d := readTemplate(t)
	config := d.Resources.Distribution.Properties.DistributionConfig
	off := false
	all := []string{"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}
	kazoo := behavior{
		TargetOriginID: "kazoo", ViewerProtocolPolicy: "https-only", AllowedMethods: all, Compress: &off,
		CachePolicyID: cachingDisabled, OriginRequestPolicyID: allViewer,
		FunctionAssociations: []association{{"viewer-request", "MisspelledFunction.FunctionARN"}},
	}
	if diff := cmp.Diff(kazoo, config.DefaultCacheBehavior); diff != "" {
		t.Errorf("the default behavior (-want +got):\n%s", diff)
	}
	for _, b := range config.CacheBehaviors {
		recordings := kazoo
		recordings.PathPattern, recordings.TargetOriginID, recordings.OriginRequestPolicyID = b.PathPattern, "recordings", allViewerExceptHostHeader
		recordings.FunctionAssociations = nil // the service itself answers misspelled paths
		if diff := cmp.Diff(recordings, b); diff != "" {
			t.Errorf("the behavior of %s (-want +got):\n%s", b.PathPattern, diff)
		}
	}
	for _, r := range rule {
		path, _, _ := strings.Cut(r.target, "?")
		got := d.toRecordings(path)
		if want := r.recordings || r.spans; got != want {
			t.Errorf("%s goes to recordings: %v, want %v", r.target, got, want)
		}
	}
	// CloudFront accepts at most 10 KB of code
	// (docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html).
	f := d.Resources.MisspelledFunction.Properties
	if n := len(f.FunctionCode); n == 0 || n > 10<<10 || !f.AutoPublish || f.FunctionConfig.Runtime != "cloudfront-js-2.0" {
		t.Errorf("the function has %d bytes of code, published: %v, runtime %s", n, f.AutoPublish, f.FunctionConfig.Runtime)
	}
	// CloudFront would cache an error with one of these statuses and serve it to
	// all clients.
	var never []int
	for _, e := range config.CustomErrorResponses {
		if e.ErrorCachingMinTTL != nil && *e.ErrorCachingMinTTL == 0 {
			never = append(never, e.ErrorCode)
		}
	}
	if diff := cmp.Diff([]int{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}, never); diff != "" {
		t.Errorf("errors that are never cached (-want +got):\n%s", diff)
	}
}

// matches reports whether a CloudFront path pattern matches path. * stands for
// any text, including slashes, and ? for one character.
func matches(pattern, path string) bool {
	exact := regexp.QuoteMeta(pattern)
	exact = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(exact)
	return regexp.MustCompile("^" + exact + "$").MatchString(path)
}
