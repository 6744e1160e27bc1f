/** Which OCI runtime runs a container here: asked for, configured, or the first that works. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { callRuntime, globalArgs, type OciRuntime } from "../runtime/oci-runtime.ts";
import { removeCgroupIfEmpty } from "../system/cgroup.ts";
import { bootId } from "../system/process.ts";
import { findProgram, needProgram } from "../system/program.ts";
import type { ContainerRecord } from "./record.ts";

/** The runtime of a container that exists. */
export async function chooseRuntime(host: Host, container: ContainerRecord): Promise<OciRuntime> {
  const { spec, resolved } = container;
  const runtime = await findRuntime(host, spec.runtime, resolved.cgroupManager);
  if (spec.cgroups !== "disabled" || runtime.name !== "crun") return runtime;
  return { ...runtime, globalArgs: [...runtime.globalArgs, "--cgroup-manager=disabled"] };
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
    globalArgs: globalArgs(stateDirectory, cgroupManager === "systemd", host.settings.runtimeFlags),
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
    const failure = tryRuntime(host, path);
    if (failure === undefined) return path;
    failures.push(`${name}: ${failure}`);
    host.debug(`${name} does not work here: ${failure}`);
  }
  if (failures.length === 0) {
    throw new CooperError("missing-helper", "no OCI runtime is installed", {
      hint: "apt-get install crun",
    });
  }
  throw new CooperError("helper-failed", `no OCI runtime works here (${failures.join("; ")})`);
}

/**
 * Asks for a container whose command does not exist. A runtime that works gets as far as to say so;
 * one that cannot (crun on a host with both cgroup versions) fails before. Returns why it cannot.
 */
function tryRuntime(host: Host, path: string): string | undefined {
  mkdirSync(host.paths.run, { recursive: true, mode: 0o700 });
  const bundle = mkdtempSync(join(host.paths.run, "probe-"));
  const id = `cooper-${basename(bundle)}`;
  const runtime = {
    name: basename(path),
    path,
    stateDirectory: join(bundle, "state"),
    globalArgs: ["--root", join(bundle, "state")],
  };
  try {
    mkdirSync(join(bundle, "rootfs", "proc"), { recursive: true });
    const namespaces = ["pid", "mount", "ipc", "uts"].map((type) => ({ type }));
    writeFileSync(
      join(bundle, "config.json"),
      JSON.stringify({
        ociVersion: "1.0.2",
        root: { path: "rootfs" },
        mounts: [],
        process: { cwd: "/", args: ["/cooper-probe"], user: { uid: 0, gid: 0 }, env: [] },
        linux: { namespaces, cgroupsPath: host.isRootless ? "" : `/cooper/${id}` },
      }),
    );
    const { stderr } = callRuntime(runtime, ["run", "--bundle", bundle, id]);
    callRuntime(runtime, ["delete", "--force", id]);
    return /cooper-probe|no such file or directory|not found/i.test(stderr) &&
      !/cgroup/i.test(stderr)
      ? undefined
      : stderr.trim().split("\n").at(-1);
  } finally {
    rmSync(bundle, { recursive: true, force: true });
    if (!host.isRootless) removeCgroupIfEmpty("/cooper");
  }
}
