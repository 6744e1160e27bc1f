/** Extended headers of pax (pax(1), "pax Header Block"): records that overrule fields of the next header. */
import { CooperError } from "../errors.ts";
import type { Header } from "./tar-header.ts";

/** What stood before an entry's own header. */
export interface Pax {
  /** Byte strings by key. */
  readonly records: ReadonlyMap<string, string>;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Pieces of a sparse file in the formats 0.0 (repeated keys). */
  readonly sparsePieces: readonly string[];
  readonly gnuName?: string;
  readonly gnuLinkName?: string;
}

export const emptyPax: Pax = { records: new Map(), xattrs: new Map(), sparsePieces: [] };

const xattrPrefix = "SCHILY.xattr.";

/**
 * Parses records of the form `LENGTH KEY=VALUE\n`, where the length counts all of the record.
 *
 * @throws CooperError corrupt
 */
export function parsePax(contents: Buffer): Pax {
  const records = new Map<string, string>();
  const xattrs = new Map<string, Uint8Array>();
  const sparsePieces: string[] = [];
  for (let at = 0; at < contents.length; ) {
    const space = contents.indexOf(0x20, at);
    const digits = space < 0 || space - at > 8 ? "" : contents.toString("latin1", at, space);
    const end = at + Number(digits);
    const equals = contents.indexOf(0x3d, space);
    const isValid =
      /^[1-9]\d*$/.test(digits) && end <= contents.length && contents[end - 1] === 0x0a;
    if (!isValid || equals <= space + 1 || equals >= end) {
      throw new CooperError("corrupt", "the tar has an invalid extended header");
    }
    const key = contents.toString("latin1", space + 1, equals);
    const value = contents.subarray(equals + 1, end - 1);
    if (key.startsWith(xattrPrefix)) {
      const name = key.slice(xattrPrefix.length);
      if (name.includes("\0"))
        throw new CooperError("hostile", "the tar has an extended attribute with NUL in its name");
      xattrs.set(name, Buffer.from(value));
    } else if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
      sparsePieces.push(value.toString("latin1"));
    } else {
      const text = value.toString("latin1");
      if (
        key.includes("\0") ||
        (/^(?:path|linkpath|uname|gname|GNU\.sparse\.name)$/.test(key) && text.includes("\0"))
      ) {
        throw new CooperError("hostile", "the tar has a name with NUL in it");
      }
      records.set(key, text);
    }
    at = end;
  }
  return { records, xattrs, sparsePieces };
}

/** The header as its records and long names overrule it. An empty value takes a record away again. */
export function applyPax(header: Header, pax: Pax): Header {
  if (pax === emptyPax) return header; // most entries of most layers
  const { records } = pax;
  const get = (key: string) => records.get(key) || undefined;
  const time = get("mtime");
  const { seconds, nanoseconds } =
    time === undefined ? { seconds: header.mtimeSeconds, nanoseconds: 0 } : parseTime(time);
  return {
    ...header,
    name: get("path") ?? pax.gnuName ?? header.name,
    linkName: get("linkpath") ?? pax.gnuLinkName ?? header.linkName,
    size: integer(get("size"), header.size, "size"),
    uid: integer(get("uid"), header.uid, "uid"),
    gid: integer(get("gid"), header.gid, "gid"),
    mtimeSeconds: seconds,
    mtimeNanoseconds: nanoseconds,
    xattrs: pax.xattrs.size === 0 ? header.xattrs : pax.xattrs,
  };
}

function integer(text: string | undefined, otherwise: number, key: string): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new CooperError("corrupt", `the tar has an extended header with an invalid ${key}`);
  return value;
}

/** Seconds as a decimal, perhaps negative; nanoseconds count upwards from the second below. */
function parseTime(text: string): { seconds: number; nanoseconds: number } {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text);
  if (match === null)
    throw new CooperError("corrupt", "the tar has an extended header with an invalid time");
  const [, sign, whole = "0", fraction = ""] = match;
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  const seconds = Number(whole);
  if (sign !== "-") return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}
