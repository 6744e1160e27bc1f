/** What a client shows to registries, in the headers that it sends along. Pure. */
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import type { Credentials } from "../registry/credentials.ts";

/** For whatever registry a request names, or by registry. */
export interface SentCredentials {
  readonly credentials?: Credentials;
  /** As the `auths` of a file are. */
  readonly sentAuths?: Readonly<Record<string, unknown>>;
}

/**
 * `X-Registry-Auth`, for one registry or (Podman's) a map by registry, and `X-Registry-Config`, which is
 * such a map. Nothing: whatever this machine knows itself.
 */
export function readCredentials(headers: ReadonlyMap<string, string>): SentCredentials {
  const config = decodeHeader(headers, "X-Registry-Config");
  const one = decodeHeader(headers, "X-Registry-Auth");
  const maps = [config, isMap(one) ? one : {}];
  const sentAuths = Object.assign({}, ...maps) as Record<string, unknown>;
  return {
    ...(!isMap(one) && ofOne(one)),
    ...(Object.keys(sentAuths).length > 0 && { sentAuths }),
  };
}

/** Base64 of a JSON object, in either alphabet. */
function decodeHeader(
  headers: ReadonlyMap<string, string>,
  name: string,
): Readonly<Record<string, unknown>> {
  const text = headers.get(name.toLowerCase()) ?? "";
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    // the text may be a secret: it is not repeated
    throw new CooperError("invalid-argument", `invalid ${name} header`);
  }
  return isObject(value) ? value : {};
}

const isMap = (value: Readonly<Record<string, unknown>>) =>
  Object.values(value).some((entry) => isObject(entry));

function ofOne(value: Readonly<Record<string, unknown>>): SentCredentials {
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
