/** Which credentials go to a repository: those of its address, secrets of the build, an agent; never to a stranger's host. */
import { CooperError } from "../../errors.ts";
import type { BuildSession } from "../session.ts";
import type { GitRemote } from "./git-address.ts";
import { authSecrets, basicAuthorization, type GitAccess } from "./git-environment.ts";

export type { GitAccess };

/**
 * @param isOwn whether the caller typed the address, or it is on the same host
 * @param ownHost where secrets that name no host belong to; undefined: wherever the first repository is
 */
export async function gitAccess(
  session: BuildSession,
  remote: GitRemote,
  isOwn: boolean,
  ownHost: string = session.ownHost ?? remote.host,
): Promise<GitAccess> {
  const given = session.options.agents.get("default");
  const agent = given ?? (isOwn ? (process.env.SSH_AUTH_SOCK ?? null) : null);
  if (remote.protocol === "ssh" && !isOwn && agent === null) {
    throw new CooperError(
      "invalid-argument",
      `${remote.url} is fetched over ssh, and no SSH agent was given`,
      { hint: "hand yours over: cooper build --ssh default" },
    );
  }
  return {
    isOwn,
    agent,
    authorization: await authorizationFor(session, remote, ownHost),
    mayAsk: session.options.mayAsk,
  };
}

async function authorizationFor(
  session: BuildSession,
  { host, protocol, credentials }: GitRemote,
  ownHost: string,
): Promise<string | null> {
  if (credentials !== null) return basicAuthorization(credentials);
  const isSafe =
    protocol === "https" || (protocol === "http" && /^(?:localhost|127\.|\[::1\])/.test(host));
  if (!isSafe) return null;
  for (const { id, isToken } of authSecrets(host)) {
    if (!id.endsWith(`.${host}`) && host !== ownHost) continue;
    const secret = session.options.secrets.find((one) => one.id === id);
    if (secret === undefined) continue;
    const text = Buffer.from(await secret.read())
      .toString()
      .trim();
    if (/[\r\n]/.test(text))
      throw new CooperError("invalid-argument", `the secret ${id} has more than one line`);
    return isToken ? basicAuthorization(`x-access-token:${text}`) : text;
  }
  return null;
}
