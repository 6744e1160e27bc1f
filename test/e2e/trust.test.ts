/** The signature policy holds: what it does not accept is never in the store, whoever asks and however. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";
import { dockerArchive } from "./images.ts";
import { type TestRegistry, testRegistry } from "./registry.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

let registry: TestRegistry;
let place: string;
let app: string;
/** Of the image `app:1`. */
let digest: string;

beforeAll(async () => {
  place = mkdtempSync("/tmp/ck-");
  chmodSync(place, 0o755);
  registry = await testRegistry();
  app = `${registry.address}/team/app`;
  writeFileSync(join(place, "app.tar"), dockerArchive("app:1", 2));
  writeFileSync(join(place, "other.tar"), dockerArchive("app:1", 3));
  mkdirSync(join(place, "gnupg"), { mode: 0o700 });
  gpg("--quick-gen-key", "signer@example.com", "default", "default", "never");
  gpg("--quick-gen-key", "stranger@example.com", "default", "default", "never");
  const past = ["--faked-system-time", "20240101T000000!"];
  gpg(...past, "--quick-gen-key", "expired@example.com", "default", "default", "1d");
  for (const name of ["signer", "stranger", "expired"])
    writeFileSync(join(place, `${name}.gpg`), gpg("--export", `${name}@example.com`));
  home();
  skopeo("copy", `docker-archive:${place}/app.tar`, `docker://${app}:1`);
  skopeo("copy", `docker-archive:${place}/app.tar`, `docker://${app}:2`);
  skopeo("copy", `docker-archive:${place}/other.tar`, `docker://${app}:other`);
  digest = skopeo("inspect", "-f", "{{.Digest}}", `docker://${app}:1`);
});

afterAll(async () => {
  Bun.spawnSync(["gpgconf", "--homedir", join(place, "gnupg"), "--kill", "all"]);
  rmSync(place, { recursive: true, force: true });
  await registry[Symbol.asyncDispose]();
});

function gpg(...argv: string[]): Buffer {
  const words = ["gpg", "--homedir", join(place, "gnupg"), "--batch", "--yes"];
  const loopback = ["--pinentry-mode", "loopback", "--passphrase", ""];
  const made = Bun.spawnSync([...words, ...loopback, ...argv], { stderr: "pipe" });
  if (!made.success) throw new Error(`gpg ${argv.join(" ")}: ${made.stderr}`);
  return made.stdout;
}

const environment = () => ({
  PATH: process.env.PATH ?? "",
  HOME: join(place, "home"),
  GNUPGHOME: join(place, "gnupg"),
});

/** What skopeo says; its policy accepts everything unless another one is named. */
function skopeo(verb: string, ...argv: string[]): string {
  const tls =
    verb === "copy"
      ? ["--src-tls-verify=false", "--dest-tls-verify=false"]
      : ["--tls-verify=false"];
  const policy = argv[0] === "--policy" ? argv.splice(0, 2) : ["--insecure-policy"];
  const words = ["skopeo", ...policy, verb, ...tls, ...argv];
  const made = Bun.spawnSync(words, { env: environment(), stderr: "pipe" });
  if (!made.success) throw new Error(`${words.join(" ")}: ${made.stderr}`);
  return made.stdout.toString().trim();
}

/** A home whose registries.d keeps signatures in `lookaside`, and looks for cosign's where asked. */
function home(attachments = true, lookaside = `file://${place}/lookaside`): string {
  const file = join(place, "home/.config/containers/registries.d/test.yaml");
  mkdirSync(dirname(file), { recursive: true });
  const all = { lookaside, "use-sigstore-attachments": attachments };
  writeFileSync(file, Bun.YAML.stringify({ "default-docker": all }));
  return join(place, "home");
}

/** A policy in which one requirement holds for the registry. */
function policyFile(requirement: object, fallback = "reject"): string {
  const file = join(
    place,
    `policy-${createHash("md5").update(JSON.stringify(requirement)).digest("hex")}.json`,
  );
  const docker = { [registry.address]: [requirement] };
  writeFileSync(file, JSON.stringify({ default: [{ type: fallback }], transports: { docker } }));
  return file;
}

