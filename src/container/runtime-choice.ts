/** Which OCI runtime runs a container here: asked for, configured, or the first that works. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { callRuntime, globalArgs, type OciRuntime } from "../runtime/oci-runtime.ts";
import { removeCgroupIfEmpty } from "../system/cgroup.ts";
import { canMountProc } from "../system/own-limits.ts";
import { bootId, hasSeccompFilter } from "../system/process.ts";
import { findProgram, needProgram } from "../system/program.ts";
import { isInUserNamespace } from "../system/userns.ts";
import type { ContainerRecord } from "./record.ts";

/** The runtime of a container that exists. */
export async function chooseRuntime(host: Host, container: ContainerRecord): Promise<OciRuntime> {
  const { spec, resolved } = container;
  const runtime = await findRuntime(host, spec.runtime, resolved.cgroupManager);
  if (spec.cgroups !== "disabled" || !host.canLimit) return runtime;
  return { ...runtime, globalArgs: [...runtime.globalArgs, ...withoutCgroup(runtime.name)] };
}

/**
 * Flags with which a runtime makes no cgroup, where there is none to be had or wanted. runc knows only
 * to go on when it fails, as it does for ordinary users.
 */
function withoutCgroup(name: string): string[] {
  if (name === "crun") return ["--cgroup-manager=disabled"];
  return name === "runc" ? ["--rootless=true"] : [];
}

/**
 * `asked` is a name or a path; null takes the configured one, and where none is configured the first
 * of crun and runc that can run a container here. The answer is remembered until the next boot.
 */
export async function findRuntime(
  host: Host,
  asked: string | null,
  cgroupManager: "systemd" | "cgroupfs",
): Promise<OciRuntime> {
  const wanted = asked ?? host.settings.runtime;
  const path = wanted === null ? probedRuntime(host) : runtimePath(host, wanted);
  const stateDirectory = host.paths.runtimeState;
  return {
    name: basename(path),
    path,
    stateDirectory,
    globalArgs: [
      ...globalArgs(stateDirectory, cgroupManager === "systemd", host.settings.runtimeFlags),
      ...(host.canLimit ? [] : withoutCgroup(basename(path))),
    ],
  };
}

function runtimePath(host: Host, name: string): string {
  if (name.startsWith("/")) return name;
  const configured = host.settings.runtimes[name]?.find((path) => findProgram(path) !== undefined);
  return configured ?? needProgram(name);
}

/** The name of what runs containers here; empty as long as none was run. Starts nothing. */
export function runtimeName(host: Host, asked: string | null): string {
  return basename(asked ?? host.settings.runtime ?? rememberedRuntime(host).path);
}

function rememberedRuntime(host: Host): { boot: string; path: string } {
  const fact = host.database
    .query<{ value: string }, [string]>("select value from fact where name = ?")
    .get("runtime")?.value;
  const [boot = "", path = ""] = fact?.split(" ", 2) ?? [];
  return { boot, path };
}

