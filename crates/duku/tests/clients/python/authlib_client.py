"""Authlib exchanges the key in both ways, queries the API and asks the server about its token."""

import os

# The library refuses plain HTTP otherwise; on this machine's own address there is nobody to listen in.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from common import (
    CLIENT_ID,
    CLIENT_SECRET,
    GRAPHQL_URL,
    INTROSPECTION_URL,
    TIMEOUT_SECONDS,
    TOKEN_URL,
    check,
    check_products,
)


def session_of(method, secret):
    return OAuth2Session(
        CLIENT_ID, secret, token_endpoint_auth_method=method, scope="openid", default_timeout=TIMEOUT_SECONDS
    )


for method in ("client_secret_basic", "client_secret_post"):
    session = session_of(method, CLIENT_SECRET)
    token = session.fetch_token(TOKEN_URL, grant_type="client_credentials")
    check(token["token_type"] == "Bearer" and not token.is_expired(), f"{method}: a token of no use: {token}")
    check_products(session.post(GRAPHQL_URL, json={"query": "{ subjects { id name } }"}).json())

    about = session.introspect_token(INTROSPECTION_URL, token=token["access_token"]).json()
    check(about.get("active") is True, f"{method}: the server calls its own new token inactive: {about}")
    check(about.get("client_id") == CLIENT_ID, f"{method}: the token belongs to {about.get('client_id')}")

    try:
        session_of(method, CLIENT_SECRET + "x").fetch_token(TOKEN_URL, grant_type="client_credentials")
    except OAuthError as rejection:
        check(rejection.error == "invalid_client", f"{method}: a wrong secret was rejected with {rejection.error}")
        check(rejection.description, f"{method}: the rejection does not describe itself")
    else:
        raise SystemExit(f"{method}: a wrong secret was accepted")

print("Authlib: client_secret_basic and client_secret_post, query, introspection; a wrong secret is invalid_client")