const signedBy = (name: string, more = {}) => ({
  type: "signedBy",
  keyType: "GPGKeys",
  keyPath: join(place, `${name}.gpg`),
  ...more,
});

const lookaside = (of: string) => join(place, `lookaside/team/app@${of.replace(":", "=")}`);

/** Signs with skopeo as somebody, as if the image were called by that name; in place of what is there. */
function signSimply(who: string, called = `${app}:1`): void {
  rmSync(join(place, "lookaside"), { recursive: true, force: true });
  const file = join(lookaside(digest), "signature-1");
  mkdirSync(dirname(file), { recursive: true });
  skopeo("copy", `docker://${app}:1`, `dir:${place}/dir`);
  const manifest = join(place, "dir/manifest.json");
  const time = who === "expired" ? ["--faked-system-time", "20240101T010000!"] : [];
  const payload = JSON.stringify({
    critical: {
      identity: { "docker-reference": called },
      image: { "docker-manifest-digest": `sha256:${sha256(readFileSync(manifest))}` },
      type: "atomic container signature",
    },
    optional: {},
  });
  writeFileSync(join(place, "payload"), payload);
  gpg(
    ...time,
    "--local-user",
    `${who}@example.com`,
    "--output",
    file,
    "--sign",
    join(place, "payload"),
  );
}

const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

async function pull(host: TestHost, policy: string, name = `${app}:1`) {
  const env = { HOME: join(place, "home") };
  return host.cooperWith({ env }, "pull", "-q", "--signature-policy", policy, name);
}

async function expectRefused(host: TestHost, policy: string, why: string, name = `${app}:1`) {
  const result = await pull(host, policy, name);
  expect(result).toMatchObject({ exitCode: 125, stdout: "" });
  expect(result.stderr).toContain(`${name} is not accepted by ${policy}: `);
  expect(result.stderr).toContain(why);
  expect(await host.must("images", "-q")).toBe("");
  expect(existsSync(join(host.root, "layers"))).toBe(false);
}

