/** The resolvers of this host. */
import { readFileSync } from "node:fs";
import { parseResolv, reachable } from "./resolv-text.ts";

/**
 * The text of its resolv.conf. systemd-resolved's stub is a loopback address: for another network
 * namespace its real servers are in another file.
 */
export function hostResolv(isShared = false): string {
  const own = readOr("/etc/resolv.conf");
  if (isShared || own === undefined || hasReachable(own)) return own ?? "";
  const behind = readOr("/run/systemd/resolve/resolv.conf");
  return behind !== undefined && hasReachable(behind) ? behind : own;
}

/** Whether names can only be asked for on the host's loopback. */
export function asksLoopbackOnly(text = hostResolv()): boolean {
  return parseResolv(text).servers.length > 0 && !hasReachable(text);
}

const hasReachable = (text: string) => reachable(parseResolv(text).servers, false).length > 0;

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // not there
  }
}
