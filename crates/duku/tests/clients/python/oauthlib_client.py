"""requests-oauthlib exchanges the key in both ways and queries the API with the session that it made."""

import os

# The library refuses plain HTTP otherwise; on this machine's own address there is nobody to listen in.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from common import CLIENT_ID, CLIENT_SECRET, GRAPHQL_URL, TIMEOUT_SECONDS, TOKEN_URL, check, check_products


def with_basic(secret, scope=None):
    session = OAuth2Session(client=BackendApplicationClient(client_id=CLIENT_ID), scope=scope)
    session.fetch_token(TOKEN_URL, auth=HTTPBasicAuth(CLIENT_ID, secret), timeout=TIMEOUT_SECONDS)
    return session


def with_post(secret, scope=None):
    session = OAuth2Session(client=BackendApplicationClient(client_id=CLIENT_ID), scope=scope)
    session.fetch_token(TOKEN_URL, include_client_id=True, client_secret=secret, timeout=TIMEOUT_SECONDS)
    return session


for exchange in (with_basic, with_post):
    for scope in (None, ["openid"]):
        session = exchange(CLIENT_SECRET, scope)
        check(session.token["expires_in"] == 300, f"{exchange.__name__}: {session.token['expires_in']=}, not 300")
        response = session.post(GRAPHQL_URL, json={"query": "{ subjects { id name } }"}, timeout=TIMEOUT_SECONDS)
        check(response.status_code == 200, f"{exchange.__name__}: the API answered {response.status_code}")
        check_products(response.json())
    try:
        exchange(CLIENT_SECRET + "x")
    except InvalidClientError as rejection:
        check(rejection.description, f"{exchange.__name__}: the rejection does not describe itself")
    else:
        raise SystemExit(f"{exchange.__name__}: a wrong secret was accepted")

print("requests-oauthlib: client_secret_basic and client_secret_post, with and without scope; a wrong secret is InvalidClientError")
