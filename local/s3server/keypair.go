package s3server

import "github.com/versity/versitygw/auth"

// keyPair is the library's service for a single account, with one difference:
// for an unknown access key the server responds with 403, as S3 does, instead of
// 404.
type keyPair struct{ auth.IAMService }

func newKeyPair(id, secret string) auth.IAMService {
	return keyPair{auth.NewIAMServiceSingle(auth.Account{Access: id, Secret: secret, Role: auth.RoleAdmin})}
}

// GetUserAccount returns the account of an access key.
func (k keyPair) GetUserAccount(access string) (auth.Account, error) {
	account, err := k.IAMService.GetUserAccount(access)
	if err != nil {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}