describe.each(everybody)("simple signatures, as $who", ({ user }) => {
  test("what skopeo or cooper signed is accepted by cooper and skopeo", async () => {
    await using host = await testHost(user);
    home();
    rmSync(join(place, "lookaside"), { recursive: true, force: true });
    const policy = policyFile(signedBy("signer"));
    skopeo(
      "copy",
      "--sign-by",
      "signer@example.com",
      `docker-archive:${place}/app.tar`,
      `docker://${app}:1`,
    );
    expect((await pull(host, policy)).exitCode).toBe(0);
    // again, with all of it here already
    expect((await pull(host, policy)).exitCode).toBe(0);
    rmSync(join(place, "lookaside"), { recursive: true, force: true });
    await using root = await testHost();
    const env = environment();
    const made = await root.cooperWith(
      { env },
      "image",
      "sign",
      "--sign-by",
      "signer@example.com",
      `${app}:1`,
    );
    expect(made).toMatchObject({ exitCode: 0, stdout: `${lookaside(digest)}/signature-1\n` });
    skopeo("copy", "--policy", policy, `docker://${app}:1`, `dir:${place}/verified`);
    await using other = await testHost(user);
    expect((await pull(other, policy)).exitCode).toBe(0);
  });

  test.each<{ title: string; prepare(): void; key?: string; why: string }>([
    {
      title: "unsigned",
      prepare: () => rmSync(join(place, "lookaside"), { recursive: true, force: true }),
      why: "a signature is required, and there is none",
    },
    {
      title: "signed by a stranger",
      prepare: () => signSimply("stranger"),
      why: "it is not by one of the keys",
    },
    {
      title: "signed by a key that has expired",
      prepare: () => signSimply("expired"),
      key: "expired",
      why: "its key has expired",
    },
    {
      title: "signed under another name",
      prepare: () => signSimply("signer", "example.com/another:1"),
      why: 'it is for the name "example.com/another:1"',
    },
    {
      title: "signed under another tag",
      prepare: () => signSimply("signer", `${app}:2`),
      why: "it is for the name",
    },
    {
      title: "with another image's signature",
      prepare() {
        skopeo(
          "copy",
          "--sign-by",
          "signer@example.com",
          `docker-archive:${place}/other.tar`,
          `docker://${app}:other`,
        );
        const other = skopeo("inspect", "-f", "{{.Digest}}", `docker://${app}:other`);
        rmSync(lookaside(digest), { recursive: true, force: true });
        cpSync(lookaside(other), lookaside(digest), { recursive: true });
      },
      why: "it is for another image",
    },
    {
      title: "with an altered signature",
      prepare() {
        signSimply("signer");
        const file = join(lookaside(digest), "signature-1");
        const bytes = readFileSync(file);
        bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1;
        writeFileSync(file, bytes);
      },
      why: "a signature does not count",
    },
    {
      title: "with a payload that nobody signed",
      prepare() {
        signSimply("signer");
        writeFileSync(join(lookaside(digest), "signature-1"), readFileSync(join(place, "payload")));
      },
      why: "it is no OpenPGP message",
    },
  ])("$title: refused, and nothing is kept", async ({ prepare, key = "signer", why }) => {
    await using host = await testHost(user);
    home();
    prepare();
    await expectRefused(host, policyFile(signedBy(key)), why);
  });

  test("a lookaside may be a web server", async () => {
    await using host = await testHost(user);
    home();
    signSimply("signer");
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const file = join(place, "lookaside", decodeURIComponent(new URL(request.url).pathname));
        return existsSync(file)
          ? new Response(readFileSync(file))
          : new Response("", { status: 404 });
      },
    });
    home(true, `http://127.0.0.1:${server.port}`);
    expect((await pull(host, policyFile(signedBy("signer")))).exitCode).toBe(0);
    home(true, "http://127.0.0.1:1");
    const gone = await pull(host, policyFile(signedBy("signer")));
    expect(gone.exitCode).toBe(125);
    expect(gone.stderr).toContain("127.0.0.1:1");
    home();
  });

  test("a good signature behind a bad one counts, and other identities where the policy says so", async () => {
    await using host = await testHost(user);
    home();
    signSimply("stranger");
    const file = join(lookaside(digest), "signature-1");
    const bad = readFileSync(file);
    signSimply("signer", "example.com/another:7");
    cpSync(file, join(lookaside(digest), "signature-2"));
    writeFileSync(file, bad);
    const exactRepository = { type: "exactRepository", dockerRepository: "example.com/another" };
    const policy = policyFile(signedBy("signer", { signedIdentity: exactRepository }));
    expect((await pull(host, policy)).exitCode).toBe(0);
  });
});

/** Attaches what cosign would: the signature of a payload, beside the image. */
async function attach(
  key: KeyObject,
  called: string,
  change: { payload?: string; of?: string } = {},
) {
  const payload = JSON.stringify({
    critical: {
      identity: { "docker-reference": called },
      image: { "docker-manifest-digest": change.of ?? digest },
      type: "cosign container image signature",
    },
    optional: null,
  });
  const signature = sign("sha256", Buffer.from(payload), key).toString("base64");
  const blob = await upload(change.payload ?? payload);
  const config = await upload(
    '{"architecture":"","config":{},"os":"","rootfs":{"type":"layers","diff_ids":[]}}',
  );
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: [
      {
        mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
        ...blob,
        annotations: { "dev.cosignproject.cosign/signature": signature },
      },
    ],
  };
  const url = `http://${registry.address}/v2/team/app/manifests/${digest.replace(":", "-")}.sig`;
  const put = await fetch(url, {
    method: "PUT",
    body: JSON.stringify(manifest),
    headers: { "Content-Type": type },
  });
  expect(put.status).toBe(201);
}

