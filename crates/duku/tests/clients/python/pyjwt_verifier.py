"""PyJWT finds the server's keys by discovery and verifies an access token as RFC 9068 asks an API to."""

import jwt
import requests

from common import CLIENT_ID, CLIENT_SECRET, GRAPHQL_URL, ISSUER, TIMEOUT_SECONDS, TOKEN_URL, check

ALGORITHMS = ["ES256", "RS256", "EdDSA"]

form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
answer = requests.post(TOKEN_URL, data=form, timeout=TIMEOUT_SECONDS).json()
check("access_token" in answer, f"no token: {answer}")
token = answer["access_token"]

discovered = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=TIMEOUT_SECONDS).json()
check(discovered["issuer"] == ISSUER, f"discovery calls the issuer {discovered['issuer']}, not {ISSUER}")

key = jwt.PyJWKClient(discovered["jwks_uri"], timeout=TIMEOUT_SECONDS).get_signing_key_from_jwt(token)
claims = jwt.decode(
    token,
    key,
    algorithms=ALGORITHMS,
    issuer=ISSUER,
    audience=GRAPHQL_URL,
    options={"require": ["iss", "sub", "aud", "iat", "exp", "jti", "client_id"]},
)

header = jwt.get_unverified_header(token)
check(header["typ"] == "at+jwt", f"the token's type is {header['typ']}, not at+jwt")
for name in ("sub", "client_id", "azp"):
    check(claims[name] == CLIENT_ID, f"the claim {name} is {claims[name]}, not the key")
check(claims["org_name"] == "Acme", f"the claim org_name is {claims['org_name']}")
lifetime = claims["exp"] - claims["iat"]
check(lifetime == answer["expires_in"] == 300, f"lives {lifetime} s, expires_in says {answer['expires_in']}")

# The same call must be able to fail, or it has proved nothing.
try:
    jwt.decode(token, key, algorithms=ALGORITHMS, issuer=ISSUER, audience="https://elsewhere.example/graphql")
except jwt.InvalidAudienceError:
    pass
else:
    raise SystemExit("another API would accept this token")

print(f"PyJWT: {header['alg']} signature by the published key, issuer, audience, type at+jwt and claims are as RFC 9068 says")
