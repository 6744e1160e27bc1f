/** What a user shows to a registry. */

/** A name and password, or in their place a token that the registry gave out at log-in. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Traded for access tokens (distribution, "OAuth2 token authentication", refresh_token). */
  readonly identityToken?: string;
  /** Shown as it is, as a bearer token. */
  readonly registryToken?: string;
}

/** `user:password`, as `--creds` takes it. */
export function parseCredentials(text: string): Credentials {
  const colon = text.indexOf(":");
  return colon < 0
    ? { username: text, password: "" }
    : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** RFC 7617; undefined where there is no password to show. */
export function basicAuthorization({ username, password }: Credentials): string | undefined {
  if (username === "" && password === "") return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
