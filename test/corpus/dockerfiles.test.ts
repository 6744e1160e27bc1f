/**
 * The corpus: each Dockerfile is built by Cooper and by buildah, and the images are compared by their
 * configuration and by all of their files. Root only, and not a part of `npm test`: buildah takes a second each.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { cases, contextFiles } from "./cases.ts";

const binary = process.env.COOPER_BINARY ?? resolve(import.meta.dir, "../../dist/cooper");
const place = mkdtempSync("/tmp/corpus-");
const directory = join(place, "context");
const cooperWords = [binary, "--root", join(place, "root"), "--runroot", join(place, "run")];
const buildahWords = [
  "buildah",
  "--root",
  join(place, "b-root"),
  "--runroot",
  join(place, "b-run"),
];

function run(words: readonly string[], stdin = ""): string {
  const { success, stdout, stderr } = Bun.spawnSync([...words], { stdin: Buffer.from(stdin) });
  if (!success) throw new Error(`${words.slice(0, 8).join(" ")}: ${stderr}`);
  return stdout.toString().trimEnd();
}

const cooper = (...args: string[]) => run([...cooperWords, ...args]);
const buildah = (...args: string[]) => run([...buildahWords, ...args]);

beforeAll(() => {
  const base = join(place, "base");
  for (const name of ["bin", "etc", "tmp", "root", "home"])
    mkdirSync(join(base, name), { recursive: true });
  chmodSync(join(base, "tmp"), 0o1777);
  copyFileSync("/bin/busybox", join(base, "bin/busybox"));
  for (const applet of run(["/bin/busybox", "--list"]).split("\n"))
    if (applet !== "busybox") symlinkSync("busybox", join(base, "bin", applet));
  writeFileSync(
    join(base, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home:/bin/sh\n",
  );
  writeFileSync(join(base, "etc/group"), "root:x:0:\nbobs:x:1001:\n");
  const tar = join(place, "base.tar");
  run(["tar", "-C", base, "--owner=0", "--group=0", "--numeric-owner", "-cf", tar, "."]);
  cooper("import", "-q", "--change", 'CMD ["sh"]', tar, "localhost/base:latest");
  writeFileSync(join(place, "Base"), `FROM scratch\nADD base.tar /\nCMD ["sh"]\n`);
  buildah(
    "bud",
    "-q",
    "--format",
    "docker",
    "-t",
    "localhost/base:latest",
    "-f",
    join(place, "Base"),
    place,
  );
  for (const [path, content] of Object.entries(contextFiles)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
  }
  const inner = join(place, "inner");
  mkdirSync(join(inner, "d"), { recursive: true });
  writeFileSync(join(inner, "d/f"), "in the tar");
  run(["tar", "-C", inner, "-cf", join(directory, "in.tar"), "."]);
  run(["tar", "-C", inner, "-czf", join(directory, "in.tgz"), "."]);
}, 120_000);

afterAll(() => {
  Bun.spawnSync([...buildahWords, "rm", "--all"]);
  Bun.spawnSync([...buildahWords, "rmi", "--all", "--force"]);
  rmSync(place, { recursive: true, force: true });
});

const whole = (text: string) =>
  /^(?:# escape|ARG|FROM)\b/m.test(text) && text.includes("FROM ") ? text : `FROM base\n${text}`;

type Config = Record<string, unknown>;

/** What says something, in one order. */
function facts(config: Config): Config {
  const labels = { ...(config.Labels as Record<string, string> | null) };
  delete labels["io.buildah.version"];
  // an image that does not say where begins at the root: buildah leaves it out, BuildKit says it
  const all: Config = { ...config, Labels: labels, WorkingDir: config.WorkingDir || "/" };
  const known = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Shell",
    "OnBuild",
    "Healthcheck",
  ];
  return Object.fromEntries(
    known
      .map((key): [string, unknown] => [key, all[key]])
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .filter(([, value]) => typeof value !== "object" || Object.keys(value as object).length > 0)
      .map(([key, value]) => [key, key === "Env" ? (value as string[]).toSorted() : value]),
  );
}

/** Every file: kind, mode, owner, size or target, path, and the digest of what is in it. */
function listing(root: string): string[] {
  const found = run(["find", root, "-mindepth", "1", "-printf", "%y %m %U:%G %l %P\\n"]);
  const sums = run([
    "sh",
    "-c",
    'cd "$1" && find . -type f -exec sha256sum {} + | sort -k2',
    "sh",
    root,
  ]);
  const byPath = new Map(sums.split("\n").map((line) => [line.slice(68), line.slice(0, 12)]));
  return found
    .split("\n")
    .map((line) => `${line} ${byPath.get(line.split(" ").slice(4).join(" ")) ?? ""}`)
    .filter(
      (line) =>
        !/ (?:proc|sys|dev|run|etc\/(?:hosts|resolv\.conf|hostname)|run\/.*) /.test(`${line} `),
    )
    .sort();
}

function byCooper(
  text: string,
  args: readonly string[],
): { config: Config; files: string[]; id: string } {
  const words = [...cooperWords, "build", "-q", "--network", "none", "-f", "-", ...args, directory];
  const id = run(words, text).replace("sha256:", "");
  const [image] = JSON.parse(cooper("image", "inspect", id));
  const mounted = cooper("image", "mount", id);
  try {
    return { config: facts(image.Config), files: listing(mounted), id };
  } finally {
    cooper("image", "unmount", id);
  }
}

function byBuildah(text: string, args: readonly string[]): { config: Config; files: string[] } {
  const options = [
    "--runtime",
    "runc",
    "--isolation",
    "oci",
    "--network",
    "none",
    "--format",
    "docker",
  ];
  const words = [
    ...buildahWords,
    "bud",
    "-q",
    "--layers=false",
    ...options,
    "-f",
    "-",
    ...args,
    directory,
  ];
  const id = run(words, text);
  const document = JSON.parse(buildah("inspect", "--type", "image", id));
  // podman reads the same store, and mounts an image without running what ONBUILD says
  const podman = ["podman", ...buildahWords.slice(1), "image"];
  const files = listing(run([...podman, "mount", id]));
  run([...podman, "unmount", id]);
  return { config: facts(document.Docker.config), files };
}

describe("Cooper and buildah make the same of", () => {
  const all = cases.filter((one) => one.newer === undefined);
  test.each(all)("$name", ({ text, args = [], differs }) => {
    const ours = byCooper(whole(text), args);
    let theirs: { config: Config; files: string[] } | undefined;
    try {
      theirs = byBuildah(whole(text), args);
    } catch (error) {
      if (differs === undefined) throw error;
    }
    const { config, files } = ours;
    if (differs === undefined)
      expect({ config, files }).toEqual(theirs ?? { config: {}, files: [] });
    else expect({ config, files }).not.toEqual(theirs ?? { config: {}, files: [] });
  });
});

describe("what is newer than buildah here", () => {
  test.each(cases.filter((one) => one.newer))("$name", ({ text, args = [], prints }) => {
    const { id } = byCooper(whole(text), args);
    const [script = "", output = ""] = prints ?? [];
    expect(cooper("run", "--rm", "--network", "none", id, "sh", "-c", script)).toBe(output);
  });
});
