/** A context as a file, as `docker context export` writes it: a tar of `meta.json` and `tls/docker/*.pem`. */
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { TarReader } from "../layer/tar.ts";
import { tarEnd, tarHeader, tarPadding } from "../layer/tar-write.ts";
import { isObject } from "../oci/json.ts";
import {
  type Context,
  type ContextPlace,
  contextDocument,
  contextOf,
  contextTarget,
  contextTls,
  saveContext,
  tlsNames,
} from "./contexts.ts";

/** Writes it; `-` is standard output. It may hold a key: nobody else reads the file. */
export async function exportContext(
  place: ContextPlace,
  context: Context,
  file: string,
): Promise<void> {
  const bytes = packContext(context, contextTls(place, context));
  if (file === "-") {
    for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
    return;
  }
  try {
    writeFileSync(file, bytes, { mode: 0o600, flag: "wx" });
  } catch (cause) {
    const why = errnoName(cause) === "EEXIST" ? "it is there already" : messageOf(cause);
    throw new CooperError("invalid-argument", `cannot write ${file}: ${why}`, { cause });
  }
}

/** The tar. Pure. */
export function packContext(context: Context, tls: Readonly<Record<string, Uint8Array>>): Buffer {
  const entry = (name: string, bytes: Uint8Array, mode: number) => [
    tarHeader({ name, type: "0", mode, size: bytes.length }),
    bytes,
    tarPadding(bytes.length),
  ];
  const directory = (name: string) => tarHeader({ name, type: "5", mode: 0o700 });
  const meta = Buffer.from(JSON.stringify(contextDocument(context)));
  return Buffer.concat([
    ...entry("meta.json", meta, 0o644),
    directory("tls/"),
    ...(Object.keys(tls).length > 0 ? [directory("tls/docker/")] : []),
    ...Object.entries(tls).flatMap(([name, bytes]) => entry(`tls/docker/${name}`, bytes, 0o600)),
    tarEnd(),
  ]);
}

const maxBytes = 10 << 20;

/** @param name what it is called here @throws CooperError for what is no context, before anything is kept */
export async function importContext(
  place: ContextPlace,
  name: string,
  file: string,
): Promise<void> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === "-" ? 0 : file);
  } catch (cause) {
    throw new CooperError("invalid-argument", `cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (bytes.length > maxBytes)
    throw new CooperError("invalid-argument", `${file} is larger than 10 MiB: it is no context`);
  const { context, tls } = unpackContext(bytes, name);
  contextTarget(place, { ...context, tlsFiles: [] });
  await saveContext(place, context, tls);
}

/** What such a tar holds. Pure. @throws CooperError invalid-argument */
export function unpackContext(
  bytes: Uint8Array,
  name: string,
): { context: Context; tls: Record<string, Uint8Array> } {
  const files = readFiles(bytes);
  const meta = files.get("meta.json");
  if (meta === undefined) throw noContext("it has no meta.json");
  let document: unknown;
  try {
    document = JSON.parse(meta.toString("utf8"));
  } catch (cause) {
    throw noContext("its meta.json is no JSON", cause);
  }
  if (!isObject(document)) throw noContext("its meta.json is no object");
  const tls = Object.fromEntries(
    tlsNames.flatMap((file) => {
      const found = files.get(`tls/docker/${file}`);
      return found === undefined ? [] : [[file, found]];
    }),
  );
  return { context: { ...contextOf(document, Object.keys(tls)), name }, tls };
}

const noContext = (why: string, cause?: unknown) =>
  new CooperError("invalid-argument", `the file is no exported context: ${why}`, { cause });

function readFiles(bytes: Uint8Array): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  let name = "";
  let parts: Buffer[] = [];
  const reader = new TarReader({
    entry(entry) {
      name = entry.kind === "file" ? entry.name.replace(/^\.\//, "") : "";
      parts = [];
    },
    data: (piece) => void parts.push(Buffer.from(piece)),
    entryEnd() {
      if (name !== "") files.set(name, Buffer.concat(parts));
    },
  });
  try {
    reader.write(bytes);
    reader.finish();
  } catch (cause) {
    throw noContext(messageOf(cause), cause);
  }
  return files;
}
