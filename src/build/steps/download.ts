/** ADD of a URL: the file is fetched into the stage, and from there copied like any other. */
import { closeSync, mkdirSync, openSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import { bodyChunks, request } from "../../registry/http.ts";
import type { CopyStep } from "../graph.ts";
import type { BuildSession } from "../session.ts";
import type { CopySource } from "./copy.ts";

/** More than any file that belongs into an image. */
const maxBytes = 64 * 2 ** 30;

/** Fetches all URLs of a step. */
export async function downloadAll(session: BuildSession, step: CopyStep): Promise<CopySource[]> {
  const sources: CopySource[] = [];
  for (const url of step.urls) sources.push(await download(session, url, step));
  return sources;
}

async function download(
  session: BuildSession,
  text: string,
  { checksum, destination, unpacks }: CopyStep,
): Promise<CopySource> {
  const url = new URL(text);
  if (url.protocol === "ftp:")
    throw new CooperError("not-supported", "files are fetched by http and https alone");
  const name = nameOf(url, destination);
  const shown = `${url.protocol}//${url.host}${url.pathname}`; // without credentials and query
  const response = await request({
    method: "GET",
    url,
    headers: {},
    trust: { isInsecure: false },
    signal: session.signal,
  });
  if (!response.ok)
    throw new CooperError("network", `${shown} answered with status ${response.status}`);
  const directory = session.stage.next("download");
  mkdirSync(directory, { mode: 0o700 });
  const file = join(directory, name);
  const descriptor = openSync(file, "wx", 0o600);
  const hash = new Bun.CryptoHasher("sha256");
  try {
    let size = 0;
    for await (const chunk of bodyChunks(response)) {
      size += chunk.length;
      if (size > maxBytes) throw new CooperError("hostile", `${shown} does not end`);
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
    }
  } finally {
    closeSync(descriptor);
  }
  const digest = `sha256:${hash.digest("hex")}`;
  if (checksum !== null && digest !== checksum)
    throw new CooperError("corrupt", `digest mismatch ${digest}: expected ${checksum}`);
  const time = Date.parse(response.headers.get("last-modified") ?? "") / 1000 || 0;
  utimesSync(file, time, time);
  const tree = { root: directory, shown, ignore: null, isContext: true };
  return { tree, paths: [name.replace(/[*?[\\]/g, "\\$&")], unpacks: unpacks.urls };
}

/** The last part of the path, which a destination that is a directory needs. */
function nameOf(url: URL, destination: string): string {
  const name = decodeURIComponent(url.pathname.split("/").at(-1) ?? "");
  const isUsable = name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
  if (isUsable && name.length <= 255) return name;
  if (!destination.endsWith("/")) return "file";
  throw new CooperError("invalid-argument", `cannot determine filename for source ${url.host}`, {
    hint: "give the file a name: a destination that does not end with /",
  });
}
