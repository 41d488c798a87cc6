package dynamo

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/callrecordings/api/shared/attempt/attempttest"
	"github.com/callrecordings/api/shared/store"
)

var static = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
})

// openWith opens a store that sends its requests to the client.
func openWith(tb testing.TB, client dynamodb.HTTPClient) *Store {
	tb.Helper()
	s, err := Open(Options{
		Region: "eu-west-1", Endpoint: "http://dynamodb.invalid", Table: "recordings",
		Credentials: static, HTTPClient: client,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestOpenReportsEveryInvalidOption(t *testing.T) {
	t.Parallel()
	_, err := Open(Options{Endpoint: "localhost:4566"})
	if err == nil {
		t.Fatal("Open without options = nil, want an error")
	}
	for _, want := range []string{"region", "table", "credentials", "endpoint"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %q, want it to name the %s", err, want)
		}
	}
}

// urlRecorder gives the same answer to every request and records the last URL.
type urlRecorder struct {
	answer canned
	url    string
}

func (s *urlRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	s.url = r.Method + " " + r.URL.String()
	return s.answer.RoundTrip(r)
}

func TestRequestsUseTheRegionOrTheEndpoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ region, endpoint, want string }{
		{"eu-west-1", "", "https://dynamodb.eu-west-1.amazonaws.com"},
		{"cn-north-1", "", "https://dynamodb.cn-north-1.amazonaws.com.cn"},
		{"eu-west-1", "http://127.0.0.1:4566", "http://127.0.0.1:4566"},
	} {
		t.Run(tt.region+tt.endpoint, func(t *testing.T) {
			t.Parallel()
			client := &urlRecorder{answer: "{}"}
			s, err := Open(Options{
				Region: tt.region, Endpoint: tt.endpoint, Table: "recordings",
				Credentials: static, HTTPClient: &http.Client{Transport: client},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Warm(t.Context()); err != nil || strings.TrimSuffix(client.url, "/") != "GET "+tt.want {
				t.Errorf("Warm requested %q, %v, want GET %s", client.url, err, tt.want)
			}
			if _, err := s.Get(t.Context(), account, "202311-1"); !errors.Is(err, store.ErrNotFound) || client.url != "POST "+tt.want+"/" {
				t.Errorf("Get = %v, sent %q, want %v from POST %s/", err, client.url, store.ErrNotFound, tt.want)
			}
		})
	}
}

func TestWarm(t *testing.T) {
	t.Parallel()
	t.Run("opens the connection that requests use", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, respond(http.StatusOK, "healthy: dynamodb.eu-west-1.amazonaws.com "), respondItem(stored(t)))
		dials := 0
		n := fastLimits()
		dial := n.Dial
		n.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return dial(ctx, network, address)
		}
		s := openAt(t, f.url, n)
		if err := s.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), account, sample(1).ID); err != nil {
			t.Fatal(err)
		}
		if dials != 1 {
			t.Errorf("%d connections, want 1", dials)
		}
	})
	t.Run("reports a refused connection", func(t *testing.T) {
		t.Parallel()
		if err := openAt(t, attempttest.ClosedAddress(t), fastLimits()).Warm(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Warm = %v, want %v", err, store.ErrUnavailable)
		}
	})
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	s := openWith(t, http.DefaultClient)
	a, err := s.revision()
	if err != nil || len(a) != 16 {
		t.Errorf("revision() = %q, %v, want 16 characters", a, err)
	}
	if b, err := s.revision(); err != nil || a == b {
		t.Errorf("revision() = %q, %v, want a value other than %q", b, err, a)
	}
	s.random = strings.NewReader("short")
	if r, err := s.revision(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("revision() = %q, %v, want %v", r, err, io.ErrUnexpectedEOF)
	}
}
