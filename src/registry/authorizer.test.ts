import { afterEach, describe, expect, test } from "bun:test";
import { digestOf } from "../oci/digest.ts";
import { Authorizer, type Send } from "./authorizer.ts";
import { RegistryClient } from "./client.ts";

const servers: { stop(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

const credentials = { username: "me", password: "s3cret" };
const basic = `Basic ${Buffer.from("me:s3cret").toString("base64")}`;
const type = "application/vnd.oci.image.index.v1+json";
const index = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] });
const asIndex = () => new Response(index, { headers: { "content-type": type } });

/** A server that notes what it is shown, with bodies. */
function serve(
  answer: (request: Request, url: URL, shown: string | null) => Response | Promise<Response>,
) {
  const seen: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const url = new URL(request.url);
      const shown = request.headers.get("authorization");
      seen.push(
        `${request.method} ${url.pathname}${url.search} ${shown ?? "-"} ${await request.clone().text()}`.trim(),
      );
      return answer(request, url, shown);
    },
  });
  servers.push({ stop: () => server.stop(true) });
  return { host: `127.0.0.1:${server.port}`, seen };
}

const challenge = (text: string) =>
  new Response("", { status: 401, headers: { "www-authenticate": text } });

describe("credentials stay where they belong", () => {
  test("a challenge of whom we were redirected to is not answered (CVE-2020-15157)", async () => {
    const thief = serve(
      (_, url) =>
        challenge(`Basic realm="x"`) && challenge(`Bearer realm="http://${url.host}/token"`),
    );
    const registry = serve(() => Response.redirect(`http://${thief.host}/blob`, 307));
    const client = new RegistryClient(registry.host, { credentials, retries: 0 });
    await expect(client.smallBlob("a", digestOf("x"), 100, "a")).rejects.toThrow(
      "does not give out",
    );
    expect(thief.seen).toEqual(["GET /blob -"]);
  });

  test("what the registry may see is not shown to whom it redirects", async () => {
    const elsewhere = serve(() => asIndex());
    const registry = serve((_, __, shown) =>
      shown === basic
        ? Response.redirect(`http://${elsewhere.host}/x`, 307)
        : challenge(`Basic realm="r"`),
    );
    await new RegistryClient(registry.host, { credentials }).manifest("a", "t", "a");
    expect(elsewhere.seen).toEqual(["GET /x -"]);
  });

  test("a token service that redirects gets the password, and the other place does not", async () => {
    const elsewhere = serve(() => Response.json({ token: "t" }));
    const registry = serve((_, url, shown) => {
      if (url.pathname === "/token")
        return Response.redirect(`http://${elsewhere.host}/steal`, 307);
      return shown === "Bearer t"
        ? asIndex()
        : challenge(`Bearer realm="http://${url.host}/token"`);
    });
    await new RegistryClient(registry.host, { credentials }).manifest("a", "t", "a");
    expect(elsewhere.seen.join()).not.toContain("s3cret");
    expect(elsewhere.seen.join()).not.toContain(basic);
  });

  test("an identity token is not sent on by a redirect", async () => {
    const elsewhere = serve(() => Response.json({ token: "t" }));
    const registry = serve((_, url) =>
      url.pathname === "/token"
        ? Response.redirect(`http://${elsewhere.host}/steal`, 307)
        : challenge(`Bearer realm="http://${url.host}/token"`),
    );
    const identity = { username: "", password: "", identityToken: "idt" };
    const client = new RegistryClient(registry.host, { credentials: identity, retries: 0 });
    await expect(client.manifest("a", "t", "a")).rejects.toThrow();
    expect(elsewhere.seen).toEqual([]);
  });

  const asked: string[] = [];
  const authorizerAt = (isProven: boolean, has = true) => {
    asked.length = 0;
    const send: Send = async ({ url }) => {
      asked.push(url.href);
      return Response.json({ token: "t" });
    };
    return new Authorizer({
      registry: "reg.example",
      credentials: async () => (has ? credentials : undefined),
      send,
      isProven: () => isProven,
    });
  };
  test.each<[string, string, string, boolean, boolean, string | undefined]>([
    [
      "a service of the same host",
      "https://reg.example",
      "https://reg.example/token",
      true,
      true,
      undefined,
    ],
    [
      "a service elsewhere, all proven",
      "https://reg.example",
      "https://auth.example/t",
      true,
      true,
      undefined,
    ],
    [
      "a service elsewhere, unproven",
      "https://reg.example",
      "https://auth.example/t",
      false,
      true,
      "wants your credentials to be sent to auth.example",
    ],
    [
      "the same, with nothing to show",
      "https://reg.example",
      "https://auth.example/t",
      false,
      false,
      undefined,
    ],
    [
      "a service in the clear",
      "https://reg.example",
      "http://reg.example/t",
      true,
      true,
      "not encrypted",
    ],
    [
      "the same host in the clear, allowed",
      "http://reg.example",
      "http://reg.example/t",
      false,
      true,
      undefined,
    ],
    [
      "another port in the clear",
      "http://reg.example",
      "http://reg.example:99/t",
      false,
      true,
      "not encrypted",
    ],
    [
      "another host in the clear",
      "http://reg.example",
      "http://auth.example/t",
      false,
      true,
      "not encrypted",
    ],
    ["another protocol", "https://reg.example", "file:///etc/passwd", true, true, "not encrypted"],
    ["no service at all", "https://reg.example", "", true, true, undefined],
  ])("%s", async (_, base, realm, isProven, has, message) => {
    const answer = authorizerAt(isProven, has).answer(
      realm === "" ? "Bearer service=x" : `Bearer realm="${realm}"`,
      new URL(base),
      ["repository:a:pull"],
      undefined,
    );
    if (realm === "") await expect(answer).rejects.toThrow("does not say from where");
    else if (message === undefined) expect(await answer).toBe("Bearer t");
    else {
      await expect(answer).rejects.toThrow(message);
      expect(asked).toEqual([]);
    }
  });
});

