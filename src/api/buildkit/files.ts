/**
 * Files of a client: it lists what it has, is asked for contents by the number of the entry, and sends
 * them in pieces that may be mixed (fsutil's protocol: Packet, Stat).
 */
import type { SentFile } from "../../build/context/sent.ts";
import { CooperError } from "../../errors.ts";
import type { ClientCall } from "./grpc.ts";
import { encode, Message } from "./protobuf.ts";
import type { BuildSession } from "./session.ts";

const method = "/moby.filesync.v1.FileSync/DiffCopy";

/** Kinds of packets. */
const packets = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

/** Contents that are asked for ahead: so much, or one file. */
const aheadBytes = 4 << 20;
const aheadFiles = 64;
/** What comes before its turn, by a client that sends more than it said. */
const maxHeldBytes = 64 << 20;
const maxEntries = 2_000_000;

/** Bits of Go's os.FileMode. */
const goBits = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  fifo: 2 ** 25,
  socket: 2 ** 24,
};
const specialBits: readonly (readonly [number, number])[] = [
  [2 ** 23, 0o4000],
  [2 ** 22, 0o2000],
  [2 ** 20, 0o1000],
];

/** Which files of a client's directory are wanted. */
export interface WantedFiles {
  /** As the client calls it: `context`, `dockerfile`. */
  readonly directory: string;
  /** Only these; left out: all. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

interface Entry extends SentFile {
  /** Its place in the list, by which it is asked for. */
  readonly number: number;
}

/** Files in the client's order, each read before the next. */
export async function* clientFiles(
  session: BuildSession,
  wanted: WantedFiles,
): AsyncGenerator<SentFile, void> {
  if (!session.offers(method))
    throw new CooperError("invalid-argument", "the client lends no files of its own");
  const call = session.client.call(method, {
    "dir-name": wanted.directory,
    ...metadata("include-patterns", wanted.include),
    ...metadata("exclude-patterns", wanted.exclude),
  });
  try {
    yield* new FileTransfer(call).files();
  } finally {
    call.cancel();
  }
}

/** Lists as headers, which are ASCII. */
function metadata(name: string, values: readonly string[] = []): Record<string, string | string[]> {
  if (values.length === 0) return {};
  const isPlain = (value: string) => [...value].every((char) => char >= " " && char <= "~");
  if (values.every(isPlain)) return { [name]: [...values] };
  return {
    [name]: values.map((value) => encodeURIComponent(value).replaceAll("%20", "+")),
    [`${name}-encoded`]: "1",
  };
}

class FileTransfer {
  private readonly call: ClientCall;
  private readonly received: AsyncIterator<Buffer>;
  /** Contents that have come, by the number of their file; null at the end of one. */
  private readonly held = new Map<number, (Uint8Array | null)[]>();
  private heldBytes = 0;

  constructor(call: ClientCall) {
    this.call = call;
    this.received = call.messages[Symbol.asyncIterator]();
  }

  async *files(): AsyncGenerator<SentFile, void> {
    const entries = await this.list();
    const contents = entries.filter(({ kind }) => kind === "file");
    let asked = 0;
    let ahead = 0;
    let taken = 0;
    for (const entry of entries) {
      if (entry.kind !== "file") {
        yield entry;
        continue;
      }
      for (let next = contents[asked]; next !== undefined; next = contents[asked]) {
        const isEnough = ahead + next.size > aheadBytes || asked - taken >= aheadFiles;
        if (asked > taken && isEnough) break;
        this.held.set(next.number, []);
        await this.call.send(encode([1, packets.request], [3, next.number]));
        ahead += next.size;
        asked++;
      }
      yield { ...entry, contents: this.contentsOf(entry.number) };
      this.held.delete(entry.number);
      ahead -= entry.size;
      taken++;
    }
    await this.call.send(encode([1, packets.end]));
    while ((await this.packet())?.number(1) !== packets.end);
    this.call.end();
  }

