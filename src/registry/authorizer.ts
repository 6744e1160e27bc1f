/**
 * What is shown to a registry, when it asks: distribution's "Token Authentication" and RFC 7617.
 *
 * Credentials belong to one registry. They leave this machine
 * - to the registry itself, after it asked in an answer of its own: a challenge that comes from where it
 *   redirected to is not answered at all (CVE-2020-15157);
 * - to the token service that such an answer names, on another host only when both the answer and the
 *   service are encrypted with certificates that were checked. Where the registry is not (plain http, or
 *   unchecked certificates), anybody on the way could have written the answer: then the service must be
 *   on the registry's own host, or both on this machine;
 * - never in answer to a redirect of the token service to somewhere else.
 */
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";
import { failureOf } from "./failure.ts";
import { type HttpRequest, readBody } from "./http.ts";
import { isLoopback } from "./loopback.ts";

/** Sends a request; redirects to other hosts lose their Authorization. */
export type Send = (
  request: Pick<HttpRequest, "method" | "url" | "headers" | "body" | "followsRedirects">,
) => Promise<Response>;

interface Known {
  readonly header: string | undefined;
  /** ms; when a token has to be got anew. */
  readonly expiresAt: number;
}

export interface AuthorizerOptions {
  readonly registry: string;
  /** Looked up when first asked for: an anonymous pull runs no helper. */
  credentials(): Promise<Credentials | undefined>;
  readonly send: Send;
  /** Whether the registry's certificate is proven: no plain http, nothing unchecked. */
  isProven(base: URL): boolean;
  readonly now?: () => number;
}

/** Keeps what is to be shown, by scope. */
export class Authorizer {
  private readonly options: AuthorizerOptions;
  private readonly known = new Map<string, Promise<Known>>();
  private usesBasic: string | undefined;
  /** A token that a log-in is to keep in place of the password. */
  refreshToken: string | undefined;
  wantsRefreshToken = false;

  constructor(options: AuthorizerOptions) {
    this.options = options;
  }

