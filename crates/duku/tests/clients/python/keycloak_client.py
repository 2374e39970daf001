"""python-keycloak takes the server for a Keycloak: discovery, keys, token, verification, introspection."""

from keycloak import KeycloakOpenID
from keycloak.exceptions import KeycloakAuthenticationError

from common import CLIENT_ID, CLIENT_SECRET, INTROSPECTION_URL, ISSUER, TIMEOUT_SECONDS, TOKEN_URL, URL, check


def realm(secret):
    return KeycloakOpenID(
        server_url=f"{URL}/",
        realm_name="duku",
        client_id=CLIENT_ID,
        client_secret_key=secret,
        timeout=TIMEOUT_SECONDS,
    )


keycloak = realm(CLIENT_SECRET)

discovered = keycloak.well_known()
for name, expected in (("issuer", ISSUER), ("token_endpoint", TOKEN_URL), ("introspection_endpoint", INTROSPECTION_URL)):
    check(discovered.get(name) == expected, f"discovery says {name} = {discovered.get(name)}, not {expected}")
check(keycloak.certs()["keys"], "no keys are published")

# This client sends its parameters for people too, empty: `username`, `password`, `code`, `redirect_uri`.
token = keycloak.token(grant_type="client_credentials")
for name, expected in (("expires_in", 300), ("refresh_expires_in", 0), ("not-before-policy", 0)):
    check(token.get(name) == expected, f"the answer has {name} = {token.get(name)}, not {expected}")
check("refresh_token" not in token, "there is a refresh token, against RFC 6749, 4.4.3")

claims = keycloak.decode_token(token["access_token"])
check(claims["azp"] == CLIENT_ID, f"verified, but it belongs to {claims['azp']}")

about = keycloak.introspect(token["access_token"])
check(about["active"] is True, f"the server calls its own new token inactive: {about}")
check(keycloak.introspect("not.a.token") == {"active": False}, "a token that is none is not simply inactive")

try:
    realm(CLIENT_SECRET + "x").token(grant_type="client_credentials")
except KeycloakAuthenticationError as rejection:
    check(rejection.response_code == 401, f"a wrong secret was answered with {rejection.response_code}")
else:
    raise SystemExit("a wrong secret was accepted")

print("python-keycloak: well_known, certs, token, decode_token and introspect work as with a Keycloak")
