// Nimbus proves itself without a secret: with a private key of its own, and with a workload's token in two grants.

import com.nimbusds.common.contenttype.ContentType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.oauth2.sdk.AccessTokenResponse;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.ErrorObject;
import com.nimbusds.oauth2.sdk.JWTBearerGrant;
import com.nimbusds.oauth2.sdk.Request;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.ClientAuthenticationMethod;
import com.nimbusds.oauth2.sdk.auth.JWTAuthenticationClaimsSet;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.Audience;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.TokenTypeURI;
import com.nimbusds.oauth2.sdk.token.TypelessToken;
import com.nimbusds.oauth2.sdk.tokenexchange.TokenExchangeGrant;
import com.nimbusds.oauth2.sdk.util.JSONArrayUtils;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import java.net.URI;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import net.minidev.json.JSONObject;

final class NimbusWithoutSecret {
    private static final String URL = setting("DUKU_URL").replaceAll("/$", "");
    private static final Issuer ISSUER = new Issuer(URL + "/realms/duku");
    /** The server is on this machine; whoever waits longer than this waits for ever. */
    private static final int TIMEOUT_MILLISECONDS = 10_000;

    private final OIDCProviderMetadata metadata;

    private NimbusWithoutSecret() throws Exception {
        metadata = OIDCProviderMetadata.resolve(ISSUER, TIMEOUT_MILLISECONDS, TIMEOUT_MILLISECONDS);
    }

    public static void main(String[] arguments) throws Exception {
        NimbusWithoutSecret client = new NimbusWithoutSecret();
        client.privateKeyJwt();
        client.workload();
        System.out.println("Nimbus: private_key_jwt, token exchange and jwt-bearer; no replay, no other key");
    }

    private void privateKeyJwt() throws Exception {
        ClientID clientId = new ClientID(setting("DUKU_TEST_SECRETLESS_CLIENT_ID"));
        PrivateKey key = privateKey(setting("DUKU_TEST_PRIVATE_KEY"));
        check(
                metadata.getTokenEndpointAuthMethods().contains(ClientAuthenticationMethod.PRIVATE_KEY_JWT)
                        && metadata.getTokenEndpointJWSAlgs().contains(JWSAlgorithm.ES256),
                "discovery does not offer private_key_jwt with ES256: " + metadata);
        for (int count = 0; count < 2; count += 1) {
            AccessTokenResponse response = granted(clientCredentials(assertion(clientId, key)));
            check(
                    response.getTokens().getRefreshToken() == null,
                    "there is a refresh token, against RFC 6749, 4.4.3");
            AccessToken token = response.getTokens().getAccessToken();
            query(token);
            introspect(clientId, key, token);
        }

        PrivateKeyJWT used = assertion(clientId, key);
        granted(clientCredentials(used));
        checkRejected(clientCredentials(used), 401, "invalid_client", "exchanged before");

        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        PrivateKey another = generator.generateKeyPair().getPrivate();
        ClientID withSecret = new ClientID(setting("DUKU_CLIENT_ID"));
        for (PrivateKeyJWT wrong : new PrivateKeyJWT[] {assertion(clientId, another), assertion(withSecret, key)}) {
            checkRejected(clientCredentials(wrong), 401, "invalid_client", "not accepted for this client_id");
        }
        // The library's shortest constructor takes the token endpoint, which may not be the audience here.
        PrivateKeyJWT forTheEndpoint =
                new PrivateKeyJWT(clientId, metadata.getTokenEndpointURI(), JWSAlgorithm.ES256, key, null, null);
        checkRejected(clientCredentials(forTheEndpoint), 401, "invalid_client", "must be " + ISSUER);
    }

    private void workload() throws Exception {
        ClientID clientId = new ClientID(setting("DUKU_TEST_WORKLOAD_CLIENT_ID"));
        String[] tokens = setting("DUKU_TEST_WORKLOAD_TOKENS").split(" ");

        TokenRequest exchange =
                workload(clientId, new TokenExchangeGrant(new TypelessToken(tokens[0]), TokenTypeURI.JWT));
        AccessToken token = granted(exchange).getTokens().getAccessToken();
        check(
                TokenTypeURI.ACCESS_TOKEN.equals(token.getIssuedTokenType()),
                "issued_token_type is " + token.getIssuedTokenType());
        query(token);
        checkRejected(exchange, 400, "invalid_request", "exchanged before");

        TokenRequest bearer = workload(clientId, new JWTBearerGrant(SignedJWT.parse(tokens[1])));
        query(granted(bearer).getTokens().getAccessToken());
        checkRejected(bearer, 400, "invalid_grant", "exchanged before");
    }

