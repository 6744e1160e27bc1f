import { describe, expect, test } from "bun:test";
import { frame } from "../api/frames.ts";
import { unframed } from "./output.ts";
import { parseStatus } from "./status.ts";

async function pieces(...chunks: Uint8Array[]): Promise<string[]> {
  const source = (async function* () {
    yield* chunks;
  })();
  const found: string[] = [];
  for await (const { stream, bytes } of unframed(source))
    found.push(`${stream}:${Buffer.from(bytes).toString()}`);
  return found;
}

describe("unframed()", () => {
  const framed = Buffer.concat([
    frame("stdout", Buffer.from("out")),
    frame("stderr", Buffer.from("err")),
  ]);

  test("tells the streams apart, however the bytes come", async () => {
    expect(await pieces(framed)).toEqual(["stdout:out", "stderr:err"]);
    const bytes = [...framed].map((byte) => Uint8Array.of(byte));
    expect((await pieces(...bytes)).join("")).toBe(
      "stdout:ostdout:ustdout:tstderr:estderr:rstderr:r",
    );
  });

  test("hands on what is there of a piece that says it is huge", async () => {
    const head = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    expect(await pieces(head, Buffer.from("some"))).toEqual(["stdout:some"]);
  });

  test("refuses what is no output", () => {
    expect(pieces(Buffer.from("HTTP/1.1 200 OK"))).rejects.toThrow("sent output that is none");
  });
});

describe("parseStatus()", () => {
  test.each([
    ["HTTP/1.1 200 OK\r\nContent-Length: 5", { status: 200, bodyLength: 5, keepsAlive: true }],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", { bodyLength: null, keepsAlive: true }],
    [
      "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade",
      { bodyLength: "until-end", keepsAlive: false },
    ],
    ["HTTP/1.0 404 Not Found\r\nContent-Length: 0", { status: 404, keepsAlive: false }],
    ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1", { keepsAlive: false }],
  ])("reads %j", (text, head) => {
    expect(parseStatus(text)).toMatchObject(head as never);
  });

  test.each(["SSH-2.0-OpenSSH_9.2", "HTTP/2 200", "HTTP/1.1 200 OK\r\nContent-Length: -1"])(
    "refuses %j",
    (text) => {
      expect(() => parseStatus(text)).toThrow("does not speak HTTP");
    },
  );
});