describe("Authorizer", () => {
  const tokens = (answers: object[]) => {
    const asked: string[] = [];
    let now = 0;
    const authorizer = new Authorizer({
      registry: "r.example",
      credentials: async () => credentials,
      send: async ({ url }) => {
        asked.push(url.search);
        return Response.json(answers.shift() ?? {});
      },
      isProven: () => true,
      now: () => now,
    });
    const base = new URL("https://r.example");
    const bearer = 'Bearer realm="/token",service="s",scope="repository:a:pull"';
    const answer = (failed?: string) =>
      authorizer.answer(bearer, base, ["repository:a:pull"], failed);
    return { authorizer, answer, asked, wait: (ms: number) => (now += ms) };
  };

  test("keeps a token until it expires", async () => {
    const { authorizer, answer, asked, wait } = tokens([
      { token: "one", expires_in: 100 },
      { access_token: "two" },
    ]);
    expect(await answer()).toBe("Bearer one");
    wait(89_000);
    expect(await authorizer.header(["repository:a:pull"])).toBe("Bearer one");
    wait(2_000);
    expect(await authorizer.header(["repository:a:pull"])).toBeUndefined();
    expect(await answer()).toBe("Bearer two");
    expect(asked.length).toBe(2);
    expect(asked[0]).toBe("?service=s&scope=repository%3Aa%3Apull&account=me&client_id=cooper");
  });

  test("gets one token for many who were turned away with the same", async () => {
    const { answer, asked } = tokens([{ token: "one" }, { token: "two" }]);
    await answer();
    const again = await Promise.all([
      answer("Bearer one"),
      answer("Bearer one"),
      answer("Bearer one"),
    ]);
    expect(again).toEqual(["Bearer two", "Bearer two", "Bearer two"]);
    expect(asked.length).toBe(2);
  });

  test("trades an identity token by POST, and keeps one that is offered", async () => {
    const registry = serve((_, url, shown) => {
      if (url.pathname === "/token")
        return Response.json({ access_token: "t", refresh_token: "next" });
      return shown === "Bearer t"
        ? asIndex()
        : challenge(`Bearer realm="http://${url.host}/token",service="s"`);
    });
    const identity = { username: "", password: "", identityToken: "idt" };
    const client = new RegistryClient(registry.host, { credentials: identity });
    await client.manifest("a", "t", "a");
    expect(registry.seen[1]).toBe(
      "POST /token - grant_type=refresh_token&client_id=cooper&refresh_token=idt&service=s&scope=repository%3Aa%3Apull",
    );
    expect(client.session.authorizer.refreshToken).toBe("next");
  });

  test("says whose credentials are not accepted", async () => {
    const registry = serve((_, url) =>
      url.pathname === "/token"
        ? new Response("", { status: 401 })
        : challenge(`Bearer realm="http://${url.host}/token"`),
    );
    const client = new RegistryClient(registry.host, { credentials, retries: 0 });
    await expect(client.manifest("a", "t", "a")).rejects.toThrow("does not accept the credentials");
  });

  test("runs no helper where nothing is asked for", async () => {
    let lookups = 0;
    const registry = serve(() => asIndex());
    const looked = async () => {
      lookups++;
      return credentials;
    };
    await new RegistryClient(registry.host, { credentials: looked }).manifest("a", "t", "a");
    expect(lookups).toBe(0);
    expect(registry.seen).toEqual(["GET /v2/a/manifests/t -"]);
  });
});
