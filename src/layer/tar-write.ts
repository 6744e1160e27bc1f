/** Writing tar streams (ustar, with pax records where a field is too small for it). */

const blockSize = 512;

/** An entry to write. Names are byte strings. */
export interface TarFields {
  readonly name: string;
  /** As in the header: `0` file, `1` hard link, `2` symbolic link, `5` directory… */
  readonly type: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  /** Seconds. */
  readonly mtime?: number;
  readonly linkName?: string;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  /** More records for the extended header. */
  readonly pax?: Readonly<Record<string, string>>;
}

/** The header block or blocks of an entry. */
export function tarHeader(fields: TarFields): Buffer {
  const records: Record<string, string> = { ...fields.pax };
  const { name, linkName = "", size = 0, uid = 0, gid = 0, mtime = 0 } = fields;
  if (name.length > 100) records.path = name;
  if (linkName.length > 100) records.linkpath = linkName;
  if (size > 0o77777777777) records.size = `${size}`;
  if (uid > 0o7777777) records.uid = `${uid}`;
  if (gid > 0o7777777) records.gid = `${gid}`;
  if (mtime < 0 || mtime > 0o77777777777) records.mtime = `${mtime}`;
  const header = ustar(fields);
  if (Object.keys(records).length === 0) return header;
  const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  const extended = ustar({
    name: `PaxHeaders/${name.slice(-80)}`,
    type: "x",
    mode: 0o644,
    size: body.length,
  });
  return Buffer.concat([extended, body, tarPadding(body.length), header]);
}

/** The zeros after that many bytes of contents. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

/** What ends an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * blockSize);
}

/** A record of an extended header, `LENGTH KEY=VALUE\n`: the length counts its own digits. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return Buffer.from(`${length}${rest}`, "latin1");
}

function ustar(fields: TarFields): Buffer {
  const block = Buffer.alloc(blockSize);
  const octal = (value: number, at: number, length: number) => {
    const limit = 8 ** (length - 1) - 1;
    const digits = Math.max(0, Math.min(value, limit)).toString(8);
    block.write(digits.padStart(length - 1, "0"), at, "latin1");
  };
  block.write(fields.name.slice(0, 100), 0, "latin1");
  octal(fields.mode & 0o7777, 100, 8);
  octal(fields.uid ?? 0, 108, 8);
  octal(fields.gid ?? 0, 116, 8);
  octal(fields.size ?? 0, 124, 12);
  octal(fields.mtime ?? 0, 136, 12);
  block.write(fields.type, 156, "latin1");
  block.write((fields.linkName ?? "").slice(0, 100), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  if (fields.deviceMajor !== undefined) octal(fields.deviceMajor, 329, 8);
  if (fields.deviceMinor !== undefined) octal(fields.deviceMinor, 337, 8);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (let at = 0; at < blockSize; at++) sum += block[at] ?? 0;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
