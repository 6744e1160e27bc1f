import { describe, expect, test } from "bun:test";
import { fixtureRegistry } from "../../test/fixtures/registry.ts";
import type { RegistriesConf } from "./registries-conf.ts";
import { searchImages, searchTags } from "./search.ts";

const conf: RegistriesConf = {
  searchRegistries: [],
  aliases: new Map(),
  entries: [],
  shortNameMode: "permissive",
  credentialHelpers: [],
};
const query = { limit: 25, filters: [], retries: 0 };

describe("searchImages()", () => {
  test("reads an index, and filters", async () => {
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) =>
        new URL(request.url).pathname === "/v1/search"
          ? Response.json({
              results: [
                { name: "a/app", description: "An app", star_count: 7, is_official: true },
                { name: "b/app", star_count: 1 },
                { name: 5 },
              ],
            })
          : new Response("", { status: 404 }),
    });
    const term = `127.0.0.1:${server.port}/app`;
    const all = await searchImages(conf, { ...query, term });
    expect(all.map(({ name, stars }) => `${name} ${stars}`)).toEqual([
      `127.0.0.1:${server.port}/a/app 7`,
      `127.0.0.1:${server.port}/b/app 1`,
    ]);
    const names = async (...filters: string[]) =>
      (await searchImages(conf, { ...query, term, filters })).map(({ description }) => description);
    expect(await names("stars=3")).toEqual(["An app"]);
    expect(await names("is-official=false")).toEqual([""]);
    await expect(names("size=1")).rejects.toThrow("invalid filter");
    await server.stop(true);
  });

  test("reads the catalogue where there is no index, and tells when nobody answers", async () => {
    using registry = await fixtureRegistry();
    const kept = { bytes: Buffer.from("{}"), type: "x" };
    for (const name of ["team/app:1", "team/app:2", "other/thing:1"])
      registry.manifests.set(name, kept);
    registry.fault = (line) =>
      line.includes("v1/search") ? { kind: "status", status: 404 } : undefined;
    const term = `${registry.host}/app`;
    expect((await searchImages(conf, { ...query, term })).map(({ name }) => name)).toEqual([
      `${registry.host}/team/app`,
    ]);
    const all = { ...conf, searchRegistries: [registry.host, "127.0.0.1:1"] };
    expect((await searchImages(all, { ...query, term: "thing" })).length).toBe(1);
    const gone = { ...conf, searchRegistries: ["127.0.0.1:1"] };
    await expect(searchImages(gone, { ...query, term: "thing" })).rejects.toThrow("refused");
    expect(await searchTags(conf, { ...query, term: `${registry.host}/team/app` })).toEqual([
      { name: `${registry.host}/team/app`, tags: ["1", "2"] },
    ]);
  });
});
