/** What a client shows to a registry, in the header that it sends along. Pure. */
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import type { Credentials } from "../registry/credentials.ts";

/** `X-Registry-Auth`: base64 of JSON, in either alphabet. Empty: whatever this machine knows itself. */
export function readCredentials(headers: ReadonlyMap<string, string>): {
  readonly credentials?: Credentials;
} {
  const text = headers.get("x-registry-auth") ?? "";
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    // the text may be a secret: it is not repeated
    throw new CooperError("invalid-argument", "invalid X-Registry-Auth header");
  }
  if (!isObject(value)) return {};
  const field = (name: string) => {
    const found = value[name];
    return typeof found === "string" ? found : "";
  };
  const [identityToken, registryToken] = [field("identitytoken"), field("registrytoken")];
  const credentials: Credentials = {
    username: field("username"),
    password: field("password"),
    ...(identityToken !== "" && { identityToken }),
    ...(registryToken !== "" && { registryToken }),
  };
  const isEmpty = [credentials.username, credentials.password, identityToken, registryToken].every(
    (part) => part === "",
  );
  return isEmpty ? {} : { credentials };
}
