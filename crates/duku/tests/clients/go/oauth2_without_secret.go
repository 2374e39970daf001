// golang.org/x/oauth2 proves itself without a secret: with a private key of its own, and with a workload's token in two grants.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

var (
	baseURL  = strings.TrimRight(setting("DUKU_URL"), "/")
	issuer   = baseURL + "/realms/duku"
	tokenURL = issuer + "/protocol/openid-connect/token"

	// The server is on this machine; whoever waits longer than this waits for ever.
	ctx = context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Timeout: 10 * time.Second})
)

func setting(name string) string {
	value := os.Getenv(name)
	check(value != "", "%s is not set", name)
	return value
}

// check ends the program with the complaint unless the condition holds.
func check(condition bool, complaint string, details ...any) {
	if !condition {
		fmt.Fprintf(os.Stderr, complaint+"\n", details...)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	check(err == nil, "%v", err)
	return value
}

// signedAssertion is a client assertion (RFC 7523, 2.2) for the issuer that can be used once.
func signedAssertion(clientID string, key *ecdsa.PrivateKey) (string, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	now := time.Now()
	return jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
		Issuer:    clientID,
		Subject:   clientID,
		Audience:  jwt.ClaimStrings{issuer},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
		ID:        hex.EncodeToString(id),
	}).SignedString(key)
}

// request is the library's token request of a client without a secret.
func request(clientID string, style oauth2.AuthStyle, parameters url.Values) *clientcredentials.Config {
	return &clientcredentials.Config{
		ClientID: clientID, TokenURL: tokenURL, AuthStyle: style, EndpointParams: parameters,
	}
}

func requestWithAssertion(clientID string, style oauth2.AuthStyle, assertion string) *clientcredentials.Config {
	return request(clientID, style, url.Values{
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	})
}

// assertionSource is a token source that signs a new assertion for each request.
type assertionSource struct {
	clientID string
	key      *ecdsa.PrivateKey
	style    oauth2.AuthStyle
}

func (source assertionSource) Token() (*oauth2.Token, error) {
	assertion, err := signedAssertion(source.clientID, source.key)
	if err != nil {
		return nil, err
	}
	return requestWithAssertion(source.clientID, source.style, assertion).Token(ctx)
}

// query checks that the organisation's product is in the answer to a client that gets its token from the source.
func query(source oauth2.TokenSource) {
	body := strings.NewReader(`{"query":"{ subjects { id name } }"}`)
	response := must(oauth2.NewClient(ctx, source).Post(baseURL+"/graphql", "application/json", body))
	defer response.Body.Close()
	var answer struct {
		Data   struct{ Subjects []struct{ Name string } }
		Errors []any
	}
	err := json.NewDecoder(response.Body).Decode(&answer)
	check(err == nil, "the answer to the query cannot be read: %v", err)
	check(len(answer.Errors) == 0, "the query was answered with errors: %v", answer.Errors)
	for _, subject := range answer.Data.Subjects {
		if subject.Name == "Shop" {
			return
		}
	}
	check(false, "the product Shop is missing in %v", answer.Data)
}

// rejectionOf is what the library reports when the server rejects the request.
func rejectionOf(source oauth2.TokenSource, complaint string) *oauth2.RetrieveError {
	_, err := source.Token()
	check(err != nil, "%s", complaint)
	var rejection *oauth2.RetrieveError
	check(errors.As(err, &rejection), "this is no rejection by the server: %v", err)
	return rejection
}

func checkRejected(rejection *oauth2.RetrieveError, status int, code, hint string) {
	check(rejection.Response.StatusCode == status, "rejected with %s", rejection.Response.Status)
	check(rejection.ErrorCode == code, "`%s` was rejected with %s", hint, rejection.ErrorCode)
	description := rejection.ErrorDescription
	check(strings.Contains(description, hint), "`%s` is explained with %s", hint, description)
}

func privateKeyJWT() {
	clientID := setting("DUKU_TEST_SECRETLESS_CLIENT_ID")
	key := must(jwt.ParseECPrivateKeyFromPEM([]byte(setting("DUKU_TEST_PRIVATE_KEY"))))
	inParams := oauth2.AuthStyleInParams
	for count := 0; count < 2; count++ {
		token := must(assertionSource{clientID, key, inParams}.Token())
		check(token.RefreshToken == "", "there is a refresh token, against RFC 6749, 4.4.3")
		query(oauth2.StaticTokenSource(token))
	}
	// Without a style the library tries HTTP Basic first, and then the parameters.
	query(assertionSource{clientID, key, oauth2.AuthStyleAutoDetect})

	used := must(signedAssertion(clientID, key))
	must(requestWithAssertion(clientID, inParams, used).Token(ctx))
	replay := requestWithAssertion(clientID, inParams, used).TokenSource(ctx)
	rejection := rejectionOf(replay, "an assertion was accepted twice")
	checkRejected(rejection, http.StatusUnauthorized, "invalid_client", "exchanged before")

	another := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	notTheClients := []assertionSource{{clientID, another, inParams}, {setting("DUKU_CLIENT_ID"), key, inParams}}
	for _, source := range notTheClients {
		rejection := rejectionOf(source, "a key that is not the client's was accepted")
		checkRejected(rejection, http.StatusUnauthorized, "invalid_client", "not accepted for this client_id")
	}
}

func workload() {
	clientID := setting("DUKU_TEST_WORKLOAD_CLIENT_ID")
	tokens := strings.Fields(setting("DUKU_TEST_WORKLOAD_TOKENS"))
	check(len(tokens) == 2, "there must be two tokens of the workload")

	exchange := request(clientID, oauth2.AuthStyleInParams, url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token":      {tokens[0]},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
	})
	token := must(exchange.Token(ctx))
	issued := token.Extra("issued_token_type")
	check(issued == "urn:ietf:params:oauth:token-type:access_token", "issued_token_type is %v", issued)
	query(oauth2.StaticTokenSource(token))
	rejection := rejectionOf(exchange.TokenSource(ctx), "a token was exchanged twice")
	checkRejected(rejection, http.StatusBadRequest, "invalid_request", "exchanged before")

	grant := request(clientID, oauth2.AuthStyleInParams, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {tokens[1]},
	})
	query(oauth2.StaticTokenSource(must(grant.Token(ctx))))
	rejection = rejectionOf(grant.TokenSource(ctx), "a token was granted twice")
	checkRejected(rejection, http.StatusBadRequest, "invalid_grant", "exchanged before")
}

func main() {
	privateKeyJWT()
	workload()
	fmt.Println("golang.org/x/oauth2: private_key_jwt, token exchange and jwt-bearer; no replay, no other key")
}
