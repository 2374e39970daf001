"""Authlib proves itself without a secret: with a private key of its own, and with a workload's token in two grants."""

import os
import time

# The library refuses plain HTTP otherwise; on this machine's own address there is nobody to listen in.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

from common import GRAPHQL_URL, ISSUER, TIMEOUT_SECONDS, TOKEN_URL, check, check_products

CLIENT_ID = os.environ["DUKU_TEST_SECRETLESS_CLIENT_ID"]
# As it is, the library would take PEM for an RSA key.
PRIVATE_KEY = ECKey.import_key(os.environ["DUKU_TEST_PRIVATE_KEY"])


class ShortLivedAssertion(PrivateKeyJWT):
    """The library's own lives an hour, and repeats its `jti` once it is given claims."""

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)


def session_of(method):
    session = OAuth2Session(
        CLIENT_ID, PRIVATE_KEY, token_endpoint_auth_method="private_key_jwt", default_timeout=TIMEOUT_SECONDS
    )
    session.register_client_auth_method(method)
    return session


def query(session):
    check_products(session.post(GRAPHQL_URL, json={"query": "{ subjects { id name } }"}).json())


def rejection_of(session, **parameters):
    try:
        session.fetch_token(TOKEN_URL, **parameters)
    except OAuthError as rejection:
        return rejection
    raise SystemExit(f"accepted: {parameters}")


session = session_of(ShortLivedAssertion(ISSUER, alg="ES256"))
for _ in range(2):
    session.fetch_token(TOKEN_URL, grant_type="client_credentials")
    query(session)

for hint, wrong in {
    "at most 300 seconds": PrivateKeyJWT(ISSUER, alg="ES256"),
    f"must be {ISSUER}": ShortLivedAssertion(TOKEN_URL, alg="ES256"),
}.items():
    rejection = rejection_of(session_of(wrong), grant_type="client_credentials")
    check(rejection.error == "invalid_client", f"`{hint}` was rejected with {rejection.error}")
    check(hint in rejection.description, f"`{hint}` is explained with {rejection.description}")

workload = OAuth2Session(
    os.environ["DUKU_TEST_WORKLOAD_CLIENT_ID"], token_endpoint_auth_method="none", default_timeout=TIMEOUT_SECONDS
)
exchanged, granted = os.environ["DUKU_TEST_WORKLOAD_TOKENS"].split(" ")
exchange = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token": exchanged,
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
}
token = workload.fetch_token(TOKEN_URL, **exchange)
issued = token["issued_token_type"]
check(issued == "urn:ietf:params:oauth:token-type:access_token", f"issued_token_type is {issued}")
query(workload)
check("exchanged before" in rejection_of(workload, **exchange).description, "a replay is not explained")

workload.fetch_token(TOKEN_URL, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=granted)
query(workload)

print("Authlib: private_key_jwt, token exchange and jwt-bearer; what is wrong with an assertion is explained")
