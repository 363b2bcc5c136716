// zitadel/oidc against a running zone: see tests/clients/README.md.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/client/tokenexchange"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// settings come from the environment.
type settings struct {
	issuer, id, secret, key, resource string
	wide, narrow                      []string
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	s := fromEnvironment()
	// Below the issuer, where OpenID Connect looks; and where RFC 8414 does.
	metadata, err := client.Discover(ctx, s.issuer, http.DefaultClient)
	if err != nil {
		return err
	}
	issuer, err := url.Parse(s.issuer)
	if err != nil {
		return err
	}
	issuer.Path = "/.well-known/oauth-authorization-server" + issuer.Path
	if _, err := client.Discover(ctx, s.issuer, http.DefaultClient, issuer.String()); err != nil {
		return err
	}
	ok("discovery")
	if err := s.bySecret(ctx, metadata); err != nil {
		return err
	}
	if err := s.byKey(ctx, metadata); err != nil {
		return fmt.Errorf("private_key_jwt: %w", err)
	}
	return s.wrongSecret(ctx)
}

func (s *settings) bySecret(ctx context.Context, metadata *oidc.DiscoveryConfiguration) error {
	party, err := rp.NewRelyingPartyOIDC(ctx, s.issuer, s.id, s.secret, "", s.wide)
	if err != nil {
		return err
	}
	root, err := rp.ClientCredentials(ctx, party, url.Values{"resource": {s.resource}})
	if err != nil {
		return fmt.Errorf("client_credentials: %w", err)
	}
	ok("client_credentials")

	if err := s.verify(ctx, metadata, root.AccessToken, s.wide); err != nil {
		return fmt.Errorf("jwks: %w", err)
	}
	ok("jwks")

	exchanger, err := tokenexchange.NewTokenExchangerClientCredentials(ctx, s.issuer, s.id, s.secret)
	if err != nil {
		return err
	}
	child, err := s.exchange(ctx, exchanger, root.AccessToken, s.narrow)
	if err != nil {
		return fmt.Errorf("token_exchange: %w", err)
	}
	if child.IssuedTokenType != oidc.AccessTokenType {
		return fmt.Errorf("it is a %s", child.IssuedTokenType)
	}
	if err := s.verify(ctx, metadata, child.AccessToken, s.narrow); err != nil {
		return fmt.Errorf("token_exchange: %w", err)
	}
	ok("token_exchange")

	_, err = s.exchange(ctx, exchanger, child.AccessToken, s.wide)
	var refused *oidc.Error
	if !errors.As(err, &refused) || refused.ErrorType != "invalid_scope" {
		return fmt.Errorf("invalid_scope was expected: %w", err)
	}
	ok("widening_refused")

	server, err := rs.NewResourceServerClientCredentials(ctx, s.issuer, s.id, s.secret)
	if err != nil {
		return err
	}
	held, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, child.AccessToken)
	if err != nil {
		return fmt.Errorf("introspection: %w", err)
	}
	if !held.Active || held.ClientID != s.id || !slices.Equal(held.Scope, s.narrow) {
		return fmt.Errorf("introspection: %+v", held)
	}
	ok("introspection")

	if err := rp.RevokeToken(ctx, party, root.AccessToken, ""); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	for _, token := range []string{root.AccessToken, child.AccessToken} {
		held, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token)
		if err != nil {
			return fmt.Errorf("introspection: %w", err)
		}
		if held.Active || held.ClientID != "" {
			return fmt.Errorf("after the revocation: %+v", held)
		}
	}
	ok("revocation")
	return nil
}

// keyed authenticates by assertions of its own making.
//
// The library's NewTokenExchangerJWTProfile makes some without `jti`, good for an hour; they could be
// replayed, and are refused. So the claims are ours here, and the rest is the library's.
type keyed struct {
	settings *settings
	metadata *oidc.DiscoveryConfiguration
}

func (k keyed) TokenEndpoint() string    { return k.metadata.TokenEndpoint }
func (k keyed) IntrospectionURL() string { return k.metadata.IntrospectionEndpoint }
func (k keyed) HttpClient() *http.Client { return http.DefaultClient }