    /** A client assertion (RFC 7523, 2.2) for the issuer; the library gives it a minute and a `jti`. */
    private static PrivateKeyJWT assertion(ClientID clientId, PrivateKey key) throws Exception {
        JWTAuthenticationClaimsSet claims = new JWTAuthenticationClaimsSet(clientId, new Audience(ISSUER));
        return new PrivateKeyJWT(claims, JWSAlgorithm.ES256, key, null, null);
    }

    private TokenRequest clientCredentials(PrivateKeyJWT assertion) {
        URI endpoint = metadata.getTokenEndpointURI();
        return new TokenRequest.Builder(endpoint, assertion, new ClientCredentialsGrant()).build();
    }

    private TokenRequest workload(ClientID clientId, AuthorizationGrant grant) {
        return new TokenRequest.Builder(metadata.getTokenEndpointURI(), clientId, grant).build();
    }

    private static AccessTokenResponse granted(TokenRequest request) throws Exception {
        TokenResponse response = TokenResponse.parse(send(request));
        check(response.indicatesSuccess(), "no token: " + response.toHTTPResponse().getBody());
        return response.toSuccessResponse();
    }

    /** What the library reports when the server rejects the request. */
    private static void checkRejected(TokenRequest request, int status, String code, String hint) throws Exception {
        TokenResponse response = TokenResponse.parse(send(request));
        check(!response.indicatesSuccess(), "accepted, against `" + hint + "`");
        ErrorObject error = response.toErrorResponse().getErrorObject();
        check(
                error.getHTTPStatusCode() == status && error.getCode().equals(code),
                "`" + hint + "` was rejected with " + error.getHTTPStatusCode() + " " + error.getCode());
        check(error.getDescription().contains(hint), "`" + hint + "` is explained with " + error.getDescription());
    }

    private void introspect(ClientID clientId, PrivateKey key, AccessToken token) throws Exception {
        URI endpoint = metadata.getIntrospectionEndpointURI();
        TokenIntrospectionResponse response = TokenIntrospectionResponse.parse(
                send(new TokenIntrospectionRequest(endpoint, assertion(clientId, key), token)));
        check(response.indicatesSuccess(), "no introspection: " + response.toHTTPResponse().getBody());
        check(response.toSuccessResponse().isActive(), "the introspection says that a new token is not active");
        check(clientId.equals(response.toSuccessResponse().getClientID()), "the introspection names another client");
    }

    private static void query(AccessToken token) throws Exception {
        HTTPRequest request = new HTTPRequest(HTTPRequest.Method.POST, URI.create(URL + "/graphql"));
        request.setEntityContentType(ContentType.APPLICATION_JSON);
        request.setAuthorization(token.toAuthorizationHeader());
        request.setBody(new JSONObject(Map.of("query", "{ subjects { id name } }")).toJSONString());
        JSONObject answer = send(request).getBodyAsJSONObject();
        check(!answer.containsKey("errors"), "the query was answered with errors: " + answer);
        JSONObject data = JSONObjectUtils.getJSONObject(answer, "data");
        boolean hasShop = JSONArrayUtils.toJSONObjectList(JSONObjectUtils.getJSONArray(data, "subjects")).stream()
                .anyMatch(subject -> "Shop".equals(subject.get("name")));
        check(hasShop, "the product Shop is missing in " + answer);
    }

    private static HTTPResponse send(Request request) throws Exception {
        return send(request.toHTTPRequest());
    }

    private static HTTPResponse send(HTTPRequest request) throws Exception {
        request.setConnectTimeout(TIMEOUT_MILLISECONDS);
        request.setReadTimeout(TIMEOUT_MILLISECONDS);
        return request.send();
    }

    private static PrivateKey privateKey(String pem) throws Exception {
        byte[] document = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(document));
    }

    private static String setting(String name) {
        String value = System.getenv(name);
        check(value != null && !value.isEmpty(), name + " is not set");
        return value;
    }

    /** Ends the program with the complaint unless the condition holds. */
    private static void check(boolean condition, String complaint) {
        if (!condition) {
            System.err.println(complaint);
            System.exit(1);
        }
    }
}
