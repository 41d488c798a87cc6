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
	PathPattern           string   `yaml:"PathPattern"`
	TargetOriginID        string   `yaml:"TargetOriginId"`
	ViewerProtocolPolicy  string   `yaml:"ViewerProtocolPolicy"`
	AllowedMethods        []string `yaml:"AllowedMethods"`
	Compress              *bool    `yaml:"Compress"`
	CachePolicyID         string   `yaml:"CachePolicyId"`
	OriginRequestPolicyID string   `yaml:"OriginRequestPolicyId"`
}

// distribution is the part of front/cloudfront.yaml that the test checks.
type distribution struct {
	Resources struct {
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

func TestCloudFront(t *testing.T) {
	text, err := os.ReadFile("../../front/cloudfront.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d distribution
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	config := d.Resources.Distribution.Properties.DistributionConfig
	off := false
	all := []string{"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}
	kazoo := behavior{
		TargetOriginID: "kazoo", ViewerProtocolPolicy: "https-only", AllowedMethods: all, Compress: &off,
		CachePolicyID: cachingDisabled, OriginRequestPolicyID: allViewer,
	}
	if diff := cmp.Diff(kazoo, config.DefaultCacheBehavior); diff != "" {
		t.Errorf("the default behavior (-want +got):\n%s", diff)
	}
	for _, b := range config.CacheBehaviors {
		recordings := kazoo
		recordings.PathPattern, recordings.TargetOriginID, recordings.OriginRequestPolicyID = b.PathPattern, "recordings", allViewerExceptHostHeader
		if diff := cmp.Diff(recordings, b); diff != "" {
			t.Errorf("the behavior of %s (-want +got):\n%s", b.PathPattern, diff)
		}
	}
	for _, r := range rule {
		path, _, _ := strings.Cut(r.target, "?")
		got := slices.ContainsFunc(config.CacheBehaviors, func(b behavior) bool { return matches(b.PathPattern, path) })
		if want := r.recordings || r.spans; got != want {
			t.Errorf("%s goes to recordings: %v, want %v", r.target, got, want)
		}
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