  /** Everything that the client has, before any of it is asked for. */
  private async list(): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let number = 0; ; number++) {
      const packet = await this.packet();
      const stat = packet?.message(2);
      if (stat === undefined) return entries;
      if (number >= maxEntries)
        throw new CooperError("invalid-argument", `the context has more than ${maxEntries} files`);
      const entry = entryOf(stat, number);
      if (entry !== undefined) entries.push(entry);
    }
  }

  private async *contentsOf(number: number): AsyncGenerator<Uint8Array, void> {
    const own = this.held.get(number) ?? [];
    for (;;) {
      const piece = own.shift();
      if (piece === null) return;
      if (piece === undefined) await this.hold();
      else {
        this.heldBytes -= piece.length;
        yield piece;
      }
    }
  }

  private async hold(): Promise<void> {
    const packet = await this.packet();
    if (packet?.number(1) !== packets.data) throw malformed();
    const pieces = this.held.get(packet.number(3));
    if (pieces === undefined) throw malformed();
    const bytes = packet.bytes(4);
    this.heldBytes += bytes.length;
    if (this.heldBytes > maxHeldBytes) throw malformed();
    pieces.push(bytes.length === 0 ? null : bytes);
  }

  private async packet(): Promise<Message | undefined> {
    const { value, done } = await this.received.next();
    if (done === true) throw new CooperError("cancelled", "the client has gone");
    const packet = new Message(value);
    if (packet.number(1) === packets.error)
      throw new CooperError("invalid-argument", `the client: ${packet.string(4)}`);
    return packet;
  }
}

const malformed = () =>
  new CooperError("invalid-argument", "the client sends files as nobody asked");

/** undefined: of no use in a context (sockets and devices). */
function entryOf(stat: Message, number: number): Entry | undefined {
  const mode = stat.number(2);
  const has = (bit: number) => Math.floor(mode / bit) % 2 === 1;
  if (has(goBits.socket) || has(goBits.device)) return undefined;
  const target = stat.string(7);
  const special = specialBits.reduce((sum, [go, own]) => sum + (has(go) ? own : 0), 0);
  const kind = has(goBits.directory)
    ? "directory"
    : has(goBits.symlink)
      ? "symlink"
      : has(goBits.fifo)
        ? "fifo"
        : target === ""
          ? "file"
          : "hardlink";
  return {
    number,
    path: stat.string(1),
    kind,
    mode: (mode % 0o1000) + special,
    modifiedAt: Number(stat.big(6) / 1_000_000_000n),
    size: stat.number(5),
    target,
  };
}

const upload = "/moby.upload.v1.Upload/Pull";

/** Where a client says that it sends a tar, which it reads itself from somewhere. */
export const uploadAddress = /^http:\/\/buildkit-session(\/.+)$/;

/** The tar that a client sends. */
export async function* clientUpload(
  session: BuildSession,
  path: string,
): AsyncGenerator<Uint8Array, void> {
  if (!session.offers(upload))
    throw new CooperError("invalid-argument", "the client sends no context");
  const call = session.client.call(upload, { urlpath: path, urlhost: "buildkit-session" });
  call.end();
  try {
    for await (const message of call.messages) yield new Message(message).bytes(1);
  } finally {
    call.cancel();
  }
}

const maxTextBytes = 8 << 20;

/** Small files by name; those that are not there are left out. */
export async function clientTexts(
  session: BuildSession,
  directory: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const { path, contents } of clientFiles(session, { directory, include: names })) {
    if (contents === undefined || !names.includes(path)) continue; // others were not asked for
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const bytes of contents) {
      size += bytes.length;
      if (size > maxTextBytes)
        throw new CooperError(
          "invalid-argument",
          `${path} is larger than ${maxTextBytes >> 20} MiB`,
        );
      parts.push(bytes);
    }
    texts.set(path, Buffer.concat(parts).toString("utf8"));
  }
  return texts;
}

/** The patterns of a .dockerignore, as the client's own matcher takes them. Pure. */
export function ignorePatterns(text: string): string[] {
  return text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .map((line) => line.replace(/^(!?)\s*\/+(?=.)/, "$1"))
    .filter((line) => line !== "" && line !== "!");
}
