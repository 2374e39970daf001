"""gql reads the schema from the server, checks its queries against it and runs them."""

import requests
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.requests import RequestsHTTPTransport
from graphql import GraphQLError

from common import CLIENT_ID, CLIENT_SECRET, GRAPHQL_URL, TIMEOUT_SECONDS, TOKEN_URL, check, check_products


def connect(token):
    transport = RequestsHTTPTransport(
        url=GRAPHQL_URL, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_SECONDS
    )
    return Client(transport=transport, fetch_schema_from_transport=True)


form = {"grant_type": "client_credentials", "scope": "openid"}
answer = requests.post(TOKEN_URL, data=form, auth=(CLIENT_ID, CLIENT_SECRET), timeout=TIMEOUT_SECONDS).json()
check("access_token" in answer, f"no token: {answer}")

client = connect(answer["access_token"])
with client as session:
    check_products({"data": session.execute(gql("{ subjects { id name } }"))})
    viewer = session.execute(gql("{ viewer { __typename } }"))["viewer"]
    check(viewer["__typename"], f"the viewer has no type: {viewer}")
    check(client.schema.mutation_type is not None, "the schema that was read has no mutations")
    try:
        session.execute(gql("{ noSuchField }"))
    except GraphQLError:
        pass  # refused here, by the schema, without asking the server
    else:
        raise SystemExit("the schema that was read does not refuse an unknown field")

try:
    with connect("not.a.token") as session:
        session.execute(gql("{ subjects { id } }"))
except (TransportServerError, TransportQueryError):
    pass
else:
    raise SystemExit("a token that is none was accepted")

print(f"gql: read a schema of {len(client.schema.type_map)} types and ran queries that it had checked against it")
