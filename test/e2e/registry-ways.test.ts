/** Ways to a registry: by an IPv6 address, behind a path, through a proxy, with a certificate of one's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fixtureProxy } from "../fixtures/proxy.ts";
import { type FixtureRegistry, fixtureRegistry } from "../fixtures/registry.ts";
import { type TestHost, testHost, users } from "./host.ts";
import { dockerArchive } from "./images.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const local = "example.com/box:1";

async function withImage(user: (typeof users)[number]): Promise<TestHost> {
  const host = await testHost(user);
  const path = join(host.place("files"), "in.tar");
  writeFileSync(path, dockerArchive(local, 2));
  await host.must("load", "-q", "-i", path);
  return host;
}

/** Pushes to that name and pulls from there again, with these variables. */
async function thereAndBack(
  host: TestHost,
  name: string,
  env: Record<string, string>,
  ...options: string[]
): Promise<void> {
  const push = await host.cooperWith({ env }, "push", "-q", ...options, local, name);
  expect(push).toEqual({ exitCode: 0, stdout: `${name}\n`, stderr: "" });
  const id = await host.must("images", "-q", "--no-trunc", local);
  await host.must("rmi", "-f", id);
  const pull = await host.cooperWith({ env }, "pull", "-q", ...options, name);
  expect(pull).toEqual({ exitCode: 0, stdout: `${id.replace("sha256:", "")}\n`, stderr: "" });
  expect(await host.must("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe(name);
  await host.must("tag", name, local);
}

const files = mkdtempSync("/tmp/cw-");
const file = (name: string) => join(files, name);
const pem = (name: string) => readFileSync(file(name), "utf8");

/** An authority, and what it vouches for: the registry by its name, and a client. */
function makeCertificates(): void {
  const openssl = (...args: string[]) => {
    const made = Bun.spawnSync(["openssl", ...args], { stdio: ["ignore", "ignore", "pipe"] });
    if (!made.success) throw new Error(`openssl: ${made.stderr}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const authority = ["-subj", "/CN=authority", "-keyout", file("ca.key"), "-out", file("ca.crt")];
  openssl("req", "-x509", ...key, ...authority);
  const signed = ["-CA", file("ca.crt"), "-CAkey", file("ca.key")];
  const names = ["-addext", "subjectAltName=DNS:registry.example,IP:127.0.0.1"];
  for (const one of ["server", "client"]) {
    const subject = ["-subj", `/CN=${one}`, "-keyout", file(`${one}.key`)];
    openssl("req", "-x509", ...key, ...signed, ...subject, "-out", file(`${one}.crt`), ...names);
  }
}

beforeAll(() => {
  chmodSync(files, 0o755);
  makeCertificates();
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

describe.each(everybody)("ways to a registry, as $who", ({ user }) => {
  test("by an IPv6 address", async () => {
    await using host = await withImage(user);
    using registry = await fixtureRegistry({ address: "::1" });
    expect(registry.host).toStartWith("[::1]:");
    await thereAndBack(host, `${registry.host}/deep/er/box:1`, {});
    const login = await host.cooperWith(
      { stdin: "x", env: { REGISTRY_AUTH_FILE: join(host.place("auth"), "auth.json") } },
      ...["login", "-u", "me", "--password-stdin", registry.host],
    );
    expect(login.exitCode).toBe(0);
  });

  test("behind a path, which names need not tell", async () => {
    await using host = await withImage(user);
    using registry = await fixtureRegistry();
    const conf = join(host.place("conf"), "registries.conf");
    const entry = ['prefix = "short.example/team"', `location = "${registry.host}/very/deep/path"`];
    writeFileSync(conf, ["[[registry]]", ...entry, "insecure = true"].join("\n"));
    const env = { CONTAINERS_REGISTRIES_CONF: conf };
    await thereAndBack(host, "short.example/team/box:1", env);
    expect([...registry.manifests.keys()]).toContain("very/deep/path/box:1");
  });

  test("through a proxy, unless the name is excluded from it", async () => {
    await using host = await withImage(user);
    using registry = await fixtureRegistry();
    using proxy = await fixtureProxy({ "registry.example": registry.host });
    const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: "", no_proxy: "" };
    await thereAndBack(host, "registry.example/box:1", env, "--tls-verify=false");
    expect(proxy.asked).toContain("GET http://registry.example/");
    expect(proxy.asked).toContain("PUT http://registry.example/");

    proxy.asked.length = 0;
    const direct = await host.cooperWith(
      { env: { ...env, NO_PROXY: "registry.example" } },
      ...["pull", "-q", "--tls-verify=false", "registry.example/box:1"],
    );
    expect(direct.stderr).toContain("the name registry.example cannot be resolved");
    // nobody needs a proxy to speak with the machine itself
    const name = `${registry.host}/other:1`;
    await host.cooperWith({ env }, "push", "-q", local, name);
    expect(proxy.asked).toEqual([]);
    expect([...registry.manifests.keys()]).toContain("other:1");
  });

  test("encrypted through a proxy, with a certificate of one's own from certs.d", async () => {
    await using host = await withImage(user);
    const tls = { key: pem("server.key"), cert: pem("server.crt"), clients: pem("ca.crt") };
    using registry: FixtureRegistry = await fixtureRegistry({ tls });
    using proxy = await fixtureProxy({ "registry.example:443": registry.host });
    const config = host.place("config");
    const env = { HTTPS_PROXY: proxy.url, NO_PROXY: "", no_proxy: "", XDG_CONFIG_HOME: config };
    const name = "registry.example/box:1";
    const push = () => host.cooperWith({ env }, "push", "-q", local, name);

    expect((await push()).stderr).toContain("cannot be trusted");
    const certificates = join(config, "containers/certs.d/registry.example");
    mkdirSync(certificates, { recursive: true });
    copyFileSync(file("ca.crt"), join(certificates, "ca.crt"));
    const nobody = await push();
    expect(nobody.stderr).toContain("NAME.cert and NAME.key in certs.d");
    expect(registry.manifests.size).toBe(0);
    copyFileSync(file("client.crt"), join(certificates, "me.cert"));
    expect((await push()).stderr).toContain("me.cert has no .key of the same name beside it");
    copyFileSync(file("client.key"), join(certificates, "me.key"));
    chmodSync(join(certificates, "me.key"), 0o644); // the test's files are root's
    await thereAndBack(host, name, env);
    expect(proxy.asked).toContain("CONNECT registry.example:443");
  });
});
