/** `login` and `logout`: credentials are tried at the registry before they are kept. */
import { CooperError } from "../errors.ts";
import { type AccessOptions, openRegistry, placesOf } from "./access.ts";
import { normalizeKey } from "./auth-file.ts";
import {
  eraseAllCredentials,
  eraseCredentials,
  findCredentials,
  storeCredentials,
} from "./credential-store.ts";
import type { Credentials } from "./credentials.ts";
import { isInsecureRegistry } from "./pull-sources.ts";
import type { RegistriesConf } from "./registries-conf.ts";

/** A registry, or a part of it, as the user typed it; and which files are meant. */
export interface LoginTarget extends AccessOptions {
  /** `quay.io`, `quay.io/team`; Docker's `https://index.docker.io/v1/` is understood. */
  readonly server: string;
  readonly compatAuthFile?: string;
}

/** What a server was typed as: the key of its credentials. */
export function serverKey(server: string): string {
  const key = normalizeKey(server);
  if (!/^(?:[\w.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?(?:\/[\w./-]+)?$/.test(key))
    throw new CooperError("invalid-argument", `"${server}" is no registry`);
  return key;
}

/** The credentials that there are for a server. */
export async function currentLogin(
  conf: RegistriesConf,
  target: LoginTarget,
): Promise<Credentials | undefined> {
  const [registry = "", ...path] = serverKey(target.server).split("/");
  return findCredentials(placesOf(conf, target), registry, path.join("/"));
}

/**
 * Tries credentials at the registry and keeps them. Where its token service gives out an identity token,
 * that is kept in place of the password.
 *
 * @returns where they are kept now
 * @throws CooperError registry when they are not accepted
 */
export async function login(
  conf: RegistriesConf,
  target: LoginTarget,
  credentials: Credentials,
): Promise<string> {
  const identityToken = await tryCredentials(conf, target, credentials);
  const kept = identityToken === undefined ? credentials : { ...credentials, identityToken };
  return storeCredentials(placesOf(conf, target), serverKey(target.server), kept);
}

/** Whether the registry takes these credentials. */
export async function isAccepted(
  conf: RegistriesConf,
  target: LoginTarget,
  credentials: Credentials,
): Promise<boolean> {
  try {
    await tryCredentials(conf, target, credentials);
    return true;
  } catch (error) {
    if (error instanceof CooperError && error.code === "registry") return false;
    throw error;
  }
}

/** Asks the registry whether it takes them (distribution-spec, "end-1"); an identity token if it gives one. */
async function tryCredentials(
  conf: RegistriesConf,
  target: LoginTarget,
  credentials: Credentials,
): Promise<string | undefined> {
  const key = serverKey(target.server);
  const [registry = "", ...path] = key.split("/");
  const isInsecure = isInsecureRegistry(conf, key);
  const source = { registry, repository: path.join("/"), isInsecure, isMirror: false };
  const { session } = openRegistry(conf, source, { ...target, credentials });
  session.authorizer.wantsRefreshToken = true;
  const response = await session.retrying(() =>
    session.send({ path: "", scopes: [], what: "a log-in", expects: [401, 403, 404] }),
  );
  await response.body?.cancel();
  if (response.status === 404)
    throw new CooperError("registry", `${registry} is no registry: it knows no /v2/`);
  if (!response.ok)
    throw new CooperError("registry", `${registry} does not accept this user name and password`);
  return session.authorizer.refreshToken;
}

/**
 * Forgets the credentials for a server.
 *
 * @throws CooperError no-such-object when there are none, or only such as another tool keeps
 */
export async function logout(conf: RegistriesConf, target: LoginTarget): Promise<void> {
  const key = serverKey(target.server);
  const erased = await eraseCredentials(placesOf(conf, target), key);
  if (erased === "erased") return;
  if (erased === "kept-elsewhere")
    throw new CooperError(
      "conflict",
      `not logged in to ${key} by this tool: other files hold credentials for it`,
      { hint: `remove them with the tool that made them: docker logout ${key}` },
    );
  throw new CooperError("no-such-object", `not logged in to ${key}`);
}

/** Forgets all credentials. */
export async function logoutOfAll(
  conf: RegistriesConf,
  options: { readonly authFile?: string; readonly compatAuthFile?: string },
): Promise<void> {
  await eraseAllCredentials(placesOf(conf, options));
}
