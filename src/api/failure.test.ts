import { describe, expect, test } from "bun:test";
import { CooperError } from "../errors.ts";
import { assertNoPage } from "./access.ts";
import { readCredentials } from "./credentials.ts";
import { goFileMode } from "./docker/path-stat.ts";
import { failureOf } from "./failure.ts";
import { pushed } from "./http/pushed.ts";
import { parseHead } from "./http/request.ts";
import { progressReply } from "./progress.ts";
import { filtersOf, isTrue } from "./query.ts";

describe("failureOf()", () => {
  test.each([
    [new CooperError("no-such-container", "no such container: x"), 404, "No such container: x"],
    [new CooperError("no-such-image", "no such image: x"), 404, "No such image: x"],
    [new CooperError("no-such-network", "no such network: x"), 404, "network x not found"],
    [
      new CooperError("no-such-object", "there is no c:/f"),
      404,
      "Could not find the file /f in container c",
    ],
    [
      new CooperError("name-in-use", 'the container name "x" is already in use by abc'),
      409,
      'Conflict. The container name "/x" is already in use by container "abc"',
    ],
    [
      new CooperError("command-not-found", 'cannot run "x": not found'),
      400,
      "executable file not found in $PATH",
    ],
    [new CooperError("registry", "said no"), 500, "said no"],
    [new Error("boom"), 500, "boom"],
  ])("%s", (error, status, words) => {
    const failure = failureOf(error);
    expect([failure.status, failure.message]).toEqual([status, expect.stringContaining(words)]);
  });
});

describe("assertNoPage()", () => {
  const asks =
    (...headers: string[]) =>
    () =>
      assertNoPage(parseHead(["GET / HTTP/1.1", ...headers].join("\r\n")), ["box.example"]);

  test.each(["127.0.0.1:2375", "localhost", "[::1]:2375", "box.example:2375"])("%s", (name) => {
    expect(asks(`Host: ${name}`)).not.toThrow();
  });

  test.each([
    "Host: evil.example",
    "Host: localhost\r\nOrigin: http://x",
    "Host: localhost\r\nSec-Fetch-Site: none",
  ])("refuses %j", (headers) => {
    expect(asks(headers)).toThrow();
  });
});

describe("readCredentials()", () => {
  const read = (text: string) => readCredentials(new Map([["x-registry-auth", text]]));
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

  test("takes a name and password, or a token; nothing is nothing", () => {
    expect(read(encode({ username: "u", password: "p" })).credentials).toEqual({
      username: "u",
      password: "p",
    });
    expect(read(encode({ identitytoken: "t" })).credentials).toEqual({
      username: "",
      password: "",
      identityToken: "t",
    });
    expect(read(encode({}))).toEqual({});
    expect(read("")).toEqual({});
  });

  test("does not repeat what may be a secret", () => {
    expect(() => read("c2VjcmV0")).toThrow(/^invalid X-Registry-Auth header$/);
  });
});

test("goFileMode() has Go's bits", () => {
  expect(goFileMode(0o100644)).toBe(0o644);
  expect(goFileMode(0o040755)).toBe(2 ** 31 + 0o755);
  expect(goFileMode(0o120777)).toBe(2 ** 27 + 0o777);
  expect(goFileMode(0o104755)).toBe(2 ** 23 + 0o755);
});

describe("pushed()", () => {
  test("holds who writes back until it is read, and passes failures on", async () => {
    const log: string[] = [];
    const stream = pushed<number>(async (write) => {
      for (let at = 0; at < 2; at++) {
        await write(at);
        log.push(`taken ${at}`);
      }
      throw new Error("boom");
    });
    expect((await stream.next()).value).toBe(0);
    expect(log).toEqual([]);
    expect((await stream.next()).value).toBe(1);
    expect(log).toEqual(["taken 0"]);
    expect(stream.next()).rejects.toThrow("boom");
  });

  test("ends who writes when the reader leaves", async () => {
    const ended = Promise.withResolvers<string>();
    const stream = pushed<number>(async (write) => {
      try {
        for (;;) await write(1);
      } catch (error) {
        ended.resolve(String(error));
      }
    });
    await stream.next();
    await stream.return();
    expect(await ended.promise).toContain("the reader has gone");
  });
});

describe("progressReply()", () => {
  const read = async (reply: Awaited<ReturnType<typeof progressReply>>) => {
    let text = "";
    for await (const part of reply.body as AsyncIterable<string>) text += part;
    return text;
  };

  test("a failure before the first line is the answer, one after it a line", async () => {
    expect(progressReply(() => Promise.reject(new Error("early")))).rejects.toThrow("early");
    const late = progressReply(async (tell) => {
      tell({ status: "begun" });
      throw new Error("late");
    });
    expect(await read(await late)).toBe(
      '{"status":"begun"}\r\n{"errorDetail":{"message":"late"},"error":"late"}\r\n',
    );
  });

  test("loses nothing of work that waits for room, however slow the reader", async () => {
    const count = 5000;
    const reply = await progressReply(async (tell, room) => {
      for (let number = 0; number < count; number++) {
        tell({ number });
        await room();
      }
    });
    const parts: string[] = [];
    for await (const part of reply.body as AsyncIterable<string>) {
      parts.push(part);
      if (parts.length % 500 === 0) await Bun.sleep(1);
    }
    expect(parts).toEqual(Array.from({ length: count }, (_, number) => `{"number":${number}}\r\n`));
  });

  test("work is not held back by a client that has gone", async () => {
    const abort = new AbortController();
    const ended = Promise.withResolvers<void>();
    await progressReply(
      async (tell, room) => {
        for (let number = 0; number < 200; number++) {
          tell({ number });
          await room();
        }
        ended.resolve();
      },
      undefined,
      abort.signal,
    );
    abort.abort();
    await ended.promise;
  });

  test("work that tells nothing has an empty answer", async () => {
    expect(await read(await progressReply(() => Promise.resolve()))).toBe("");
  });
});

describe("queries", () => {
  test.each([
    ['{"label":["a=b"],"status":["x","y"]}', ["label=a=b", "status=x", "status=y"]],
    ['{"dangling":{"true":true,"false":false}}', ["dangling=true"]],
    ["", []],
  ])("filters %s", (text, expected) => {
    expect(filtersOf(new URLSearchParams({ filters: text }))).toEqual(expected);
  });

  test.each(["[]", "{", '{"a":1}', '{"a":[1]}'])("refuses filters %s", (text) => {
    expect(() => filtersOf(new URLSearchParams({ filters: text }))).toThrow("invalid filter");
  });

  test.each([
    ["1", true],
    ["true", true],
    ["0", false],
    ["False", false],
    ["", false],
    ["no", false],
  ])("truth of %j", (text, expected) => {
    expect(isTrue(new URLSearchParams({ x: text }), "x")).toBe(expected);
  });
});
