/** Why another engine cannot be reached, and what mends it. Pure. */
import { CooperError, messageOf } from "../errors.ts";
import type { Target } from "./target.ts";

const codeOf = (cause: unknown) =>
  cause instanceof Error && "code" in cause ? String(cause.code) : messageOf(cause);

/** In words for what a socket or TLS says. */
export function unreachable(target: Target, cause: unknown): CooperError {
  if (cause instanceof CooperError) return cause;
  const { url } = target;
  const code = codeOf(cause);
  const failed = (why: string, hint?: string) =>
    new CooperError("network", `cannot reach the engine at ${url}: ${why}`, {
      cause,
      ...(hint !== undefined && { hint }),
    });
  if (/EACCES|EPERM/.test(code))
    return new CooperError("permission-denied", `the socket ${url} is not yours to use`, {
      cause,
      hint: "it belongs to root or a group of its own, such as docker: become a member, or use sudo",
    });
  if (target.kind === "unix") {
    if (/ENOENT|FailedToOpenSocket/.test(code))
      return failed(
        "nothing listens there",
        `start its service, such as: cooper system service ${url}`,
      );
    if (/ECONNREFUSED/.test(code)) return failed("its service has ended", "start it again");
    return failed(messageOf(cause));
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME|ALTNAME|certificate/i.test(code))
    return failed(
      `its certificate cannot be trusted (${code})`,
      "--tlscacert names the authority that it is from; it must be made out to this host's name",
    );
  if (/TLS|SSL|EPROTO|closed the connection|ECONNRESET/i.test(code))
    return failed(
      "it does not agree on TLS",
      "it may ask for a certificate of yours (--tlscert, --tlskey), or speak no TLS there",
    );
  if (/ECONNREFUSED/.test(code)) return failed("nothing answers there (connection refused)");
  if (/ENOTFOUND|DNS|EAI_/.test(code)) return failed("the name of the host is not known");
  return failed(messageOf(cause));
}

/** For a connection that was made, and closed without a word. */
export function tlsHint(target: Target): string | undefined {
  if (target.kind !== "tcp") return undefined;
  return target.tls === null
    ? "it may speak TLS: --tlsverify, with the certificates of DOCKER_CERT_PATH or --tlscacert"
    : "it may ask for a certificate of yours (--tlscert, --tlskey), or not trust the one that it was shown";
}