func (k keyed) AuthFn() (any, error) {
	key, err := os.ReadFile(k.settings.key)
	if err != nil {
		return nil, err
	}
	signer, err := client.NewSignerFromPrivateKeyByte(key, "")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	assertion, err := crypto.Sign(map[string]any{
		"iss": k.settings.id,
		"sub": k.settings.id,
		"aud": k.settings.issuer,
		"iat": now.Unix(),
		"exp": now.Add(time.Minute).Unix(),
		"jti": rand.Text(),
	}, signer)
	if err != nil {
		return nil, err
	}
	return client.ClientAssertionFormAuthorization(assertion), nil
}

func (s *settings) byKey(ctx context.Context, metadata *oidc.DiscoveryConfiguration) error {
	party := keyed{s, metadata}
	unkeyed, err := rp.NewRelyingPartyOIDC(ctx, s.issuer, s.id, s.secret, "", s.wide)
	if err != nil {
		return err
	}
	root, err := rp.ClientCredentials(ctx, unkeyed, url.Values{"resource": {s.resource}})
	if err != nil {
		return err
	}
	child, err := s.exchange(ctx, party, root.AccessToken, s.narrow)
	if err != nil {
		return err
	}
	held, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, party, child.AccessToken)
	if err != nil {
		return err
	}
	if !held.Active || !slices.Equal(held.Scope, s.narrow) {
		return fmt.Errorf("introspection: %+v", held)
	}
	ok("private_key_jwt")
	return nil
}

func (s *settings) wrongSecret(ctx context.Context) error {
	wrong, err := rs.NewResourceServerClientCredentials(ctx, s.issuer, s.id, "wrong")
	if err != nil {
		return err
	}
	_, err = rs.Introspect[*oidc.IntrospectionResponse](ctx, wrong, "any")
	var refused *oidc.Error
	if !errors.As(err, &refused) || refused.ErrorType != oidc.InvalidClient {
		return fmt.Errorf("invalid_client was expected: %w", err)
	}
	ok("wrong_secret_refused")
	return nil
}

func (s *settings) exchange(ctx context.Context, by tokenexchange.TokenExchanger, token string, scopes []string) (*oidc.TokenExchangeResponse, error) {
	return tokenexchange.ExchangeToken(ctx, by, token, oidc.AccessTokenType, "", "",
		[]string{s.resource}, nil, scopes, "")
}

// verify checks a mandate by the published keys.
func (s *settings) verify(ctx context.Context, metadata *oidc.DiscoveryConfiguration, token string, scopes []string) error {
	keys := rp.NewRemoteKeySet(http.DefaultClient, metadata.JwksURI)
	claims := new(oidc.AccessTokenClaims)
	payload, err := oidc.ParseToken(token, claims)
	if err != nil {
		return err
	}
	sorted := slices.Sorted(slices.Values(claims.Scopes))
	if !slices.Equal(sorted, slices.Sorted(slices.Values(scopes))) {
		return fmt.Errorf("scope is %s", claims.Scopes)
	}
	return errors.Join(
		oidc.CheckSignature(ctx, token, payload, claims, []string{"ES256"}, keys),
		oidc.CheckIssuer(claims, s.issuer),
		oidc.CheckAudience(claims, s.resource),
		oidc.CheckExpiration(claims, 0),
	)
}

func fromEnvironment() *settings {
	return &settings{
		issuer:   os.Getenv("OAUTH_ISSUER"),
		id:       os.Getenv("OAUTH_CLIENT_ID"),
		secret:   os.Getenv("OAUTH_CLIENT_SECRET"),
		key:      os.Getenv("OAUTH_CLIENT_KEY_FILE"),
		resource: os.Getenv("OAUTH_RESOURCE"),
		wide:     strings.Fields(os.Getenv("OAUTH_SCOPE")),
		narrow:   strings.Fields(os.Getenv("OAUTH_NARROW_SCOPE")),
	}
}

func ok(step string) { fmt.Println("ok", step) }
