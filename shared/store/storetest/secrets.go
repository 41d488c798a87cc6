package storetest

import (
	"slices"

	"github.com/callrecordings/api/shared/store"
)

// secrets are the cases for storage secrets.
var secrets = []testCase{
	{"secrets are added, looked up, listed and revoked", func(s *suite) {
		one := store.Secret{Account: s.account, ID: "0a", Sum: "aa", Label: "PBX \"1\" ü", Created: 63_900_000_000}
		two := store.Secret{Account: s.account, ID: "0b", Sum: "bb", Created: 63_900_000_001}
		for _, secret := range []store.Secret{two, one} {
			if err := s.store.AddSecret(s.Context(), secret); err != nil {
				s.Fatalf("AddSecret: %v", err)
			}
		}
		if got, err := s.store.Secret(s.Context(), s.account, "0a"); err != nil || got != one {
			s.Errorf("Secret = %+v, %v, want %+v", got, err, one)
		}
		s.wantSecrets(s.account, one, two)
		if err := s.store.RevokeSecret(s.Context(), s.account, "0a"); err != nil {
			s.Errorf("RevokeSecret: %v", err)
		}
		_, err := s.store.Secret(s.Context(), s.account, "0a")
		s.wantErr("Secret after RevokeSecret", err, store.ErrNotFound)
		s.wantErr("RevokeSecret again", s.store.RevokeSecret(s.Context(), s.account, "0a"), store.ErrNotFound)
		s.wantSecrets(s.account, two)
	}},
	{"IDs of secrets are unique within an account", func(s *suite) {
		one := store.Secret{Account: s.account, ID: "0a", Sum: "aa"}
		if err := s.store.AddSecret(s.Context(), one); err != nil {
			s.Fatalf("AddSecret: %v", err)
		}
		other := one
		other.Sum = "bb"
		s.wantErr("AddSecret again", s.store.AddSecret(s.Context(), other), store.ErrExists)
		other.Account += "x"
		if err := s.store.AddSecret(s.Context(), other); err != nil {
			s.Errorf("AddSecret to another account: %v", err)
		}
		s.wantSecrets(s.account, one)
		s.wantSecrets(other.Account, other)
		if got, err := s.store.Secret(s.Context(), s.account, "0a"); err != nil || got != one {
			s.Errorf("Secret = %+v, %v, want %+v", got, err, one)
		}
	}},
	{"a delayed attempt to add a secret does not undo its revocation", func(s *suite) {
		one := store.Secret{Account: s.account, ID: "0a", Sum: "aa", Label: "PBX", Created: 63_900_000_000}
		if err := s.store.AddSecret(s.Context(), one); err != nil {
			s.Fatalf("AddSecret: %v", err)
		}
		if err := s.store.RevokeSecret(s.Context(), s.account, "0a"); err != nil {
			s.Fatalf("RevokeSecret: %v", err)
		}
		s.wantErr("AddSecret again", s.store.AddSecret(s.Context(), one), store.ErrExists)
		_, err := s.store.Secret(s.Context(), s.account, "0a")
		s.wantErr("Secret", err, store.ErrNotFound)
		s.wantSecrets(s.account)
		s.wantErr("RevokeSecret again", s.store.RevokeSecret(s.Context(), s.account, "0a"), store.ErrNotFound)
		one.Account += "x"
		if err := s.store.AddSecret(s.Context(), one); err != nil {
			s.Errorf("AddSecret to another account: %v", err)
		}
	}},
	{"a secret is not visible as a recording", func(s *suite) {
		if err := s.store.AddSecret(s.Context(), store.Secret{Account: s.account, ID: "0a", Sum: "aa"}); err != nil {
			s.Fatalf("AddSecret: %v", err)
		}
		s.put(s.rec("b", 0, ""))
		s.wantList(store.Query{}, "b")
		_, err := s.store.Get(s.Context(), s.account, "0a")
		s.wantErr("Get", err, store.ErrNotFound)
	}},
	{"an account without secrets", func(s *suite) {
		s.put(s.rec("b", 0, ""))
		s.wantSecrets(s.account)
		_, err := s.store.Secret(s.Context(), s.account, "")
		s.wantErr("Secret", err, store.ErrNotFound)
	}},
}

// wantSecrets fails the case unless account has exactly these secrets.
func (s *suite) wantSecrets(account string, want ...store.Secret) {
	s.Helper()
	if got, err := s.store.ListSecrets(s.Context(), account); err != nil || !slices.Equal(got, want) {
		s.Errorf("ListSecrets = %+v, %v, want %+v", got, err, want)
	}
}
