/** The head of an HTTP/1.1 request (RFC 9112), read strictly: what is ambiguous is refused. Pure. */
import { CooperError } from "../../errors.ts";

/** What stands before the body. */
export interface RequestHead {
  readonly method: string;
  /** Still encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly isHttp10: boolean;
  /** null: the length is not known, and the body comes in chunks. */
  readonly bodyLength: number | null;
  readonly keepsAlive: boolean;
  readonly expectsContinue: boolean;
  /** Whether the client offers to leave HTTP (`Connection: Upgrade`). */
  readonly upgrades: boolean;
}

/** RFC 9110, 5.6.2: a token. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const bad = (why: string) => new CooperError("invalid-argument", `malformed HTTP request: ${why}`);

/** @param text everything up to the empty line, without it */
export function parseHead(text: string): RequestHead {
  const [line = "", ...fields] = text.split("\r\n");
  const [method = "", target = "", version = "", ...more] = line.split(" ");
  if (more.length > 0 || !token.test(method)) throw bad("its first line");
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") throw bad("its version");
  const headers = readFields(fields);
  const { path, query } = splitTarget(target);
  const isHttp10 = version === "HTTP/1.0";
  if (!isHttp10 && !headers.has("host")) throw bad("no Host");
  const connection = (headers.get("connection") ?? "").toLowerCase().split(/\s*,\s*/);
  return {
    method,
    path,
    query,
    headers,
    isHttp10,
    bodyLength: lengthOf(headers),
    keepsAlive: isHttp10 ? connection.includes("keep-alive") : !connection.includes("close"),
    expectsContinue: headers.get("expect")?.toLowerCase() === "100-continue",
    upgrades: connection.includes("upgrade"),
  };
}

function readFields(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    // also lines folded onto the next, which readers take differently (RFC 9112, 5.2)
    if (colon <= 0 || !token.test(name)) throw bad("a header");
    const value = line.slice(colon + 1).trim();
    if (/[\0\r\n]/.test(value)) throw bad(`header ${name}`);
    const before = headers.get(name);
    if (before !== undefined && ["content-length", "transfer-encoding", "host"].includes(name))
      throw bad(`${name} stands twice`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** Both ways to say how long a body is together are how requests are smuggled (RFC 9112, 6.3). */
function lengthOf(headers: ReadonlyMap<string, string>): number | null {
  const length = headers.get("content-length");
  const encoding = headers.get("transfer-encoding");
  if (encoding !== undefined) {
    if (length !== undefined) throw bad("Content-Length and Transfer-Encoding together");
    if (encoding.toLowerCase() !== "chunked") throw bad(`Transfer-Encoding ${encoding}`);
    return null;
  }
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) throw bad("Content-Length");
  return Number(length);
}

/** `/path?query`, or the whole URL that a client of a proxy sends. */
function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const local = target.replace(/^https?:\/\/[^/?]*/i, "");
  const at = local.indexOf("?");
  const path = at < 0 ? local : local.slice(0, at);
  if (!path.startsWith("/") || /[\0-\x20\x7f]/.test(local)) throw bad("its target");
  return { path, query: new URLSearchParams(at < 0 ? "" : local.slice(at + 1)) };
}
