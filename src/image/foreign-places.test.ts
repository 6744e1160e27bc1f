import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dockerPlace, dockerSocket, podmanPlace } from "./foreign-places.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync("/tmp/cooper-places-");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
const env = () => ({ HOME: join(root, "home") });
const own = "home/.config/containers/storage.conf";
const system = "etc/containers/storage.conf";

test.each<[string, Record<string, string>, boolean, string, string | null]>([
  ["nothing, root", {}, false, "/var/lib/containers/storage", null],
  ["nothing, a user", {}, true, "HOME/.local/share/containers/storage", null],
  [
    "the system's, root",
    { [system]: '[storage]\ndriver = "vfs"\ngraphroot = "/data/c"\n' },
    false,
    "/data/c",
    "vfs",
  ],
  [
    "the system's graphroot is not a user's",
    { [system]: '[storage]\ndriver = "overlay"\ngraphroot = "/data/c"\n' },
    true,
    "HOME/.local/share/containers/storage",
    "overlay",
  ],
  [
    "the system's for users",
    { [system]: '[storage]\nrootless_storage_path = "$HOME/c"\n' },
    true,
    "HOME/c",
    null,
  ],
  [
    "a user's own",
    { [own]: '[storage]\ngraphroot = "/mine"\n', [system]: '[storage]\ndriver = "vfs"\n' },
    true,
    "/mine",
    null,
  ],
])("podmanPlace(): %s", (_, files, isRootless, place, driver) => {
  for (const [path, text] of Object.entries(files)) write(path, text);
  expect(podmanPlace(env(), isRootless, root)).toEqual({
    root: place.replace("HOME", join(root, "home")),
    driver,
  });
});

test("dockerPlace() reads daemon.json", () => {
  expect(dockerPlace(env(), false, root)).toEqual({ root: "/var/lib/docker", driver: null });
  write("etc/docker/daemon.json", '{"data-root": "/data/d", "storage-driver": "vfs"}');
  expect(dockerPlace(env(), false, root)).toEqual({ root: "/data/d", driver: "vfs" });
  write("etc/docker/daemon.json", "{");
  expect(() => dockerPlace(env(), false, root)).toThrow("not valid JSON");
});

test("dockerSocket() takes unix sockets alone", () => {
  expect(dockerSocket({}, false)).toBe("/var/run/docker.sock");
  const env = { XDG_RUNTIME_DIR: "/run/user/7" };
  expect(dockerSocket(env, true, () => true)).toBe("/run/user/7/docker.sock");
  expect(dockerSocket(env, true, () => false)).toBe("/var/run/docker.sock");
  expect(dockerSocket(env, false, () => true)).toBe("/var/run/docker.sock");
  expect(dockerSocket({ DOCKER_HOST: "unix:///x" }, false)).toBe("/x");
  expect(() => dockerSocket({ DOCKER_HOST: "tcp://h:1" }, false)).toThrow("unix socket");
});
