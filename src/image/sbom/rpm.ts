/**
 * The database of rpm 4.16 and later: SQLite, with the header of each package as a blob. Older ones
 * (Berkeley DB, ndb) are not read.
 */
import { Database } from "bun:sqlite";
import type { FoundPackage } from "./package.ts";

// rpm's lib/rpmtag.h
const tags = { name: 1000, version: 1001, release: 1002, epoch: 1003, license: 1014, arch: 1022 };
const typeInt32 = 4;
const typeString = 6;
const typeI18nString = 9;
const maxPackages = 100_000;

/** The packages that a database lists; none when it is damaged. It is a stranger's, and only read. */
export function rpmPackages(bytes: Uint8Array, place: string): FoundPackage[] {
  let database: Database | undefined;
  try {
    database = Database.deserialize(bytes, true);
    // a view of that name could hold any query
    const table = database.query(
      "select 1 from sqlite_schema where name = 'Packages' and type = 'table'",
    );
    if (table.get() === null) return [];
    const rows = database
      .query<{ blob: unknown }, [number]>("select blob from Packages limit ?")
      .all(maxPackages);
    return rows.flatMap(({ blob }) => (blob instanceof Uint8Array ? packageOf(blob, place) : []));
  } catch {
    return []; // no database, or one that is cut off: what is in the image is not ours to judge
  } finally {
    database?.close();
  }
}

/** A header: counts of entries and bytes, entries of tag, type, offset and count, then the bytes. */
function packageOf(blob: Uint8Array, place: string): FoundPackage[] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (view.byteLength < 8) return [];
  const entries = view.getUint32(0);
  const start = 8 + entries * 16;
  if (entries > 10_000 || start > view.byteLength) return [];
  const values = new Map<number, string>();
  for (let index = 0; index < entries; index++) {
    const at = 8 + index * 16;
    const value = valueAt(view, view.getUint32(at + 4), start + view.getUint32(at + 8));
    if (value !== undefined) values.set(view.getUint32(at), value);
  }
  const [name, version] = [values.get(tags.name), values.get(tags.version)];
  // keys that rpm trusts are listed as packages too
  if (name === undefined || version === undefined || name === "gpg-pubkey") return [];
  const [epoch, release] = [values.get(tags.epoch), values.get(tags.release)];
  const full = `${epoch === undefined ? "" : `${epoch}:`}${version}${release === undefined ? "" : `-${release}`}`;
  const [architecture, license] = [values.get(tags.arch) ?? null, values.get(tags.license) ?? null];
  return [{ kind: "rpm", name, version: full, architecture, license, place }];
}

function valueAt(view: DataView, type: number, at: number): string | undefined {
  if (type === typeInt32) return at + 4 <= view.byteLength ? `${view.getUint32(at)}` : undefined;
  if (type !== typeString && type !== typeI18nString) return undefined;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const end = bytes.indexOf(0, at);
  return end < 0 || end - at > 4096
    ? undefined
    : Buffer.from(bytes.subarray(at, end)).toString("utf8");
}
