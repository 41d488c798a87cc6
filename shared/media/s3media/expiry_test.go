package s3media_test

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

// sessions is a provider of credentials that live for the given times, one after the
// other. The time 0 stands for credentials without a known end.
type sessions []time.Duration

func (s *sessions) Retrieve(context.Context) (aws.Credentials, error) {
	life := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	c := aws.Credentials{AccessKeyID: "ASIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "session"}
	if life != 0 {
		c.CanExpire, c.Expires = true, time.Now().Add(life)
	}
	return c, nil
}

// lifetime returns how long a presigned URL is valid, in seconds.
func lifetime(t *testing.T, signed string) int {
	t.Helper()
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(u.Query().Get("X-Amz-Expires"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPresignedURLNeverOutlivesItsCredentials(t *testing.T) {
	t.Parallel()
	const hour = 3600
	for _, c := range []struct {
		name  string
		lives sessions
		want  []int // seconds, of one URL after the other
	}{
		{"no known end", sessions{0}, []int{hour}},
		{"longer than the URL", sessions{2 * time.Hour}, []int{hour}},
		{"shorter than the URL", sessions{20 * time.Minute}, []int{20 * 60}},
		{"about to expire, and renewed", sessions{4 * time.Minute, 2 * time.Hour}, []int{4 * 60, hour}},
		{"about to expire, and not renewed", sessions{4 * time.Minute}, []int{4 * 60, 4 * 60}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := withSessions(t, c.lives)
			for i, want := range c.want {
				signed, err := b.Presign(t.Context(), "a.mp3", media.Grant{TTL: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				if got := lifetime(t, signed); got > want || got < want-10 {
					t.Errorf("URL %d is signed for %d s, want %d", i, got, want)
				}
			}
			b = withSessions(t, c.lives)
			up, err := b.PresignPut(t.Context(), "a.mp3", media.Admission{TTL: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			got := lifetime(t, up.URL)
			if got > c.want[0] || got < c.want[0]-10 {
				t.Errorf("the upload is signed for %d s, want %d", got, c.want[0])
			}
			if left := int(time.Until(up.Expires).Seconds()); left > got || left < got-10 {
				t.Errorf("the upload says that it expires in %d s, but it is signed for %d s", left, got)
			}
		})
	}
}

func TestExpiredCredentialsSignNothing(t *testing.T) {
	t.Parallel()
	b := withSessions(t, sessions{-time.Second})
	if _, err := b.Presign(t.Context(), "a.mp3", media.Grant{TTL: time.Hour}); !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("Presign = %v, want ErrUnavailable", err)
	}
	if _, err := b.PresignPut(t.Context(), "a.mp3", media.Admission{TTL: time.Hour}); !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("PresignPut = %v, want ErrUnavailable", err)
	}
}

// withSessions returns a bucket with the credentials of lives.
func withSessions(t *testing.T, lives sessions) *s3media.Bucket {
	t.Helper()
	provider := append(sessions{}, lives...)
	b, err := s3media.Open(s3media.Options{Region: "eu-west-1", Bucket: "audio", Credentials: &provider})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
