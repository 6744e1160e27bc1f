import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { digestOf } from "../oci/digest.ts";
import { RegistryClient } from "./client.ts";
import { isLoopback } from "./loopback.ts";

const servers: { stop(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

/** A registry in this process; answers `/v2/` itself. */
function serve(answer: (request: Request, url: URL) => Response | Promise<Response>): string {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const url = new URL(request.url);
      return url.pathname === "/v2/" ? new Response("{}") : answer(request, url);
    },
  });
  servers.push({ stop: () => server.stop(true) });
  return `127.0.0.1:${server.port}`;
}

const type = "application/vnd.oci.image.index.v1+json";
const index = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] });
const asIndex = (body: string | Uint8Array = index, headers: Record<string, string> = {}) =>
  new Response(body as BodyInit, { headers: { "content-type": type, ...headers } });
const quick = { retries: 2 };

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

describe("RegistryClient.manifest()", () => {
  test("fetches by tag, asking for all types it knows", async () => {
    let accept = "";
    const registry = serve((request) => {
      accept = request.headers.get("accept") ?? "";
      return asIndex();
    });
    const manifest = await new RegistryClient(registry).manifest("a/b", "latest", "a/b");
    expect([manifest.kind, manifest.digest]).toEqual(["index", digestOf(index)]);
    expect(accept).toContain("application/vnd.docker.distribution.manifest.v2+json");
  });

  test("gets an anonymous token where one is wanted, once", async () => {
    const seen: string[] = [];
    const registry = serve((request, url) => {
      seen.push(`${url.pathname}${url.search} ${request.headers.get("authorization") ?? "-"}`);
      if (url.pathname === "/token") return Response.json({ token: "t0ken" });
      if (request.headers.get("authorization") === "Bearer t0ken") return asIndex();
      return new Response("", {
        status: 401,
        headers: {
          "www-authenticate": `Bearer realm="http://${registry}/token",service="reg",scope="repository:a/b:pull"`,
        },
      });
    });
    const client = new RegistryClient(registry);
    await client.manifest("a/b", "one", "a/b");
    await client.manifest("a/b", "two", "a/b");
    expect(seen).toEqual([
      "/v2/a/b/manifests/one -",
      "/token?service=reg&scope=repository%3Aa%2Fb%3Apull -",
      "/v2/a/b/manifests/one Bearer t0ken",
      "/v2/a/b/manifests/two Bearer t0ken",
    ]);
  });

  test("does not show a token to another host that it is sent to", async () => {
    let shown: string | null = "nothing came";
    const elsewhere = serve((request) => {
      shown = request.headers.get("authorization");
      return asIndex();
    });
    const registry = serve((request, url) => {
      if (url.pathname === "/token") return Response.json({ token: "secret" });
      if (request.headers.get("authorization") !== null)
        return Response.redirect(`http://${elsewhere}/x`, 307);
      return new Response("", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="/token"` },
      });
    });
    await new RegistryClient(registry).manifest("a", "t", "a");
    expect(shown).toBeNull();
  });

  test.each<[string, () => Response, string]>([
    [
      "is not what the header claims",
      () => asIndex(index, { "docker-content-digest": digestOf("other") }),
      "damaged",
    ],
    ["is too large", () => asIndex(new Uint8Array(5 << 20)), "larger than 4 MiB"],
    [
      "is said to be something else",
      () => asIndex(index, { "content-type": "application/vnd.oci.image.manifest.v1+json" }),
      "contradicts itself",
    ],
    [
      "does not exist",
      () =>
        Response.json(
          { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest \x1b[31munknown" }] },
          { status: 404 },
        ),
      "has no a: manifest ?[31munknown",
    ],
    ["is forbidden", () => new Response("", { status: 403 }), "does not give out"],
    [
      "is behind endless redirects",
      () => Response.redirect("/v2/a/manifests/t", 302),
      "in circles",
    ],
    [
      "is behind another protocol",
      () => new Response("", { status: 302, headers: { location: "file:///etc/passwd" } }),
      "not encrypted",
    ],
    [
      "is not now to be had",
      () => new Response("", { status: 429, headers: { "retry-after": "3600" } }),
      "refuses more requests",
    ],
  ])("fails when it %s", async (_, answer, message) => {
    const registry = serve(answer);
    await expect(new RegistryClient(registry, quick).manifest("a", "t", "a")).rejects.toThrow(
      message,
    );
  });

  test("a digest that was asked for is compared", async () => {
    const registry = serve(() => asIndex());
    await expect(
      new RegistryClient(registry).manifest("a", digestOf("other"), "a"),
    ).rejects.toThrow("damaged");
  });

  test("tries again when the registry is busy, and tells of it", async () => {
    let calls = 0;
    const told: string[] = [];
    const registry = serve(() => (++calls < 3 ? new Response("", { status: 503 }) : asIndex()));
    await new RegistryClient(registry, { ...quick, onRetry: (why) => told.push(why) }).manifest(
      "a",
      "t",
      "a",
    );
    expect([calls, told.length]).toEqual([3, 2]);
  });

  test("a token is not fetched over an unencrypted line of somebody else", async () => {
    const registry = serve(
      () =>
        new Response("", {
          status: 401,
          headers: { "www-authenticate": 'Bearer realm="http://example.com/token"' },
        }),
    );
    await expect(new RegistryClient(registry).manifest("a", "t", "a")).rejects.toThrow(
      "not encrypted",
    );
  });

  test("says plainly when nothing answers", async () => {
    const registry = serve(() => asIndex());
    servers.pop()?.stop();
    await expect(new RegistryClient(registry).manifest("a", "t", "a")).rejects.toThrow(
      "connection refused",
    );
  });
});

describe("RegistryClient.blob()", () => {
  const contents = "0123456789".repeat(20_000);
  const digest = digestOf(contents);

  /** Sends a part of what was asked for, and hangs up: a bare socket, since a server would say how much it sends. */
  function dropping(sendsFrom: (offset: number) => string, drops: number): Promise<string> {
    let left = drops;
    return new Promise((resolve) => {
      const server: Server = createServer((socket: Socket) => {
        socket.on("error", () => undefined);
        socket.on("data", (data) => {
          const request = data.toString();
          if (request.startsWith("GET /v2/ "))
            return socket.end(
              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            );
          const offset = Number(/range: bytes=(\d+)-/i.exec(request)?.[1] ?? 0);
          const body = sendsFrom(offset);
          const status =
            body.length < contents.length && offset > 0
              ? `206 Partial Content\r\nContent-Range: bytes ${offset}-${contents.length - 1}/${contents.length}`
              : "200 OK";
          socket.write(
            `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
          );
          if (left-- > 0)
            socket.write(body.slice(0, 50_000), () => setTimeout(() => socket.destroy(), 20));
          else socket.end(body);
        });
      });
      server.listen(0, "127.0.0.1", () => {
        servers.push({ stop: () => server.close() });
        const address = server.address();
        resolve(`127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
      });
    });
  }

  test("goes on where a connection broke off", async () => {
    const offsets: number[] = [];
    const registry = await dropping((offset) => {
      offsets.push(offset);
      return contents.slice(offset);
    }, 3);
    const got = await collect(
      new RegistryClient(registry, { retries: 1 }).blob("a", digest, contents.length, "a"),
    );
    expect(got === contents).toBe(true);
    expect(offsets.length).toBe(4);
    expect(offsets.at(-1)).toBeGreaterThan(0);
  });

  test("begins anew, and leaves out what it has, where ranges are not known", async () => {
    const registry = await dropping(() => contents, 1);
    const got = await collect(
      new RegistryClient(registry, quick).blob("a", digest, contents.length, "a"),
    );
    expect(got === contents).toBe(true);
  });

  test("gives up on a registry that sends nothing", async () => {
    const registry = serve(() => new Response(""));
    await expect(
      collect(new RegistryClient(registry, { retries: 1 }).blob("a", digest, 10, "a")),
    ).rejects.toThrow("broke off");
  });

  test("does not take more than the manifest tells", async () => {
    const registry = serve(() => new Response(contents));
    await expect(
      collect(new RegistryClient(registry, quick).blob("a", digest, 100, "a")),
    ).rejects.toThrow("larger than the 100 bytes");
  });

  test("leaves compression alone: a digest names the bytes as they come", async () => {
    const bytes = Bun.gzipSync("hello");
    const registry = serve(() => new Response(bytes, { headers: { "content-encoding": "gzip" } }));
    const client = new RegistryClient(registry, quick);
    expect(await client.smallBlob("a", digestOf(bytes), 1000, "a")).toEqual(Buffer.from(bytes));
  });

  test("a small blob is verified and bounded", async () => {
    const registry = serve(() => new Response(contents));
    const client = new RegistryClient(registry, quick);
    await expect(client.smallBlob("a", digestOf("x"), 1 << 20, "a")).rejects.toThrow("damaged");
    await expect(client.smallBlob("a", digest, 1000, "a")).rejects.toThrow("larger than");
  });
});

test("RegistryClient.tags() follows the links to further pages", async () => {
  const registry = serve((_, url) =>
    url.searchParams.get("last") === null
      ? Response.json(
          { name: "a", tags: ["1", "2"] },
          { headers: { link: '</v2/a/tags/list?last=2&n=1000>; rel="next"' } },
        )
      : Response.json({ name: "a", tags: ["3"] }),
  );
  expect(await new RegistryClient(registry).tags("a", "a")).toEqual(["1", "2", "3"]);
});

test.each([
  ["localhost", true],
  ["a.localhost", true],
  ["127.1.2.3", true],
  ["[::1]", true],
  ["127.0.0.1.example.com", false],
  ["10.0.0.1", false],
  ["localhost.example.com", false],
])("isLoopback(%s) is %p", (name, expected) => {
  expect(isLoopback(name)).toBe(expected);
});