  /** What to send along at once, as the registry has asked for before. */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    const known = await this.known.get(keyOf(scopes));
    if (known === undefined) return this.usesBasic;
    return known.expiresAt > this.now() ? known.header : undefined;
  }

  /**
   * What a challenge wants to be shown; undefined when there is nothing to show.
   *
   * @param failed what was sent and not taken: it is not got again from where it was kept
   */
  async answer(
    challenge: string,
    base: URL,
    scopes: readonly string[],
    failed: string | undefined,
  ): Promise<string | undefined> {
    const key = keyOf(scopes);
    const kept = this.known.get(key);
    // several requests may come back with the same expired token: one of them gets the next
    if (kept !== undefined) {
      const { header, expiresAt } = await kept;
      if (header !== failed && expiresAt > this.now()) return header;
    }
    if (this.known.get(key) === kept) {
      const next = this.take(parseChallenges(challenge), base, scopes);
      this.known.set(key, next);
      next.catch(() => this.known.delete(key));
    }
    return (await this.known.get(key))?.header;
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }

  private async take(
    challenges: readonly Challenge[],
    base: URL,
    scopes: readonly string[],
  ): Promise<Known> {
    const forever = Number.POSITIVE_INFINITY;
    const credentials = await this.options.credentials();
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      if (credentials?.registryToken !== undefined)
        return { header: `Bearer ${credentials.registryToken}`, expiresAt: forever };
      return this.fetchToken(base, scopes, bearer.parameters, credentials);
    }
    const header =
      credentials !== undefined && challenges.some(({ scheme }) => scheme === "basic")
        ? basicAuthorization(credentials)
        : undefined;
    this.usesBasic = header;
    return { header, expiresAt: forever };
  }

  private async fetchToken(
    base: URL,
    scopes: readonly string[],
    parameters: ReadonlyMap<string, string>,
    credentials: Credentials | undefined,
  ): Promise<Known> {
    const realm = this.realmOf(parameters.get("realm"), base, credentials !== undefined);
    const asked = parameters.get("scope");
    const wanted = [...new Set([...scopes, ...(asked === undefined ? [] : [asked])])];
    const service = parameters.get("service");
    const at = this.now();
    const response = await this.askToken(realm, service, wanted, credentials);
    if (!response.ok) throw await this.refusal(response, realm, credentials);
    const value: unknown = JSON.parse((await readBody(response, 1 << 20, "the token")).toString());
    const token = isObject(value) ? (value.token ?? value.access_token) : undefined;
    if (!isObject(value) || typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token))
      throw new CooperError("registry", `${realm.host} answered without a token`);
    if (typeof value.refresh_token === "string") this.refreshToken = value.refresh_token;
    // the specification's default, and its least; a little is kept back for clocks and the way
    const seconds = typeof value.expires_in === "number" ? Math.max(value.expires_in, 60) : 60;
    return { header: `Bearer ${token}`, expiresAt: at + (seconds - 10) * 1000 };
  }

  private realmOf(text: string | undefined, base: URL, hasCredentials: boolean): URL {
    const { registry } = this.options;
    if (text === undefined || !URL.canParse(text, base))
      throw new CooperError("registry", `${registry} wants a token and does not say from where`);
    const realm = new URL(text, base);
    realm.username = "";
    realm.password = "";
    const isOwnMachine = isLoopback(realm.hostname) && isLoopback(base.hostname);
    const isEncrypted = realm.protocol === "https:";
    if (!["http:", "https:"].includes(realm.protocol) || (!isEncrypted && !isOwnMachine)) {
      // plain http only to the very registry that the user allowed to be plain
      if (base.protocol !== "http:" || realm.host !== base.host)
        throw new CooperError(
          "registry",
          `${registry} wants a token from ${realm.host}, which is not encrypted`,
        );
    }
    const isSameHost = realm.hostname === base.hostname;
    if (hasCredentials && !isSameHost && !isOwnMachine && !this.options.isProven(base)) {
      throw new CooperError(
        "registry",
        `${registry}, whose certificate is not checked, wants your credentials to be sent to ${realm.host}`,
        { hint: "have its certificate checked: --tls-verify=true, with its authority in certs.d" },
      );
    }
    return realm;
  }

  /** With an identity token by the OAuth2 form, else with the password in a header; or anonymously. */
  private askToken(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<Response> {
    if (credentials?.identityToken !== undefined) {
      const form = new URLSearchParams({
        grant_type: "refresh_token",
        client_id: "cooper",
        refresh_token: credentials.identityToken,
        ...(service !== undefined && { service }),
        ...(scopes.length > 0 && { scope: scopes.join(" ") }),
      });
      return this.options.send({
        method: "POST",
        url: realm,
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: form.toString(),
        followsRedirects: false,
      });
    }
    if (service !== undefined) realm.searchParams.set("service", service);
    for (const scope of scopes) realm.searchParams.append("scope", scope);
    const basic = credentials === undefined ? undefined : basicAuthorization(credentials);
    if (basic !== undefined && credentials !== undefined) {
      realm.searchParams.set("account", credentials.username);
      realm.searchParams.set("client_id", "cooper");
      if (this.wantsRefreshToken) realm.searchParams.set("offline_token", "true");
    }
    return this.options.send({
      method: "GET",
      url: realm,
      headers: basic === undefined ? {} : { Authorization: basic },
    });
  }

  private async refusal(
    response: Response,
    realm: URL,
    credentials: Credentials | undefined,
  ): Promise<unknown> {
    const { registry } = this.options;
    if ((response.status === 401 || response.status === 403) && credentials !== undefined) {
      await response.body?.cancel();
      return new CooperError(
        "registry",
        `${realm.host} does not accept the credentials for ${registry}`,
        { hint: `log in again: cooper login ${registry}` },
      );
    }
    return failureOf(registry, response, "a token");
  }
}

const keyOf = (scopes: readonly string[]): string => scopes.join(" ");
