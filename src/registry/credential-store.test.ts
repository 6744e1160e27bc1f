import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { keysFor, normalizeKey } from "./auth-file.ts";
import {
  credentialPlaces,
  eraseAllCredentials,
  eraseCredentials,
  findCredentials,
  storeCredentials,
} from "./credential-store.ts";

const directory = mkdtempSync("/tmp/cooper-credentials-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

// a helper that keeps each server in a file; it must be on PATH before it is first looked for
const bin = join(directory, "bin");
mkdirSync(bin);
writeFileSync(
  join(bin, "docker-credential-files"),
  `#!/bin/sh
dir=${directory}/kept; mkdir -p "$dir"
name() { printf %s "$1" | tr '/:' '__'; }
case $1 in
  get) read -r server || :; cat "$dir/$(name "$server")" 2> /dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
  store) text=$(cat); server=$(printf %s "$text" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/'); printf %s "$text" > "$dir/$(name "$server")" ;;
  erase) read -r server || :; [ -e "$dir/$(name "$server")" ] || { echo "credentials not found in native keychain"; exit 1; }; rm "$dir/$(name "$server")" ;;
  list) echo '{"one.example":"a"}' ;;
esac
`,
);
writeFileSync(join(bin, "docker-credential-endless"), "#!/bin/sh\nexec cat /dev/zero\n");
writeFileSync(join(bin, "docker-credential-broken"), "#!/bin/sh\necho s3cret; exit 0\n");
for (const name of ["files", "endless", "broken"])
  chmodSync(join(bin, `docker-credential-${name}`), 0o755);
process.env.PATH = `${bin}:${process.env.PATH}`;

let count = 0;
let file = "";
beforeEach(() => {
  rmSync(join(directory, "kept"), { recursive: true, force: true });
  file = join(directory, `${count++}`, "auth.json");
});
const places = () => credentialPlaces({}, 0, { authFile: file });
const keep = (value: unknown) => {
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, JSON.stringify(value));
};
const auth = (text: string) => ({ auth: Buffer.from(text).toString("base64") });
const parsed = () => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;

describe("credentialPlaces()", () => {
  test.each<[string, Record<string, string>, string[]]>([
    [
      "a session",
      { XDG_RUNTIME_DIR: "/run/user/7", HOME: "/h" },
      [
        "/run/user/7/containers/auth.json",
        "/h/.config/containers/auth.json",
        "/h/.docker/config.json",
      ],
    ],
    [
      "no session",
      { HOME: "/h", DOCKER_CONFIG: "/d", XDG_CONFIG_HOME: "/c" },
      ["/run/containers/7/auth.json", "/c/containers/auth.json", "/d/config.json"],
    ],
    ["a named file", { REGISTRY_AUTH_FILE: "/f", HOME: "/h" }, ["/f"]],
  ])("with %s", (_, env, files) => {
    expect(credentialPlaces(env, 7).files).toEqual(files);
  });
});

test("keysFor() begins with the most specific", () => {
  expect(keysFor("quay.io", "a/b")).toEqual(["quay.io/a/b", "quay.io/a", "quay.io"]);
});

test.each([
  ["https://index.docker.io/v1/", "docker.io"],
  ["https://registry.example:5000/v2/", "registry.example:5000"],
  ["quay.io/team", "quay.io/team"],
])("normalizeKey(%s) is %s", (key, expected) => {
  expect(normalizeKey(key)).toBe(expected);
});