async function upload(text: string) {
  const begun = await fetch(`http://${registry.address}/v2/team/app/blobs/uploads/`, {
    method: "POST",
  });
  const url = new URL(begun.headers.get("location") ?? "");
  url.searchParams.set("digest", `sha256:${sha256(text)}`);
  const headers = { "Content-Type": "application/octet-stream" };
  expect((await fetch(url, { method: "PUT", body: text, headers })).status).toBe(201);
  return { digest: `sha256:${sha256(text)}`, size: Buffer.byteLength(text) };
}

describe.each(everybody)("sigstore signatures, as $who", ({ user }) => {
  const kinds = {
    "ECDSA P-256": () => generateKeyPairSync("ec", { namedCurve: "prime256v1" }),
    "RSA 2048": () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  };
  const keep = (name: string, key: KeyObject) => {
    const file = join(place, name);
    writeFileSync(file, key.export({ type: "spki", format: "pem" }));
    return file;
  };
  const sigstoreSigned = (keyPath: string, more = {}) => ({
    type: "sigstoreSigned",
    keyPath,
    ...more,
  });

  test.each(Object.entries(kinds))("%s: accepted when signed", async (_, make) => {
    await using host = await testHost(user);
    home();
    const { publicKey, privateKey } = make();
    await attach(privateKey, `${app}:1`);
    const policy = policyFile(sigstoreSigned(keep("cosign.pub", publicKey)));
    expect((await pull(host, policy)).exitCode).toBe(0);
  });

  test("refused by another key, name, image or payload, and where attachments are not looked for", async () => {
    await using host = await testHost(user);
    home();
    const { publicKey, privateKey } = kinds["ECDSA P-256"]();
    const stranger = keep("stranger.pub", kinds["ECDSA P-256"]().publicKey);
    const key = keep("signer.pub", publicKey);
    await attach(privateKey, `${app}:1`);
    await expectRefused(
      host,
      policyFile(sigstoreSigned(stranger)),
      "it is not by one of the keys, or altered",
    );
    home(false);
    await expectRefused(host, policyFile(sigstoreSigned(key)), "use-sigstore-attachments");
    home();
    await attach(privateKey, app);
    await expectRefused(host, policyFile(sigstoreSigned(key)), "it is for the name");
    const matchRepository = { signedIdentity: { type: "matchRepository" } };
    await attach(privateKey, app, { of: `sha256:${"0".repeat(64)}` });
    await expectRefused(
      host,
      policyFile(sigstoreSigned(key, matchRepository)),
      "it is for another image",
    );
    await attach(privateKey, `${app}:1`, { payload: "{}" });
    await expectRefused(host, policyFile(sigstoreSigned(key)), "or altered");
    await attach(privateKey, app);
    expect((await pull(host, policyFile(sigstoreSigned(key, matchRepository)))).exitCode).toBe(0);
  });
});

