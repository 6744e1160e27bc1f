/** Which proxy a request goes through: the environment's, by the rules of Go's httpproxy, which both peers use. */
import { isLoopback } from "./loopback.ts";

/**
 * The proxy for a URL, or null for the direct way. Never for the machine itself. Capital names win.
 *
 * @param env HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case spellings
 */
export function proxyFor(
  url: URL,
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  if (isLoopback(url.hostname)) return null;
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = env[name] || env[name.toLowerCase()] || "";
  if (proxy === "" || isExcluded(url, env.NO_PROXY || env.no_proxy || "")) return null;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function isExcluded(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && covers(entry, host, port));
}

/** `*`, an address, a range of addresses, `example.com` (and what is below), `.example.com` (below only). */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInRange(host, entry);
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(entry);
  const name = (match?.[1] ?? entry).replace(/^\[|\]$/g, "");
  if (match?.[2] !== undefined && match[2] !== port) return false;
  if (name.startsWith(".")) return host.endsWith(name);
  return host === name || host.endsWith(`.${name.replace(/^\*\./, "")}`);
}

/** IPv4 ranges only: nobody has written an IPv6 one where a registry is named by its address. */
function isInRange(host: string, range: string): boolean {
  const [network = "", length = ""] = range.split("/");
  const [address, base, bits] = [toNumber(host), toNumber(network), Number(length)];
  if (address === undefined || base === undefined || !(bits >= 0 && bits <= 32)) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) === Math.floor(base / size);
}

function toNumber(address: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