function probedRuntime(host: Host): string {
  const remembered = rememberedRuntime(host);
  if (remembered.boot === bootId() && isFile(remembered.path)) return remembered.path;
  const path = probe(host);
  host.database
    .query("insert or replace into fact (name, value) values ('runtime', ?)")
    .run(`${bootId()} ${path}`);
  return path;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function probe(host: Host): string {
  const failures: string[] = [];
  for (const name of ["crun", "runc"]) {
    const path = findProgram(name);
    if (path === undefined) continue;
    const { failure } = tryRuntime(host, path);
    if (failure === undefined) return path;
    failures.push(`${name}: ${failure}`);
    host.debug(`${name} does not work here: ${failure}`);
  }
  if (failures.length === 0) {
    throw new CooperError("missing-helper", "no OCI runtime is installed", {
      hint: "apt-get install crun",
    });
  }
  const other = ["runc", "crun"].find((name) => findProgram(name) === undefined);
  throw new CooperError("helper-failed", `no OCI runtime works here (${failures.join("; ")})`, {
    ...(other !== undefined && { hint: `apt-get install ${other}` }),
  });
}

/** What a seccomp filter around us may forbid, and a container can do without. */
export type Forbidden = "hostname" | "keyring";

/** Tries with less and less of what is forbidden; `failure`: why the runtime cannot, even so. */
function tryRuntime(
  host: Host,
  path: string,
): { failure: string | undefined; without: Forbidden[] } {
  const without: Forbidden[] = [];
  for (;;) {
    const failure = runProbe(host, path, without);
    const cause = /sethostname/i.test(failure ?? "")
      ? "hostname"
      : /keyring|keyctl/i.test(failure ?? "")
        ? "keyring"
        : undefined;
    if (cause === undefined || without.includes(cause)) return { failure, without };
    without.push(cause);
  }
}

/**
 * Asks for a container whose command is an empty file. A runtime that works gets as far as to say so;
 * one that cannot (crun on a host with both cgroup versions) fails before. Returns why it cannot.
 */
function runProbe(host: Host, path: string, without: readonly Forbidden[]): string | undefined {
  mkdirSync(host.paths.run, { recursive: true, mode: 0o700 });
  const bundle = mkdtempSync(join(host.paths.run, "probe-"));
  const id = `cooper-${basename(bundle)}`;
  const runtime = {
    name: basename(path),
    path,
    stateDirectory: join(bundle, "state"),
    globalArgs: [
      "--root",
      join(bundle, "state"),
      ...(host.canLimit ? [] : withoutCgroup(basename(path))),
    ],
  };
  try {
    for (const directory of ["proc", "dev"])
      mkdirSync(join(bundle, "rootfs", directory), { recursive: true });
    writeFileSync(join(bundle, "rootfs", "probe"), "", { mode: 0o755 });
    writeFileSync(join(bundle, "config.json"), JSON.stringify(probeConfig(host, id, without)));
    const keyring = without.includes("keyring") ? ["--no-new-keyring"] : [];
    const { stderr } = callRuntime(runtime, ["run", ...keyring, "--bundle", bundle, id]);
    callRuntime(runtime, ["delete", "--force", id]);
    return /exec format error/i.test(stderr) ? undefined : stderr.trim().split("\n").at(-1);
  } finally {
    rmSync(bundle, { recursive: true, force: true });
    if (host.canLimit && !host.isRootless) removeCgroupIfEmpty("/cooper");
  }
}

function probeConfig(host: Host, id: string, without: readonly Forbidden[]): object {
  const proc = canMountProc(isInUserNamespace())
    ? { destination: "/proc", type: "proc", source: "proc" }
    : { destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] };
  const namespaces = ["pid", "mount", "ipc", "uts"].map((type) => ({ type }));
  return {
    ociVersion: "1.0.2",
    ...(!without.includes("hostname") && { hostname: "probe" }),
    root: { path: "rootfs" },
    mounts: [proc],
    process: { cwd: "/", args: ["/probe"], user: { uid: 0, gid: 0 }, env: [] },
    linux: { namespaces, cgroupsPath: host.canLimit && !host.isRootless ? `/cooper/${id}` : "" },
  };
}

/**
 * What a container must do without, since the seccomp filter of a container around us forbids it to all
 * that were not given CAP_SYS_ADMIN. Found out by trying, once a boot.
 */
export function forbiddenHere(host: Host, runtime: OciRuntime): readonly Forbidden[] {
  if (!hasSeccompFilter()) return [];
  const fact = host.database
    .query<{ value: string }, [string]>("select value from fact where name = ?")
    .get("forbidden")?.value;
  const [boot, words = ""] = fact?.split(" ", 2) ?? [];
  if (boot === bootId()) return words.split(",") as Forbidden[];
  const { without } = tryRuntime(host, runtime.path);
  host.database
    .query("insert or replace into fact (name, value) values ('forbidden', ?)")
    .run(`${bootId()} ${without.join(",")}`);
  return without;
}
