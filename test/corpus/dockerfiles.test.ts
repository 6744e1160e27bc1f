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
import { type Case, cases, contextFiles, repositoryFiles, webFiles } from "./cases.ts";

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

/** Servers have processes of their own: this one waits for builds. */
const servers: ReturnType<typeof Bun.spawn>[] = [];
const places = new Map<string, string>();

/** Ports that nobody has at the moment. */
function freePorts(count: number): number[] {
  const some = Array.from({ length: count }, () =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() }),
  );
  const ports = some.map(({ port }) => port ?? 0);
  for (const server of some) server.stop(true);
  return ports;
}

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
  }
}

async function serve(): Promise<void> {
  const [web, repositories, more] = ["web", "git", "more"].map((name) => join(place, name));
  if (web === undefined || repositories === undefined || more === undefined) return;
  write(web, webFiles);
  write(more, { own: "of its own\n", "d/e": "deep\n" });
  for (const name of ["in.tar", "in.tgz"]) copyFileSync(join(directory, name), join(web, name));
  const app = join(repositories, "app");
  write(app, repositoryFiles);
  const git = (...args: string[]) =>
    run(["git", "-C", app, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args]);
  git("init", "-q", "-b", "main");
  for (const args of [
    ["add", "."],
    ["commit", "-qm", "1"],
    ["tag", "v1"],
    ["checkout", "-qb", "dev"],
  ])
    git(...args);
  write(app, { "only-dev": "dev\n" });
  for (const args of [
    ["add", "."],
    ["commit", "-qm", "2"],
    ["checkout", "-q", "main"],
  ])
    git(...args);
  const [webPort, gitPort] = freePorts(2);
  servers.push(
    Bun.spawn(["/bin/busybox", "httpd", "-f", "-p", `127.0.0.1:${webPort}`, "-h", web]),
    Bun.spawn([
      ...["git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"],
      ...[`--port=${gitPort}`, `--base-path=${repositories}`],
    ]),
  );
  places.set("@WEB@", `http://127.0.0.1:${webPort}`);
  places.set("@GIT@", `git://127.0.0.1:${gitPort}`);
  places.set("@DIR@", more);
  for (let tries = 0; tries < 100; tries++) {
    const { success } = Bun.spawnSync(["git", "ls-remote", `git://127.0.0.1:${gitPort}/app`]);
    if (success) return;
    await Bun.sleep(50);
  }
  throw new Error("git daemon does not answer");
}

const filled = (text: string) => text.replace(/@\w+@/g, (name) => places.get(name) ?? name);

const cooper = (...args: string[]) => run([...cooperWords, ...args]);
const buildah = (...args: string[]) => run([...buildahWords, ...args]);

beforeAll(async () => {
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
  write(directory, contextFiles);
  const inner = join(place, "inner");
  mkdirSync(join(inner, "d"), { recursive: true });
  writeFileSync(join(inner, "d/f"), "in the tar");
  run(["tar", "-C", inner, "-cf", join(directory, "in.tar"), "."]);
  run(["tar", "-C", inner, "-czf", join(directory, "in.tgz"), "."]);
  await serve();
}, 120_000);

afterAll(() => {
  for (const server of servers) server.kill();
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

function byCooper({ text, args = [], context = directory }: Case): {
  config: Config;
  files: string[];
  id: string;
} {
  const options = ["-q", "--network", "none", "-f", "-", ...args.map(filled)];
  const words = [...cooperWords, "build", ...options, filled(context)];
  const id = run(words, whole(filled(text))).replace("sha256:", "");
  const [image] = JSON.parse(cooper("image", "inspect", id));
  const mounted = cooper("image", "mount", id);
  try {
    return { config: facts(image.Config), files: listing(mounted), id };
  } finally {
    cooper("image", "unmount", id);
  }
}

function byBuildah({ text, args = [], context = directory }: Case): {
  config: Config;
  files: string[];
} {
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
    ...args.map(filled),
    filled(context),
  ];
  const id = run(words, whole(filled(text)));
  const document = JSON.parse(buildah("inspect", "--type", "image", id));
  // podman reads the same store, and mounts an image without running what ONBUILD says
  const podman = ["podman", ...buildahWords.slice(1), "image"];
  const files = listing(run([...podman, "mount", id]));
  run([...podman, "unmount", id]);
  return { config: facts(document.Docker.config), files };
}

describe("Cooper and buildah make the same of", () => {
  const all = cases.filter((one) => one.newer === undefined);
  test.each(all)("$name", (one) => {
    const { differs } = one;
    const ours = byCooper(one);
    let theirs: { config: Config; files: string[] } | undefined;
    try {
      theirs = byBuildah(one);
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
  test.each(cases.filter((one) => one.newer))("$name", (one) => {
    const { id } = byCooper(one);
    const [script = "", output = ""] = one.prints ?? [];
    expect(cooper("run", "--rm", "--network", "none", id, "sh", "-c", script)).toBe(output);
  });
});
