// The Go clients that others wrote: the newest versions that Go 1.19 builds, which Debian 12 has. Since then, up to v0.38.0 of
// golang.org/x/oauth2, only the comments of its package clientcredentials have changed.
// To renew: set the versions, then run `go mod tidy` here.
module duku-clients

go 1.19

require (
	github.com/golang-jwt/jwt/v5 v5.2.2
	golang.org/x/oauth2 v0.26.0
)
