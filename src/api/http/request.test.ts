import { describe, expect, test } from "bun:test";
import { parseHead } from "./request.ts";

const lines = (...all: string[]) => all.join("\r\n");

describe("parseHead()", () => {
  test("reads what an upgrading client sends", () => {
    const head = parseHead(
      lines(
        "POST /v1.41/exec/a%20b/start?x=1 HTTP/1.1",
        "Host: docker",
        "Connection: Upgrade",
        "Upgrade: tcp",
        "Content-Length: 12",
      ),
    );
    expect(head.path).toBe("/v1.41/exec/a%20b/start");
    expect(head.query.get("x")).toBe("1");
    expect([head.upgrades, head.bodyLength, head.keepsAlive]).toEqual([true, 12, true]);
  });

  test("takes chunks, HTTP/1.0 and the URL that a proxy's client sends", () => {
    const chunked = parseHead(lines("POST /x HTTP/1.1", "host: a", "Transfer-Encoding: chunked"));
    expect(chunked.bodyLength).toBeNull();
    expect(parseHead("GET /x HTTP/1.0").keepsAlive).toBe(false);
    expect(parseHead(lines("GET http://d/x?y HTTP/1.1", "Host: d")).path).toBe("/x");
  });

  test.each([
    ["two lengths", lines("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "Content-Length: 2")],
    [
      "a length and chunks",
      lines("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"),
    ],
    ["another encoding", lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked")],
    ["a length that is none", lines("POST / HTTP/1.1", "Host: a", "Content-Length: +1")],
    ["a folded header", lines("GET / HTTP/1.1", "Host: a", "X: 1", " 2")],
    ["a blank before the colon", lines("GET / HTTP/1.1", "Host : a")],
    ["no host", "GET / HTTP/1.1"],
    ["another version", lines("GET / HTTP/2.0", "Host: a")],
    ["a target that is no path", lines("GET x HTTP/1.1", "Host: a")],
    ["no request at all", "hello"],
  ])("refuses %s", (_, text) => {
    expect(() => parseHead(text)).toThrow("malformed HTTP request");
  });
});
