import { describe, expect, test } from "bun:test";
import type { RawStream } from "./reply.ts";
import { parseHead } from "./request.ts";
import { WebSocketStream, websocketAccept, websocketFrame } from "./websocket.ts";

/** As a client sends it: masked. */
function masked(first: number, payload: Uint8Array, length = payload.length): Buffer {
  const size = length < 126 ? Buffer.from([0x80 | length]) : Buffer.alloc(length < 65_536 ? 3 : 9);
  if (size.length === 3) {
    size[0] = 0xfe;
    size.writeUInt16BE(length, 1);
  } else if (size.length === 9) {
    size[0] = 0xff;
    size.writeBigUInt64BE(BigInt(length), 1);
  }
  const mask = Buffer.from([1, 2, 3, 4]);
  const hidden = payload.map((byte, at) => byte ^ (mask[at & 3] ?? 0));
  return Buffer.concat([Buffer.from([first]), size, mask, hidden]);
}

/** What is read of the pieces, and what is sent meanwhile. */
async function exchange(...pieces: Uint8Array[]): Promise<{ read: string; sent: Buffer }> {
  const sent: Uint8Array[] = [];
  const raw: RawStream = {
    read: async () => pieces.shift(),
    write(bytes) {
      sent.push(bytes);
      return undefined;
    },
    signal: new AbortController().signal,
  };
  const stream = new WebSocketStream(raw, "binary");
  let read = "";
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read())
    read += Buffer.from(bytes).toString();
  return { read, sent: Buffer.concat(sent) };
}

const text = (words: string) => Buffer.from(words);
const closed = (code: number) => {
  const reason = Buffer.alloc(2);
  reason.writeUInt16BE(code);
  return websocketFrame("close", reason);
};

describe("websocketAccept()", () => {
  const head = (fields: string) => parseHead(`GET / HTTP/1.1\r\nHost: x\r\n${fields}`);
  const key = "dGhlIHNhbXBsZSBub25jZQ==";

  test("answers as RFC 6455, 1.3 has it", () => {
    const asked = `Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`;
    expect(websocketAccept(head(asked))).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  test.each([
    "Accept: */*",
    `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`,
    `Connection: Upgrade\r\nUpgrade: tcp\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`,
    `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: ${key}`,
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short",
  ])("refuses %j", (fields) => {
    expect(() => websocketAccept(head(fields))).toThrow("websocket");
  });
});

describe("WebSocketStream", () => {
  test("reads messages, whole, in parts, and cut anywhere", async () => {
    const bytes = Buffer.concat([
      masked(0x82, text("one ")),
      masked(0x01, text("two ")),
      masked(0x80, text("parts ")),
      masked(0x82, text("x".repeat(300))),
    ]);
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect((await exchange(...pieces)).read).toBe(`one two parts ${"x".repeat(300)}`);
  });

  test("answers a ping, and says good-bye once", async () => {
    const { read, sent } = await exchange(
      masked(0x89, text("p")),
      masked(0x82, text("a")),
      masked(0x88, text("")),
      masked(0x82, text("never")),
    );
    expect(read).toBe("a");
    expect(sent).toEqual(Buffer.concat([websocketFrame("pong", text("p")), closed(1000)]));
  });

  test.each([
    ["without a mask", Buffer.from([0x82, 1, 97]), 1002],
    ["of an extension", masked(0xc2, text("a")), 1002],
    ["a ping in parts", masked(0x09, text("a")), 1002],
    ["of no kind", masked(0x83, text("a")), 1002],
    ["too large, before it is there", masked(0x82, text(""), (1 << 20) + 1), 1009],
    ["larger than a number", masked(0x82, text(""), 2 ** 62), 1009],
  ])("a frame %s ends it", async (_, bytes, code) => {
    expect(await exchange(bytes, masked(0x82, text("after")))).toEqual({
      read: "",
      sent: closed(code),
    });
  });
});