describe("push", () => {
  const push = (host: TestHost, ...argv: string[]) =>
    host.cooperWith({ env: environment() }, "push", "-q", ...argv, "app:1", `${app}:pushed`);

  test("--sign-by: what was pushed is signed, and cooper and skopeo accept it", async () => {
    await using host = await testHost();
    home();
    rmSync(join(place, "lookaside"), { recursive: true, force: true });
    await host.must("load", "-i", join(place, "app.tar"));
    expect((await push(host, "--sign-by", "signer@example.com")).exitCode).toBe(0);
    const policy = policyFile(signedBy("signer"));
    skopeo("copy", "--policy", policy, `docker://${app}:pushed`, `dir:${place}/verified`);
    await using other = await testHost();
    expect((await pull(other, policy, `${app}:pushed`)).exitCode).toBe(0);
    const unknown = await push(host, "--sign-by", "nobody@example.com");
    expect(unknown.exitCode).toBe(125);
    expect(unknown.stderr).toContain("gpg cannot sign with the key nobody@example.com");
  });

  test("manifest push --sign-by: the list and each image in it", async () => {
    await using host = await testHost();
    home();
    rmSync(join(place, "lookaside"), { recursive: true, force: true });
    await host.must("load", "-i", join(place, "app.tar"));
    await host.must("manifest", "create", "list", "app:1");
    const env = environment();
    const argv = ["manifest", "push", "-q", "--sign-by", "signer@example.com"];
    const pushed = await host.cooperWith({ env }, ...argv, "list", `${app}:list`);
    expect(pushed).toMatchObject({ exitCode: 0, stderr: "" });
    const policy = policyFile(signedBy("signer"));
    skopeo("copy", "--policy", policy, "--all", `docker://${app}:list`, `dir:${place}/all`);
    await using other = await testHost();
    expect((await pull(other, policy, `${app}:list`)).exitCode).toBe(0);
    const strange = policyFile(signedBy("stranger"));
    await using third = await testHost();
    await expectRefused(third, strange, "it is not by one of the keys", `${app}:list`);
  });

  test("--sign-by-sigstore-private-key: the signature is beside the image, and joins others", async () => {
    await using host = await testHost();
    home();
    await host.must("load", "-i", join(place, "app.tar"));
    const [first, second] = ["first", "second"].map((name) => {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      const cipher = { cipher: "aes-256-cbc", passphrase: "secret" };
      const pem = privateKey.export({ type: "pkcs8", format: "pem", ...cipher });
      const files = { private: join(place, `${name}.key`), public: join(place, `${name}.pub`) };
      writeFileSync(files.private, pem);
      writeFileSync(files.public, publicKey.export({ type: "spki", format: "pem" }));
      return files;
    });
    const secret = join(place, "passphrase");
    writeFileSync(secret, "secret\n");
    for (const key of [first, second]) {
      const argv = ["--sign-by-sigstore-private-key", key?.private ?? ""];
      expect((await push(host, ...argv)).stderr).toContain("--sign-passphrase-file");
      const signed = await push(host, ...argv, "--sign-passphrase-file", secret);
      expect(signed).toMatchObject({ exitCode: 0, stderr: "" });
    }
    for (const key of [first, second]) {
      await using other = await testHost();
      const policy = policyFile({ type: "sigstoreSigned", keyPath: key?.public });
      expect((await pull(other, policy, `${app}:pushed`)).exitCode).toBe(0);
    }
  });
});

