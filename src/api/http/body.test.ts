import { describe, expect, test } from "bun:test";
import { Body } from "./body.ts";
import { Input } from "./input.ts";

/** An input that has received these pieces, and then nothing more. */
function received(...pieces: string[]): Input {
  const input = new Input({ pause: () => undefined, resume: () => undefined });
  for (const piece of pieces) input.push(Buffer.from(piece));
  input.end();
  return input;
}

const text = async (body: Body, limit = 100) => (await body.bytes(limit)).toString();

describe("Body", () => {
  test.each([
    ["of a known length", 5, ["hel", "lo", "next"]],
    ["in chunks", null, ["3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"]],
    ["in chunks that come byte by byte", null, [..."5\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n"]],
  ])("%s is read to its end and no further", async (_, length, pieces) => {
    const body = new Body(received(...pieces), length);
    expect(await text(body)).toBe("hello");
    expect(body.isOver).toBe(true);
  });

  test("longer than the limit is refused", async () => {
    expect(text(new Body(received("x".repeat(200)), 200))).rejects.toThrow("longer than 100 bytes");
  });

  test.each([
    ["a broken chunk", null, "z\r\n"],
    ["a chunk without its end", null, "2\r\nabcd\r\n"],
    ["a client that has gone", 5, "abc"],
    ["a client that has gone in a chunk", null, "5\r\nab"],
  ])("tells of %s", async (_, length, sent) => {
    expect(text(new Body(received(sent), length))).rejects.toThrow();
  });

  test("asks a client that waits for it just once", async () => {
    let asked = 0;
    const body = new Body(received("ab", "cd"), 4, () => asked++);
    expect(body.isUnasked).toBe(true);
    expect(await text(body)).toBe("abcd");
    expect([asked, body.isUnasked]).toEqual([1, false]);
  });
});

describe("Input", () => {
  test("holds the peer back where much waits, and lets it go on", async () => {
    const calls: string[] = [];
    const input = new Input({
      pause: () => calls.push("pause"),
      resume: () => calls.push("resume"),
    });
    input.push(Buffer.alloc(1 << 19));
    expect(calls).toEqual(["pause"]);
    while (!input.isEmpty) await input.read(1 << 16);
    expect(calls).toEqual(["pause", "resume"]);
  });

  test("refuses a head without end", async () => {
    expect(received("x".repeat(300)).readHead(200)).rejects.toThrow("too long");
  });
});
