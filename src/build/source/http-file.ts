/**
 * A file from the web: fetched into a layer that the build cache knows by its address. The next build asks the
 * server whether it has changed (RFC 9110, "Conditional Requests"), and not even that when its checksum is given.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { CooperError, messageOf } from "../../errors.ts";
import { digestOf, hexOf } from "../../oci/digest.ts";
import { isObject } from "../../oci/json.ts";
import { cachedLayer } from "../../records/build-cache.ts";
import { bodyChunks, ConnectionError, request } from "../../registry/http.ts";
import type { BuildSession, BuiltTree } from "../session.ts";
import { seal } from "../steps/writable.ts";
import { basicAuthorization } from "./git-environment.ts";
import { decodePercent } from "./url-text.ts";

/** More than any file that belongs into an image. */
const maxBytes = 64 * 2 ** 30;
const maxTries = 3;
const version = 1;

/** What is asked for. */
export interface WantedFile {
  readonly url: URL;
  /** The name that it gets. */
  readonly name: string;
  /** `sha256:…`; null: whatever comes. */
  readonly checksum: string | null;
}

/** A file alone in a directory. */
export interface FetchedFile {
  readonly directory: string;
  readonly name: string;
  /** `sha256:…` */
  readonly digest: string;
  /** As the server says; empty: it does not. */
  readonly contentType: string;
}

/** What is kept beside the file. */
interface Answer {
  readonly digest: string;
  readonly contentType: string;
  readonly etag: string;
  readonly lastModified: string;
}

/** The address of a file, which may be used by http and https alone. @throws CooperError */
export function fileUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== "") return url;
  throw new CooperError("not-supported", "files are fetched by http and https alone");
}

/** An address without credentials, and without its query, which may hold some. */
export const shownUrl = ({ protocol, host, pathname }: URL) => `${protocol}//${host}${pathname}`;

/** Fetches it, unless what was fetched before still holds. */
export async function fetchFile(session: BuildSession, wanted: WantedFile): Promise<FetchedFile> {
  const fetched = await fetchOrUse(session, wanted);
  const sha256 = fetched.digest.replace(/^sha256:/, "");
  session.materials.push({ uri: shownUrl(wanted.url), digest: { sha256 } });
  return fetched;
}

async function fetchOrUse(session: BuildSession, wanted: WantedFile): Promise<FetchedFile> {
  const { url, name, checksum } = wanted;
  const address = `${shownUrl(url)}${url.search}`;
  const key = hexOf(digestOf(JSON.stringify([version, "http", address, name])));
  const kept = keptFile(session, key, name);
  if (kept !== undefined && checksum === kept.answer.digest) return use(session, key, kept);
  const response = await ask(session, wanted, kept?.answer);
  if (response.status === 304 && kept !== undefined) {
    await response.body?.cancel();
    if (checksum === null) return use(session, key, kept);
    throw mismatch(kept.answer.digest, checksum);
  }
  if (!response.ok)
    throw new CooperError("network", `${shownUrl(url)} answered with status ${response.status}`);
  const directory = session.stage.next("download");
  const content = join(directory, "diff", "content");
  mkdirSync(content, { recursive: true, mode: 0o755 });
  const digest = await write(response, join(content, name), wanted);
  const header = (field: string) => response.headers.get(field) ?? "";
  const answer: Answer = {
    digest,
    contentType: header("content-type"),
    etag: header("etag"),
    lastModified: header("last-modified"),
  };
  const isKept = answer.etag !== "" || answer.lastModified !== "" || checksum !== null;
  if (!isKept) return { directory: content, name, ...answer };
  writeFileSync(join(directory, "diff", "answer.json"), JSON.stringify(answer));
  const tree = await seal(session, { layers: [] }, directory);
  session.bench.remember({ key, layerId: tree.layers[0] ?? "", title: `http ${shownUrl(url)}` });
  return { directory: join(directoryOf(session, tree), "content"), name, ...answer };
}

const directoryOf = (session: BuildSession, tree: BuiltTree) => session.directories(tree)[0] ?? "";

interface KeptFile {
  readonly layerId: string;
  readonly createdAt: number;
  readonly directory: string;
  readonly name: string;
  readonly answer: Answer;
}

function keptFile(session: BuildSession, key: string, name: string): KeptFile | undefined {
  const known = cachedLayer(session.host.database, key);
  if (known === undefined) return undefined;
  const { diff } = session.host.paths.layer(known.layerId);
  const directory = join(diff, "content");
  if (!existsSync(join(directory, name))) return undefined;
  const value: unknown = JSON.parse(readFileSync(join(diff, "answer.json"), "utf8"));
  const field = (of: string) => (isObject(value) && typeof value[of] === "string" ? value[of] : "");
  const answer = {
    digest: field("digest"),
    contentType: field("contentType"),
    etag: field("etag"),
    lastModified: field("lastModified"),
  };
  return { ...known, directory, name, answer };
}

function use(session: BuildSession, key: string, kept: KeptFile): FetchedFile {
  session.bench.addStored(kept.layerId);
  session.bench.reuse(key, kept.layerId, kept.createdAt);
  return { directory: kept.directory, name: kept.name, ...kept.answer };
}

async function ask(
  session: BuildSession,
  { url }: WantedFile,
  answer: Answer | undefined,
): Promise<Response> {
  const bare = new URL(url);
  [bare.username, bare.password, bare.hash] = ["", "", ""];
  const credentials = [url.username, url.password].map(decodePercent).join(":");
  for (let tries = 1; ; tries++) {
    try {
      return await request({
        method: "GET",
        url: bare,
        headers: {
          ...(url.username !== "" && { Authorization: basicAuthorization(credentials) }),
          ...(answer?.etag && { "If-None-Match": answer.etag }),
          ...(answer?.lastModified && !answer.etag && { "If-Modified-Since": answer.lastModified }),
        },
        trust: { isInsecure: false },
        signal: session.signal,
      });
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      if (error.isWorthRetrying && tries < maxTries) continue;
      throw unreachable(url, error);
    }
  }
}

const unreachable = (url: URL, cause: unknown) =>
  new CooperError("network", `cannot fetch ${shownUrl(url)}: ${messageOf(cause)}`, { cause });

/** Resolves to the digest of what came. */
async function write(
  response: Response,
  file: string,
  { url, checksum }: WantedFile,
): Promise<string> {
  const descriptor = openSync(file, "wx", 0o600);
  const hash = new Bun.CryptoHasher("sha256");
  try {
    let size = 0;
    for await (const chunk of bodyChunks(response)) {
      size += chunk.length;
      if (size > maxBytes) throw new CooperError("hostile", `${shownUrl(url)} does not end`);
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
    }
  } catch (error) {
    throw error instanceof ConnectionError ? unreachable(url, error) : error;
  } finally {
    closeSync(descriptor);
  }
  const digest = `sha256:${hash.digest("hex")}`;
  if (checksum !== null && digest !== checksum) throw mismatch(digest, checksum);
  const time = Date.parse(response.headers.get("last-modified") ?? "") / 1000 || 0;
  utimesSync(file, time, time);
  return digest;
}

const mismatch = (digest: string, checksum: string) =>
  new CooperError("corrupt", `digest mismatch ${digest}: expected ${checksum}`);