describe("policies", () => {
  test.each([
    { policy: "{", says: "is not valid JSON" },
    {
      policy: '{"default":[{"type":"insecureAcceptAnything"}],"more":1}',
      says: 'unknown field "more"',
    },
    { policy: '{"default":[]}', says: "at least one requirement" },
  ])("$policy is refused: $says", async ({ policy, says }) => {
    await using host = await testHost();
    const file = join(place, "broken.json");
    writeFileSync(file, policy);
    const result = await pull(host, file);
    expect(result).toMatchObject({ exitCode: 125, stdout: "" });
    expect(result.stderr).toContain(says);
  });

  test("one that is named and not there accepts nothing", async () => {
    await using host = await testHost();
    const result = await pull(host, "/nowhere/policy.json");
    expect(result.stderr).toContain("the signature policy /nowhere/policy.json does not exist");
    expect(result.exitCode).toBe(125);
  });

  test.each(everybody)("every way in is closed by reject, as $who", async ({ user }) => {
    await using host = await testHost(user);
    const config = join(host.place("home"), ".config/containers");
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, "policy.json"), '{"default":[{"type":"reject"}]}');
    const env = { HOME: host.place("home") };
    const lay = host.place("lay");
    skopeo("copy", `docker-archive:${place}/app.tar`, `oci:${lay}:1`);
    for (const argv of [
      ["load", "-i", `${place}/app.tar`],
      ["load", "-i", lay],
      ["pull", `oci:${lay}:1`],
      ["pull", `docker-archive:${place}/app.tar`],
      ["pull", `${app}:1`],
      ["run", "--rm", `oci:${lay}:1`, "true"],
      ["run", "--rm", `${app}:1`, "true"],
      ["import", `${place}/app.tar`],
    ]) {
      const result = await host.cooperWith({ env }, ...argv);
      expect(result.stderr).toContain("images from there are rejected");
      expect(result.exitCode).toBe(125);
    }
    expect(await host.must("images", "-q")).toBe("");
  });

  test("an archive is judged by what it is read as", async () => {
    await using host = await testHost();
    const policy = join(place, "by-format.json");
    const transports = { dir: { "": [{ type: "insecureAcceptAnything" }] } };
    writeFileSync(policy, JSON.stringify({ default: [{ type: "reject" }], transports }));
    // a docker archive that has the sign of a `dir:` directory besides
    const folder = join(place, "both");
    mkdirSync(folder, { recursive: true });
    Bun.spawnSync(["tar", "-C", folder, "-xf", join(place, "app.tar")]);
    writeFileSync(join(folder, "version"), "Directory Transport Version: 1.1\n");
    const result = await host.cooper("load", "--signature-policy", policy, "-i", folder);
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain("images from there are rejected");
  });

  test("a directory is accepted by its path and its signatures", async () => {
    await using host = await testHost();
    home();
    const directory = join(place, "signed");
    const reference = { type: "exactReference", dockerReference: "example.com/signed:1" };
    skopeo(
      "copy",
      "--sign-by",
      "signer@example.com",
      "--sign-identity",
      "example.com/signed:1",
      `docker-archive:${place}/app.tar`,
      `dir:${directory}`,
    );
    const policy = (scope: string, requirement: object) => {
      const file = join(place, "dir-policy.json");
      const transports = { dir: { [scope]: [requirement] } };
      writeFileSync(file, JSON.stringify({ default: [{ type: "reject" }], transports }));
      return file;
    };
    const pulled = (file: string) =>
      host.cooper("pull", "--signature-policy", file, `dir:${directory}`);
    const signed = signedBy("signer", { signedIdentity: reference });
    expect((await pulled(policy(place, signedBy("stranger")))).exitCode).toBe(125);
    expect((await pulled(policy("/elsewhere", signed))).exitCode).toBe(125);
    expect((await pulled(policy(place, signed))).exitCode).toBe(0);
  });

  test.each(everybody)("trust set and show, as $who", async ({ user }) => {
    await using host = await testHost(user);
    const env = { HOME: host.place("home") };
    const trust = (...argv: string[]) => host.cooperWith({ env }, "image", "trust", ...argv);
    const file = join(host.place("home"), ".config/containers/policy.json");
    if (user === null) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, '{"default":[{"type":"insecureAcceptAnything"}]}');
    }
    const key = join(host.place("files"), "key.gpg");
    cpSync(join(place, "signer.gpg"), key);
    if (user !== null) chownSync(key, user.uid, user.gid);
    expect((await trust("set", "-t", "reject", "default")).exitCode).toBe(0);
    expect((await trust("set", "-t", "signedBy", "-f", key, "quay.io/team")).exitCode).toBe(0);
    expect((await trust("set", "-t", "accept", "quay.io/team/free")).exitCode).toBe(0);
    expect((await trust("set", "-t", "signedBy", "quay.io")).stderr).toContain("--pubkeysfile");
    const shown = (await trust("show", "-n")).stdout
      .split("\n")
      .map((line) => line.trim().split(/\s+/).slice(0, 4));
    expect(shown.slice(0, 3)).toEqual([
      ["all", "default", "reject"],
      ["repository", "quay.io/team", "signed", key],
      ["repository", "quay.io/team/free", "accept"],
    ]);
    expect(JSON.parse((await trust("show", "--json")).stdout)).toHaveLength(3);
    expect(JSON.parse((await trust("show", "--raw")).stdout)).toEqual(
      JSON.parse(readFileSync(file, "utf8")),
    );
    // the referee reads it as well: nothing is accepted by default
    const copy = [
      "copy",
      "--policy",
      file,
      `docker-archive:${place}/app.tar`,
      `dir:${place}/never`,
    ];
    expect(() => skopeo(copy[0] ?? "", ...copy.slice(1))).toThrow("rejected by policy");
  });
});