describe("findCredentials()", () => {
  const auths = {
    "quay.io": auth("all:1"),
    "quay.io/team": auth("team:2"),
    "https://index.docker.io/v1/": auth("hub:a:b"),
    "token.example": { identitytoken: "idt" },
    "plain.example": { username: "u", password: "p" },
    "empty.example": {},
  };
  test.each<[string, string, string, object | undefined]>([
    ["the registry's", "quay.io", "other/x", { username: "all", password: "1" }],
    ["the most specific", "quay.io", "team/x", { username: "team", password: "2" }],
    ["no part of a name", "quay.io", "teams/x", { username: "all", password: "1" }],
    ["Docker Hub's old address", "docker.io", "library/x", { username: "hub", password: "a:b" }],
    ["an identity token", "token.example", "x", { identityToken: "idt" }],
    ["fields of their own", "plain.example", "x", { username: "u", password: "p" }],
    ["nothing in an empty entry", "empty.example", "x", undefined],
    ["nothing for a stranger", "example.com", "x", undefined],
    ["nothing for a name that ends alike", "evilquay.io", "x", undefined],
  ])("finds %s", async (_, registry, repository, expected) => {
    keep({ auths });
    const found = await findCredentials(places(), registry, repository);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });

  test.each<[string, object]>([
    ["credHelpers", { credHelpers: { "one.example": "files" } }],
    ["credsStore", { credsStore: "files" }],
  ])("asks a helper of %s", async (_, config) => {
    keep(config);
    await storeCredentials(places(), "one.example", { username: "a", password: "b" });
    expect(JSON.stringify(parsed())).not.toContain(Buffer.from("a:b").toString("base64"));
    expect(await findCredentials(places(), "one.example", "x")).toEqual({
      username: "a",
      password: "b",
    });
    expect(await findCredentials(places(), "two.example", "x")).toBeUndefined();
    expect(await eraseCredentials(places(), "one.example")).toBe("erased");
    expect(await findCredentials(places(), "one.example", "x")).toBeUndefined();
  });

  test("an identity token comes back from a helper", async () => {
    keep({ credsStore: "files" });
    const token = { username: "me", password: "", identityToken: "idt" };
    await storeCredentials(places(), "one.example", token);
    expect(await findCredentials(places(), "one.example")).toMatchObject({ identityToken: "idt" });
  });

  test.each([
    ["is not installed", "missing-one", "is not installed"],
    ["never ends its answer", "endless", "more than 1 MiB"],
    ["says what is no JSON", "broken", "no valid JSON"],
    ["is a path", "../../bin/sh", "no name of a credential helper"],
  ])("fails when a helper %s, and repeats nothing of it", async (_, helper, message) => {
    keep({ credHelpers: { "one.example": helper } });
    const error = await findCredentials(places(), "one.example").catch(String);
    expect(error).toContain(message);
    expect(error).not.toContain("s3cret");
  });

  test("a damaged file is named, and not quoted", async () => {
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, '{"auths": {"x": {"auth": "c2VjcmV0"');
    const error = await findCredentials(places(), "x").catch(String);
    expect(error).toContain(`${file} is not valid JSON`);
    expect(error).not.toContain("c2VjcmV0");
  });
});

describe("storeCredentials()", () => {
  test("writes a file of one's own, and keeps what it does not know", async () => {
    keep({ HttpHeaders: { A: "b" }, auths: { "other.example": auth("x:y") } });
    chmodSync(file, 0o644);
    await storeCredentials(places(), "one.example/team", { username: "a", password: "b" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(parsed()).toEqual({
      HttpHeaders: { A: "b" },
      auths: { "other.example": auth("x:y"), "one.example/team": auth("a:b") },
    });
  });

  test("Docker's files name servers as Docker does", async () => {
    const docker = credentialPlaces({}, 0, { compatAuthFile: file });
    await storeCredentials(docker, "docker.io", { username: "a", password: "b" });
    expect(Object.keys(parsed().auths as object)).toEqual(["https://index.docker.io/v1/"]);
    expect(await eraseCredentials(docker, "docker.io")).toBe("erased");
    expect(parsed().auths).toEqual({});
  });

  test("follows a link to a file of one's own, and no other", async () => {
    mkdirSync(join(file, ".."), { recursive: true });
    const target = `${file}.real`;
    writeFileSync(target, "{}");
    symlinkSync(target, file);
    await storeCredentials(places(), "one.example", { username: "a", password: "b" });
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, "utf8")).toContain("one.example");
    rmSync(file);
    symlinkSync("/dev/null", file);
    await expect(
      storeCredentials(places(), "one.example", { username: "a", password: "b" }),
    ).rejects.toThrow(/no file of yours|no regular file/);
  });

  test("twenty at once lose nothing", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `r${index}.example`);
    await Promise.all(
      names.map((name) => storeCredentials(places(), name, { username: name, password: "p" })),
    );
    expect(Object.keys(parsed().auths as object).sort()).toEqual(names.sort());
  });
});

describe("eraseCredentials()", () => {
  test("tells when another tool's file has some", async () => {
    const home = join(directory, `home${count++}`);
    mkdirSync(join(home, ".docker"), { recursive: true });
    writeFileSync(
      join(home, ".docker/config.json"),
      JSON.stringify({ auths: { "one.example": auth("a:b") } }),
    );
    const all = credentialPlaces({ HOME: home, XDG_RUNTIME_DIR: join(home, "run") }, 0);
    expect(await eraseCredentials(all, "one.example")).toBe("kept-elsewhere");
    expect(await eraseCredentials(all, "two.example")).toBe("unknown");
  });

  test("all of them", async () => {
    keep({ auths: { a: auth("a:b") }, other: 1 });
    await eraseAllCredentials(places());
    expect(parsed()).toEqual({ auths: {}, other: 1 });
  });
});
